"""Steps of the user's own: `train_step` and `test_step` overridden.

Such a step is traced like the usual ones and compiled. If it needs a value while it is
traced (to print it, to branch on it), it runs op by op from then on.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import ops
from pydl.graph.node import LEAVES, Graph
from pydl.graph.trace import NeedsValue, Trace, TraceTensor
from pydl.ops.apply import emit
from pydl.runtime.program import CompiledProgram, compile_graph
from pydl.training.adapters.packing import pack_x_y_sample_weight
from pydl.training.eager import EagerStep
from pydl.training.step import Feed, Open, fault_of, stop_value

if TYPE_CHECKING:
    from pydl.training.state import TrainingState

Logs = dict[str, Any]


def trace_own(
    state: TrainingState, mode: str, feed: Feed, kept: Logs, *, halt: bool = False,
    open: Open = Trace,
) -> Graph:  # fmt: skip
    """The graph of a step of the user's; the tensors in its logs are outputs, the rest
    of the logs goes to `kept`. `halt`: a loss that is not finite ends the loop."""
    model = state.model
    with open(mode) as trace:
        steps = trace.input("steps", (1,), "int64")
        data = pack_x_y_sample_weight(*feed.bring_in(trace))
        logs = model.train_step(data) if mode == "train" else model.test_step(data)
        tensors = _log_tensors(model, mode, logs, kept)
        for name, tensor in tensors.items():
            trace.output(name, tensor)
        fault = fault_of(state, trace)
        stop = stop_value(fault, tensors.get("loss") if halt else None)
        if stop is not None:
            state.stop.assign(stop)
        trace.loop(steps, stop=None if stop is None else state.stop)
    return trace.graph


def _log_tensors(
    model: Any, mode: str, logs: Any, kept: Logs
) -> dict[str, TraceTensor]:
    """The tensors of a step's logs, those in nested dicts included, in float32 unless
    they hold integers."""
    if logs is None:
        return {}
    if not isinstance(logs, dict):
        raise ValueError(
            f"{type(model).__name__}.{mode}_step: expected a dict of numbers to log, "
            f"received {logs!r} of type {type(logs).__name__}"
        )
    tensors: dict[str, TraceTensor] = {}
    for name, value in logs.items():
        if isinstance(value, dict):
            tensors.update(_log_tensors(model, mode, value, kept))
        elif hasattr(value, "shape") or isinstance(value, (int, float)):
            tensor = ops.convert_to_tensor(value)
            if "float" in tensor.dtype and tensor.dtype != "float64":
                tensor = ops.cast(tensor, "float32")
            if tensor.value.node.op in LEAVES:  # an output is made by the step
                tensor = emit("copy", tensor)
            tensors[str(name)] = tensor
        else:
            kept[str(name)] = value
    return tensors


class OwnStep:
    """Makes passes of a step of the user's; the logs go to ``state.logs[mode]``."""

    def __init__(
        self, state: TrainingState, mode: str, feed: Feed, halt: bool = False
    ) -> None:
        self._state, self._mode, self._feed, self._halt = state, mode, feed, halt
        self._kept: Logs = {}
        #: None: it runs op by op.
        self.program: CompiledProgram | None = None
        self._specs: list[tuple[str, tuple[int, ...], str]] = []
        if not state.run_eagerly:
            self._compile()

    def _compile(self) -> None:
        try:
            graph = trace_own(
                self._state, self._mode, self._feed, self._kept, halt=self._halt
            )
        except NeedsValue as error:
            self._state.warn_eager(self._mode, error)
            return
        self._specs = [(o.name, o.value.shape, o.value.dtype) for o in graph.outputs]
        self.program = compile_graph(graph)

    def run_fast(
        self, inputs: Sequence[Any], outputs: Sequence[Any], wait: bool = True
    ) -> None:
        """As `CompiledProgram.run_fast`; the step's outputs are its logs."""
        if self.program is None:
            self._run_eagerly(inputs)
            return
        arrays = [np.zeros(shape, dtype) for _, shape, dtype in self._specs]
        self.program.run_fast(inputs, arrays, wait=wait)
        names = (name for name, _, _ in self._specs)
        self._state.logs[self._mode] = {
            **dict(zip(names, arrays, strict=True)),
            **self._kept,
        }

    def finish(self) -> None:
        """Wait for a run that did not."""
        if self.program is not None:
            self.program.finish()

    def _run_eagerly(self, inputs: Sequence[Any]) -> None:
        self._kept = {}

        def trace(open: Open) -> Graph:
            return trace_own(
                self._state, self._mode, self._feed, self._kept, halt=self._halt,
                open=open,
            )  # fmt: skip

        logs = EagerStep(trace).run(inputs)
        self._state.logs[self._mode] = {**logs, **self._kept}


def plain_logs(logs: Logs) -> Logs:
    """Logs by sorted name, numbers for what is one number."""
    plain: Logs = {}
    for name in sorted(logs):
        value = logs[name]
        if isinstance(value, dict):
            plain.update(plain_logs(value))
            continue
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(())
        try:
            plain[name] = float(value)
        except (TypeError, ValueError):
            plain[name] = value
    return plain


def warn_eager(model: Any, mode: str, error: NeedsValue) -> None:
    """Say that a step cannot be compiled, and which line is why."""
    warnings.warn(
        f"{type(model).__name__}.{mode}_step cannot be compiled and runs op by op, "
        f"which is slower: {error}",
        stacklevel=2,
    )
