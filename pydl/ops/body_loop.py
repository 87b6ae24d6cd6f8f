"""Loops of Python's structures, variables and bad data as loops of a plan, or the
reason why they cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.trace import NeedsValue, Trace
from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.stateless import StatelessScope
from pydl.ops.traced_loops import NotALoopError, Passes, Tensors, cut, run_loop
from pydl.runtime import watchers
from pydl.runtime.variable import Variable


class _AgainError(Exception):
    """The body is traced again: something more is carried."""


class BodyLoop:
    """A loop over structures of tensors, whose body may assign variables and meet bad
    data: both are carried from pass to pass.

    Args:
        passes: how many.
        state: what is carried. Leaves that are no tensors stay what they are.
        xs: what is read by row, or None.
        step: takes a state and the rows of a pass; gives the next state and a structure
            of results, which are stacked.
    """

    def __init__(
        self,
        trace: Trace,
        passes: Passes,
        state: Any,
        xs: Any,
        step: Callable[[Any, Any], tuple[Any, Any]],
    ) -> None:
        self.trace = trace
        self.passes = passes
        self.state, self.xs, self.step = state, xs, step
        self.leaves = tree.flatten(state)
        self.moving = [i for i, x in enumerate(self.leaves) if _is_tensor_like(x)]
        self.dtypes: dict[int, str] = {}
        self.variables: list[Variable] = []
        self.expected: list[str] = []
        self.result: Any = None

    def run(self) -> tuple[Any, Any]:
        """The last state and the stacked results. Raises NotALoopError, with nothing
        left in the trace, if this is no loop of a plan."""
        if isinstance(watchers.current_scope(), StatelessScope):
            raise NotALoopError("a StatelessScope is open")
        for _ in range(8):
            try:
                with self.trace.attempt():
                    return self._attempt()
            except _AgainError:
                continue
            except (NotALoopError, NeedsValue):
                raise
            except Exception as error:  # the user's, if it comes again when unrolled
                raise NotALoopError(str(error)) from error
        raise NotALoopError("what it carries changes from pass to pass")

    def _attempt(self) -> tuple[Any, Any]:
        init = [lift(self.leaves[i], self.dtypes.get(i)) for i in self.moving]
        init += [lift(v, v.dtype) for v in self.variables]
        init += [lift(np.zeros(1, "int64")) for _ in self.expected]
        rows = [lift(x) for x in tree.flatten(self.xs)] if self.xs is not None else []
        finals, stacks = run_loop(self.trace, self.passes, init, rows, self._body)
        values, variables, faults = cut(finals, len(self.moving), len(self.variables))
        for variable, value in zip(self.variables, variables, strict=True):
            variable.assign(value)
        self.trace.faults += zip(faults, self.expected, strict=True)
        left = iter(stacks)
        result = [next(left) if _is_tensor_like(y) else y
                  for y in tree.flatten(self.result)]  # fmt: skip
        return self._packed(values), tree.pack_sequence_as(self.result, result)

    def _packed(self, values: Sequence[Any]) -> Any:
        leaves = list(self.leaves)
        for i, value in zip(self.moving, values, strict=True):
            leaves[i] = value
        return tree.pack_sequence_as(self.state, leaves)

    def _body(self, carried: Tensors, rows: Tensors) -> tuple[Tensors, Tensors]:
        trace = self.trace
        values, variables, faults = cut(carried, len(self.moving), len(self.variables))
        for variable, value in zip(self.variables, variables, strict=True):
            trace.carry_variable(variable, value)
        x = None if self.xs is None else tree.pack_sequence_as(self.xs, rows)
        known = len(trace.faults)
        state, self.result = self.step(self._packed(values), x)
        following = self._next_values(state)
        assigned = trace.assigned_in_loop()
        found = trace.faults[known:]
        del trace.faults[known:]
        carried_now = {id(v) for v in self.variables}
        new = [v for v in assigned if id(v) not in carried_now]
        if new or len(found) != len(self.expected):
            self.variables += new
            self.expected = [expected for _, expected in found]
            raise _AgainError
        following += [
            assigned.get(v, x) for v, x in zip(self.variables, variables, strict=True)
        ]
        following += [
            emit("maximum", before, fault)
            for before, (fault, _) in zip(faults, found, strict=True)
        ]
        stacked = [lift(y) for y in tree.flatten(self.result) if _is_tensor_like(y)]
        return following, stacked

    def _next_values(self, state: Any) -> Tensors:
        """The tensors of a next state, which must be like the first."""
        tree.assert_same_structure(self.state, state)
        leaves = tree.flatten(state)
        for i, (before, after) in enumerate(zip(self.leaves, leaves, strict=True)):
            if i not in self.moving and before is not after and before != after:
                raise NotALoopError(f"{before!r} becomes {after!r}")
        following = []
        for i in self.moving:
            value = lift(leaves[i], None if _is_traced(leaves[i]) else self._dtype(i))
            following.append(value)
            if value.dtype != self._dtype(i):
                if isinstance(self.leaves[i], TENSORS) or i in self.dtypes:
                    raise NotALoopError(
                        f"a value changes from {self._dtype(i)} to {value.dtype}"
                    )
                self.dtypes[i] = value.dtype
                raise _AgainError
        return following

    def _dtype(self, i: int) -> str:
        return self.dtypes.get(i) or str(lift(self.leaves[i]).dtype)


def _is_tensor_like(x: Any) -> bool:
    number = isinstance(x, (int, float)) and not isinstance(x, str)
    return number or isinstance(x, (*TENSORS, np.ndarray, np.generic))


def _is_traced(x: Any) -> bool:
    return isinstance(x, (*TENSORS, np.ndarray, np.generic))
