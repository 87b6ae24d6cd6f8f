"""A tape under a trace: which part of the trace its block is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.graph.gradients import depending, gradients
from pydl.graph.node import Node, Value
from pydl.graph.trace import Trace, TraceTensor
from pydl.ops.dtypes import is_float
from pydl.runtime.variable import Variable


class TraceSpan:
    """The nodes a trace got while a tape was open, and what the tape watches."""

    def __init__(self, trace: Trace, watch_variables: bool) -> None:
        self._trace = trace
        self._watch_variables = watch_variables
        self._spans: list[tuple[int, int]] = []
        self._begin = -1
        self._watched: set[Value] = set()
        self._variables: dict[int, Variable] = {}
        #: What variables were when the block began.
        self._before = trace.variable_values()

    def start(self) -> None:
        self._begin = len(self._trace.graph.nodes)

    def stop(self) -> None:
        self._spans.append((self._begin, len(self._trace.graph.nodes)))
        self._begin = -1

    def watch(self, tensor: Any) -> None:
        if isinstance(tensor, Variable):
            self._variables[id(tensor)] = tensor
            return
        if not isinstance(tensor, TraceTensor):
            raise ValueError(
                "GradientTape.watch: expected a tensor of the running trace "
                f"{self._trace.graph.name!r}, received {tensor!r}, a constant of it: "
                "pass it to the traced function as an argument"
            )
        self._watched.add(tensor.value)

    def variables(self) -> list[Variable]:
        """The variables that are watched."""
        read = self._trace.variable_values()
        found = {id(v): v for v in read if self._watches(v)}
        return list({**found, **self._variables}.values())

    def gradient(
        self, ys: Sequence[Any], xs: Sequence[Any], seeds: Sequence[Any]
    ) -> list[Any]:
        """One gradient, or None, per x."""
        nodes = self._nodes()
        now = self._trace.variable_values()
        variables = [v for v in now if self._watches(v)]
        roots = {value for v in variables for value in self._values(v, now, set())}
        tracked = depending(self._trace, nodes, self._watched | roots)
        sources = [self._values(x, now, tracked) for x in xs]
        flat = [TraceTensor(self._trace, v) for values in sources for v in values]
        found = iter(gradients(ys, flat, seeds, nodes=nodes))
        result: list[Any] = []
        for values in sources:
            grads = [next(found) for _ in values]
            result.append(next((g for g in grads if g is not None), None))
        return result

    def _values(
        self, x: Any, now: dict[Any, Value], tracked: set[Value]
    ) -> list[Value]:
        """The values a source stands for: a variable's of when the block began, then
        the one it has now."""
        if isinstance(x, Variable):
            if not self._watches(x) or x not in now:
                return []
            first = self._before.get(x) or self._trace.first_values()[x]
            return list(dict.fromkeys([first, now[x]]))
        known = isinstance(x, TraceTensor) and x.value in tracked
        return [x.value] if known else []

    def _watches(self, variable: Variable) -> bool:
        own = self._watch_variables and variable.trainable
        return (own or id(variable) in self._variables) and is_float(variable.dtype)

    def _nodes(self) -> list[Node]:
        nodes = self._trace.graph.nodes
        spans = list(self._spans)
        if self._begin >= 0:
            spans.append((self._begin, len(nodes)))
        return [node for begin, end in spans for node in nodes[begin:end]]
