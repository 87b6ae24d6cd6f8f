"""`run_eagerly=True`: each op of a step runs as it is called.

A recording trace whose tensors have values: user code may print them, branch on them
and stop in a debugger. Assignments are kept back until the step ends, as in a compiled
step, and dropped where the step is skipped because of bad data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.node import Attr, Graph, Shape, Value
from pydl.graph.trace import Trace, TraceTensor, user_line
from pydl.runtime import gpu, watchers
from pydl.runtime.eager import run_op
from pydl.runtime.tensor import Tensor


class EagerTensor(TraceTensor):
    """A traced tensor that has its value already."""

    __slots__ = ()

    trace: EagerTrace

    def numpy(self) -> np.ndarray:
        """A copy of the value."""
        return self._host().copy()

    def _host(self) -> np.ndarray:
        return gpu.to_host(self.trace.values[self.value])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._host(), dtype=dtype)

    def item(self) -> Any:
        """The one element, as a Python number."""
        return self._host().item()

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        return self._host().tolist()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __bool__(self) -> bool:
        return bool(self._host())

    def __float__(self) -> float:
        return float(self._host())

    def __int__(self) -> int:
        return int(self._host())

    def __index__(self) -> int:
        return self._host().__index__()

    def __repr__(self) -> str:
        return f"<EagerTensor {self._host()!r}>"


class EagerTrace(Trace):
    """A trace that computes each node when it is added."""

    computes = True

    def __init__(self, name: str, inputs: Sequence[np.ndarray], index: int) -> None:
        super().__init__(name)
        #: NumPy arrays, or arrays on the GPU that ops run on.
        self.values: dict[Value, Any] = {}
        self._arrays = iter(inputs)
        self._index = index
        self._dropping = False

    def input(
        self, name: str, shape: Sequence[int], dtype: str, *, step: bool = False
    ) -> TraceTensor:
        tensor = super().input(name, shape, dtype, step=step)
        array = next(self._arrays)
        if step:
            array = array.reshape(-1, *shape)[self._index]
        self.values[tensor.value] = array
        return tensor

    def constant(self, array: np.ndarray) -> TraceTensor:
        tensor = super().constant(array)
        self.values.setdefault(tensor.value, tensor.value.node.payload)
        return EagerTensor(self, tensor.value)

    def read(self, variable: Any) -> TraceTensor:
        tensor = super().read(variable)
        self.values.setdefault(tensor.value, variable.buffer)
        return EagerTensor(self, tensor.value)

    def assign(self, variable: Any, tensor: TraceTensor) -> None:
        if not self._dropping:
            super().assign(variable, tensor)

    def add(
        self, op: str, inputs: Sequence[TraceTensor], attrs: dict[str, Attr]
    ) -> tuple[TraceTensor, ...]:
        tensors = super().add(op, inputs, attrs)
        if op == "reshape":  # another view of the same bytes: no kernel does it
            whole = self.values[inputs[0].value]
            results = [gpu.reshaped(whole, tensors[0].shape)]
        else:
            results = run_op(op, [self.values[t.value] for t in inputs], attrs)
        for tensor, array in zip(tensors, results, strict=True):
            self.values[tensor.value] = array
        check = watchers.current_check()
        if check is not None:
            operands = [gpu.to_host(self.values[t.value]) for t in inputs]
            made = [gpu.to_host(array) for array in results]
            check(op, operands, made, "/".join(self.layers), user_line())
        return tuple(EagerTensor(self, tensor.value) for tensor in tensors)

    def guard_assigned(self, flag: TraceTensor) -> None:
        if gpu.to_host(self.values[flag.value])[0]:
            self.graph.assigns.clear()

    @contextmanager
    def skip_if(self, flag: TraceTensor) -> Iterator[None]:
        outer, skipped = self._dropping, gpu.to_host(self.values[flag.value])[0]
        self._dropping = outer or bool(skipped)
        try:
            yield
        finally:
            self._dropping = outer

    def _leaf(self, op: str, spec: tuple[str, Shape], payload: Any) -> TraceTensor:
        return EagerTensor(self, super()._leaf(op, spec, payload).value)

    def write_back(self) -> None:
        """Give the variables the values assigned in this pass."""
        new = [
            (v, gpu.to_host(self.values[value]).copy())
            for v, value in self.graph.assigns.items()
        ]
        for variable, array in new:
            variable.assign(array)


class EagerStep:
    """Makes passes by running the function that traces a step, op by op."""

    def __init__(self, trace: Callable[[Callable[[str], Trace]], Graph]) -> None:
        self._trace = trace

    def run_fast(
        self, inputs: Sequence[Any], outputs: Sequence[Any], wait: bool = True
    ) -> None:
        """As `CompiledProgram.run_fast`."""
        for index, values, graph in self._passes(inputs):
            for array, output in zip(outputs, graph.outputs, strict=True):
                shape = output.value.shape
                target = array.reshape(-1, *shape)[index] if output.step else array
                target[...] = gpu.to_host(values[output.value])

    def run(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Make passes; returns the outputs of the last by name."""
        results: dict[str, np.ndarray] = {}
        for _, values, graph in self._passes(inputs):
            results = {
                out.name: gpu.to_host(values[out.value]).copy() for out in graph.outputs
            }
        return results

    def _passes(
        self, inputs: Sequence[np.ndarray]
    ) -> Iterator[tuple[int, dict[Value, np.ndarray], Graph]]:
        """Each pass's number, values and graph, until the count or the stop variable
        ends it."""
        for index in range(int(inputs[0][0])):
            opened: list[EagerTrace] = []

            def open_trace(
                name: str, index: int = index, opened: list[EagerTrace] = opened
            ) -> Trace:
                opened.append(EagerTrace(name, inputs, index))
                return opened[0]

            graph = self._trace(open_trace)
            opened[0].write_back()
            yield index, opened[0].values, graph
            stop = graph.loop.stop if graph.loop is not None else None
            if stop is not None and stop.buffer[0] != 0:
                return

    def finish(self) -> None:
        """Ops have run when they return."""


def run_now(step: Callable[[], Any]) -> Any:
    """Call a step outside a trace: its ops run at once, variables are written when it
    ends. Returns its result with tensors for values."""
    trace = EagerTrace("step", (), 0)
    with trace:
        results = step()
    trace.write_back()

    def value_of(leaf: Any) -> Any:
        if isinstance(leaf, TraceTensor):
            return Tensor(gpu.to_host(trace.values[leaf.value]).copy())
        return leaf

    return tree.map_structure(value_of, results)
