"""`cond` and `switch`: one branch of several.

A predicate with a value chooses in Python. A predicate of a running trace has none: a
plan holds both branches, and `where` picks each result, so gradients pass through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.trace import Trace, TraceTensor, current_trace
from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.arithmetic import where
from pydl.ops.compare import less_equal
from pydl.ops.public import public_op
from pydl.ops.stateless import StatelessScope
from pydl.runtime import watchers
from pydl.runtime.variable import Variable

Branch = Callable[..., Any]


def has_value(x: Any) -> bool:
    """Whether Python may ask for the value of `x` now."""
    if isinstance(x, Variable):
        x = x.value
    return not isinstance(x, TraceTensor) or x.trace.computes


@public_op
def cond(pred: Any, true_fn: Branch, false_fn: Branch) -> Any:
    """``true_fn()`` if `pred`, else ``false_fn()``.

    Args:
        pred: a bool, or a scalar tensor.
        true_fn, false_fn: functions without arguments that return tensors of the same
            structure and shapes.

    In a compiled step or function with a traced `pred` both branches run and the
    results, and what the branches assigned to variables, are chosen by `pred`. A branch
    that gives infinities or NaN where it is not meant can then spoil the gradient of
    the other: keep its arguments in range with `where`.

    Raises TypeError for branches that cannot be called, ValueError for branches whose
    results differ in structure or shape (when both run).

    >>> x = pydl.ops.convert_to_tensor(2.0)
    >>> float(pydl.ops.cond(x > 0, lambda: x * 10.0, lambda: x))
    20.0
    """
    for name, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError(f"cond: expected {name} to be callable, received "
                            f"{function!r}")  # fmt: skip
    if has_value(pred):
        return true_fn() if bool(np.asarray(pred).reshape(())) else false_fn()
    trace = current_trace()
    if trace is None:  # a stand-in that outlived its trace: lift tells
        return lift(pred)
    flag = emit("reshape", lift(pred, "bool"), shape=[])
    return _both(trace, flag, true_fn, false_fn)


@public_op
def switch(index: Any, branches: Sequence[Branch], *operands: Any) -> Any:
    """``branches[index](*operands)``; an index out of range takes the nearest branch.

    With a traced `index` all branches run; see `cond`. Raises ValueError without
    branches.

    >>> pydl.ops.switch(7, [lambda x: x, lambda x: -x], 3)
    -3
    """
    if not branches:
        raise ValueError("switch: expected one or more branches, received none")
    if has_value(index):
        number = int(np.asarray(index).reshape(()))
        return branches[min(max(number, 0), len(branches) - 1)](*operands)

    def choose(first: int) -> Any:
        if first == len(branches) - 1:
            return branches[first](*operands)
        return cond(
            less_equal(index, first),
            lambda: branches[first](*operands),
            lambda: choose(first + 1),
        )

    return choose(0)


def _both(trace: Trace, flag: TraceTensor, true_fn: Branch, false_fn: Branch) -> Any:
    with _apart(trace) as taken:
        on_true = true_fn()
    with _apart(trace) as other:
        on_false = false_fn()
    result = select(flag, on_true, on_false)
    for variable in {**taken.values, **other.values}:
        new = taken.values.get(variable), other.values.get(variable)
        a, b = (variable if value is None else value for value in new)
        variable.assign(where(flag, a, b))
    good = lift(np.zeros(1, "int64"))
    for fault, expected in taken.faults:
        trace.faults.append((emit("where", flag, fault, good), expected))
    for fault, expected in other.faults:
        trace.faults.append((emit("where", flag, good, fault), expected))
    return result


def select(flag: Any, on_true: Any, on_false: Any) -> Any:
    """The leaves of the first structure where the scalar `flag` holds, else those of
    the second."""

    def pick(a: Any, b: Any) -> Any:
        if not _is_tensor_like(a) and not _is_tensor_like(b) and a == b:
            return a  # None, or the same Python value
        if a is None or b is None:
            raise ValueError(
                f"cond: expected branches of one structure, received {on_true!r} and "
                f"{on_false!r}"
            )
        a, b = lift(a), lift(b)
        if a.shape != b.shape:
            raise ValueError(
                "cond: expected both branches to return tensors of one shape, received "
                f"{a.shape} and {b.shape}"
            )
        return a if a is b else where(flag, a, b)

    return tree.map_structure(pick, on_true, on_false)


def _is_tensor_like(x: Any) -> bool:
    return isinstance(x, (*TENSORS, np.ndarray, np.generic))


class _Effects:
    """What a branch assigned and which bad data it found."""

    def __init__(self) -> None:
        self.values: dict[Variable, Any] = {}
        self.faults: list[Any] = []


@contextmanager
def _apart(trace: Trace) -> Iterator[_Effects]:
    """Run a branch without lasting effects, and tell what they would be."""
    effects = _Effects()
    scope = watchers.current_scope()
    held = scope.values() if isinstance(scope, StatelessScope) else {}
    faults = len(trace.faults)
    with trace.branch() as assigned:
        yield effects
        effects.faults = trace.faults[faults:]
        del trace.faults[faults:]
    if isinstance(scope, StatelessScope):
        now = scope.values()
        scope.restore(held)
        effects.values = {v: x for v, x in now.items() if held.get(v) is not x}
    effects.values.update(assigned)
