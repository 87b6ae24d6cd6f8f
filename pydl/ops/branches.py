"""`cond` and `switch`: one branch of several.

A predicate with a value chooses in Python. A predicate of a running trace has none: the
trace holds both branches, and `where` picks each result. What only serves one branch
is left out when the other is taken (`pydl.passes.branches`). The gradient is a `cond`
again, over the gradients of the branches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.gradients import gradients
from pydl.graph.node import LEAVES, Node, Value
from pydl.graph.trace import CustomCall, Trace, TraceTensor, current_trace
from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.arithmetic import where
from pydl.ops.compare import less_equal
from pydl.ops.dtypes import is_float
from pydl.ops.public import public_op
from pydl.ops.stateless import StatelessScope
from pydl.runtime import watchers
from pydl.runtime.variable import Variable

__all__ = ["cond", "switch"]

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

    In a compiled step or function with a traced `pred` both branches are traced, and
    only that taken runs (short ones may run both; the results are the same). Gradients
    pass through the branch taken alone.

    Raises TypeError for branches that cannot be called, ValueError for branches whose
    results differ in structure or shape (when both are traced).

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
    return _both(trace, flag, true_fn, false_fn, _of_one_structure)


@public_op
def switch(index: Any, branches: Sequence[Branch], *operands: Any) -> Any:
    """``branches[index](*operands)``; an index out of range takes the nearest branch.

    With a traced `index` all branches are traced; see `cond`. Raises ValueError without
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


@dataclass
class _Branch:
    """A branch of a trace: its nodes, what it returned and did."""

    result: Any = None
    nodes: list[Node] = field(default_factory=list)
    assigned: dict[Variable, Any] = field(default_factory=dict)
    faults: list[Any] = field(default_factory=list)


def _both(
    trace: Trace,
    flag: TraceTensor,
    true_fn: Branch,
    false_fn: Branch,
    matched: Callable[[Any, Any], list[tuple[Any, Any]]],
) -> Any:
    """Trace both branches and choose. `matched` gives the pairs to choose from."""
    taken, other = both = _traced(trace, true_fn), _traced(trace, false_fn)
    pairs = matched(taken.result, other.result)
    variables = list({**taken.assigned, **other.assigned})
    pairs += [
        tuple(b.assigned[v] if v in b.assigned else lift(v, v.dtype) for b in both)
        for v in variables
    ]
    chosen = _chosen(trace, flag, both, pairs)
    for variable in reversed(variables):
        variable.assign(chosen.pop())
    good = lift(np.zeros(1, "int64"))
    for fault, expected in taken.faults:
        trace.faults.append((emit("where", flag, fault, good), expected))
    for fault, expected in other.faults:
        trace.faults.append((emit("where", flag, good, fault), expected))
    return tree.pack_sequence_as(taken.result, chosen)


def _chosen(
    trace: Trace,
    flag: TraceTensor,
    branches: tuple[_Branch, _Branch],
    pairs: Sequence[tuple[Any, Any]],
) -> list[Any]:
    """One of each pair, with the gradient of the branch it comes from."""
    chosen = [_pick(flag, a, b) for a, b in pairs]
    made = [
        i for i, (x, pair) in enumerate(zip(chosen, pairs, strict=True))
        if isinstance(x, TraceTensor) and x is not pair[0] and is_float(x.dtype)
    ]  # fmt: skip
    sides = tuple(
        _Side(branch.nodes, [lift(pairs[i][side]) for i in made])
        for side, branch in enumerate(branches)
    )
    inputs = [TraceTensor(trace, v) for v in _outer_values(trace, sides)]
    if not made or not inputs:
        return chosen
    for i in made:  # each result of a call is a node of its own
        chosen[i] = emit("reshape", chosen[i], shape=list(chosen[i].shape))
    choice = _Choice(trace, flag, (sides[0], sides[1]), inputs)
    outputs = tuple(chosen[i].value for i in made)
    call = CustomCall(tuple(x.value for x in inputs), outputs, choice)
    trace.calls.update((value.node, call) for value in outputs)
    return chosen


def _pick(flag: Any, a: Any, b: Any) -> Any:
    """`a` where the scalar `flag` holds, else `b`."""
    if not _is_tensor_like(a) and not _is_tensor_like(b) and a == b:
        return a  # None, or the same Python value
    a, b = lift(a), lift(b)
    same = a is b or (isinstance(a, TraceTensor) and a.value is b.value)
    return a if same else where(flag, a, b)


def _of_one_structure(on_true: Any, on_false: Any) -> list[tuple[Any, Any]]:
    """The leaves of two results that fit each other."""

    def check(a: Any, b: Any) -> None:
        if (a is None) != (b is None):
            raise ValueError(
                f"cond: expected branches of one structure, received {on_true!r} and "
                f"{on_false!r}"
            )
        if _is_tensor_like(a) or _is_tensor_like(b):
            shapes = lift(a).shape, lift(b).shape
            if shapes[0] != shapes[1]:
                raise ValueError(
                    "cond: expected both branches to return tensors of one shape, "
                    f"received {shapes[0]} and {shapes[1]}"
                )

    tree.map_structure(check, on_true, on_false)
    return list(zip(tree.flatten(on_true), tree.flatten(on_false), strict=True))


def _is_tensor_like(x: Any) -> bool:
    return isinstance(x, (*TENSORS, np.ndarray, np.generic))


def _traced(trace: Trace, function: Branch) -> _Branch:
    """Run a branch without lasting effects, and tell what they would be."""
    begin = len(trace.graph.nodes)
    with _apart(trace) as branch:
        branch.result = function()
    branch.nodes = trace.graph.nodes[begin:]
    return branch


@contextmanager
def _apart(trace: Trace) -> Iterator[_Branch]:
    branch = _Branch()
    scope = watchers.current_scope()
    held = scope.values() if isinstance(scope, StatelessScope) else {}
    faults = len(trace.faults)
    with trace.branch() as assigned:
        yield branch
        branch.faults = trace.faults[faults:]
        del trace.faults[faults:]
    if isinstance(scope, StatelessScope):
        now = scope.values()
        scope.restore(held)
        branch.assigned = {v: x for v, x in now.items() if held.get(v) is not x}
    branch.assigned.update(assigned)


# -- the gradient ---------------------------------------------------------------------


@dataclass
class _Side:
    """What a gradient has to know of a branch: its nodes, and what it gave."""

    nodes: list[Node]
    results: list[TraceTensor]


def _outer_values(trace: Trace, sides: Sequence[_Side]) -> list[Value]:
    """The float values from outside that the branches use."""
    nodes = [n for side in sides for n in side.nodes if n.op not in LEAVES]
    made = {v for node in nodes for v in node.outputs}
    used = [v for node in nodes for v in node.inputs]
    used += [v for n in nodes if n in trace.calls for v in trace.calls[n].inputs]
    used += [y.value for side in sides for y in side.results]
    return [
        v
        for v in dict.fromkeys(used)
        if v not in made and is_float(v.dtype) and v.node.op != "constant"
    ]


@dataclass
class _Choice:
    """A `cond` of a trace as a call with a gradient of its own."""

    trace: Trace
    flag: TraceTensor
    sides: tuple[_Side, _Side]
    inputs: list[TraceTensor]

    def __call__(self, grads: Sequence[TraceTensor | None]) -> list[Any]:
        """The gradients of the inputs: those of the branch taken."""
        true_fn, false_fn = (lambda s=s: self._pull(s, grads) for s in self.sides)
        return _both(self.trace, self.flag, true_fn, false_fn, _or_zeros)  # type: ignore[no-any-return]

    @property
    def optional_nodes(self) -> list[Node]:
        """The nodes that run in one branch only."""
        return [node for side in self.sides for node in side.nodes]

    def _pull(self, side: _Side, grads: Sequence[TraceTensor | None]) -> list[Any]:
        pairs = [
            (y, lift(grad, y.dtype))
            for y, grad in zip(side.results, grads, strict=True)
            if grad is not None and is_float(y.dtype)
        ]
        ys, seeds = [y for y, _ in pairs], [seed for _, seed in pairs]
        return list(gradients(ys, self.inputs, seeds, nodes=side.nodes))

    def moved(self, trace: Trace, now: Mapping[Value, TraceTensor]) -> _Choice:
        """The same for a copy of the nodes, in `trace`."""

        def copied(x: TraceTensor) -> TraceTensor:
            return now.get(x.value, x)

        true_side, false_side = (
            _Side(
                [now[n.outputs[0]].value.node for n in s.nodes if n.op not in LEAVES],
                [copied(y) for y in s.results],
            )
            for s in self.sides
        )
        inputs = [copied(x) for x in self.inputs]
        return _Choice(trace, copied(self.flag), (true_side, false_side), inputs)


def _or_zeros(on_true: list[Any], on_false: list[Any]) -> list[tuple[Any, Any]]:
    """Gradients in pairs: None, where the other side has one, is zeros."""
    return [
        (_zeros(b) if a is None else a, _zeros(a) if b is None else b)
        for a, b in zip(on_true, on_false, strict=True)
    ]


def _zeros(like: Any) -> Any:
    if like is None:
        return None
    return emit("full", shape=list(like.shape), dtype=like.dtype, value=0.0)
