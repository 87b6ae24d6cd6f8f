"""A traced computation that runs compiled and can be differentiated: what a call of a
compiled function is, and what its gradient is again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from pydl.graph.gradients import gradients
from pydl.graph.node import Node, Value
from pydl.graph.replay import replay, replay_calls, replay_stops
from pydl.graph.trace import Trace, TraceTensor
from pydl.ops.apply import emit, lift
from pydl.ops.dtypes import is_float
from pydl.runtime import gpu, watchers
from pydl.runtime.eager import row_major
from pydl.runtime.program import CompiledProgram, compile_graph
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable


class Block:
    """The compiled form of a trace whose inputs are named ``x0, x1, ...``.

    Args:
        trace: finished; this adds the outputs to its graph.
        inputs: the tensors of those inputs.
        outputs: the results; more, such as faults, may follow what `hidden` counts.
        hidden: how many of the last outputs no gradient is asked of.
    """

    def __init__(
        self,
        trace: Trace,
        inputs: Sequence[TraceTensor],
        outputs: Sequence[TraceTensor],
        hidden: int = 0,
    ) -> None:
        self._trace = trace
        self._nodes: tuple[Node, ...] = tuple(trace.graph.nodes)
        self._inputs = [x.value for x in inputs]
        self._outputs = [y.value for y in outputs]
        self._shown = len(outputs) - hidden
        leaves = trace.first_values()
        self._variables: list[tuple[Variable, Value]] = list(leaves.items())
        self._trainable = [variable.trainable for variable in leaves]
        self._lock = threading.RLock()
        self._back: tuple[Block, list[int]] | None = None
        for i, y in enumerate(outputs):
            trace.output(f"y{i}", y)
        self.program: CompiledProgram = compile_graph(trace.graph)
        ports = self.program.info.inputs
        self._order = [int(port.name[1:]) for port in ports]

    @property
    def differentiable(self) -> bool:
        """Whether a copy has the gradient: not where a user's function makes it."""
        return all(call.movable for call in self._trace.calls.values())

    @property
    def outdated(self) -> bool:
        """Whether a variable it reads is trainable now and was not, or the reverse."""
        return [v.trainable for v, _ in self._variables] != self._trainable

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The outputs. A tape that is open learns of one call."""
        if not watchers.is_watched():
            return self._run(inputs)
        state = [lift(variable) for variable, _ in self._variables]  # as they are now
        operands = [*inputs, *state]
        results = self._run(inputs)
        shown = results[: self._shown]
        watchers.note_call(operands, shown, lambda grads: self._pull(operands, grads))
        return results

    def _run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        program = self.program
        arrays = [self._input(inputs[i]) for i in self._order]
        outputs = [program._new(port, 1) for port in program.info.outputs]
        if program.info.written:
            with self._lock:
                program.run_fast(arrays, outputs)
        else:
            program.run_fast(arrays, outputs)
        return [Tensor(array) for array in outputs]

    def _input(self, x: Tensor) -> Any:
        """An argument where the program takes it: on a GPU only if it runs there."""
        if self.program.device and x.device == self.program.device:
            return gpu.dense(x.array)
        return row_major(gpu.to_host(x.array))

    # -- the gradient ----------------------------------------------------------------

    def _pull(self, operands: Sequence[Tensor], grads: Sequence[Any]) -> list[Any]:
        """The gradients of the operands: arguments, then variables read."""
        with self._lock:
            if self._back is None:
                self._back = self._make_back()
        block, places = self._back
        seeds = [
            _zeros(y) if g is None else g
            for y, g in zip(self._outputs[: self._shown], grads, strict=True)
            if is_float(y.dtype)
        ]
        found: list[Any] = [None] * len(operands)
        for place, grad in zip(places, block([*operands, *seeds]), strict=True):
            found[place] = grad
        return found

    def _make_back(self) -> tuple[Block, list[int]]:
        """A block of operands and gradients of the outputs, and which operands its
        results belong to. It computes the outputs again."""
        values = [*self._inputs, *(value for _, value in self._variables)]
        ys = [y for y in self._outputs[: self._shown] if is_float(y.dtype)]
        with Trace(f"{self._trace.graph.name}_gradient") as trace:
            ports = [
                trace.input(f"x{i}", v.shape, v.dtype)
                for i, v in enumerate([*values, *ys])
            ]
            now = dict(zip(values, ports, strict=False))
            replay(trace, self._nodes, now)
            replay_stops(self._trace, trace, self._nodes, now)
            replay_calls(self._trace, trace, self._nodes, now)
            wanted = [i for i, v in enumerate(values) if is_float(v.dtype)]
            found = gradients(
                [now[y] for y in ys], [ports[i] for i in wanted], ports[len(values) :]
            )
            pairs = [(i, g) for i, g in zip(wanted, found, strict=True)
                     if g is not None]  # fmt: skip
        return Block(trace, ports, [g for _, g in pairs]), [i for i, _ in pairs]


def _zeros(value: Value) -> Any:
    return emit("full", shape=list(value.shape), dtype=value.dtype, value=0.0)
