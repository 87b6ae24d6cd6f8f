"""Loops. Outside a trace they run in Python. Under one a loop of more than a few passes
becomes a loop of the plan, where its body allows it (`pydl.ops.traced_loops`); others
are unrolled: their passes are written down one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.node import ENDLESS
from pydl.graph.trace import current_trace, user_line
from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.arithmetic import where
from pydl.ops.body_loop import BodyLoop
from pydl.ops.branches import cond as branch
from pydl.ops.branches import has_value
from pydl.ops.compare import logical_and, logical_not
from pydl.ops.public import public_op
from pydl.ops.shape import stack
from pydl.ops.traced_loops import NotALoopError, Passes

__all__ = ["fori_loop", "map", "scan", "vectorized_map", "while_loop"]

#: The most passes of one loop that a trace writes down one after the other.
UNROLL_LIMIT = 4096
#: Up to so many passes a loop is unrolled. Planning then takes as long either way (2 ms
#: forward, 20 ms with a gradient; 64 passes: 2 and 20 ms, unrolled 20 to 280 ms), and a
#: loop runs within 10 % of what is written down, on either side.
FEW = 8


def unrolling(name: str, passes: int, why: str = "") -> None:
    """Before a loop of so many passes: refuse too many under a trace, and leave a note
    for `explain`."""
    trace = current_trace()
    if trace is None or trace.computes:
        return
    reason = f" because {why}" if why else ""
    if passes > UNROLL_LIMIT:
        raise ValueError(
            f"{name}: expected at most {UNROLL_LIMIT} passes where each is written "
            f"down in a compiled step or function{reason}, received {passes}. Use "
            "operations on whole tensors, or run_eagerly=True."
        )
    line = user_line()
    trace.graph.notes.append(f"{name}: {passes} passes unrolled{reason} ({line})")


def _traced(
    name: str,
    passes: Passes,
    state: Any,
    xs: Any,
    step: Callable[[Any, Any], tuple[Any, Any]],
) -> tuple[Any, str]:
    """What a loop of the plan gives, or None and why there is none."""
    trace = current_trace()
    if trace is None or trace.computes:
        return None, ""
    if passes.count is None and passes.most <= FEW:
        return None, ""
    try:
        return BodyLoop(trace, passes, state, xs, step).run(), ""
    except (NotALoopError, TypeError) as error:
        return None, str(error)


@public_op
def fori_loop(
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any
) -> Any:
    """``val = body_fun(i, val)`` for `i` from `lower` up to, without, `upper`.

    In a compiled step or function this is a loop of the plan; `i` is then an int32
    tensor, and the values keep their shapes and dtypes. Few passes, and bodies that ask
    for the value of `i`, are unrolled, at most `UNROLL_LIMIT`. Gradients pass through a
    loop with bounds that are known; bounds may be data.

    Raises ValueError for too many passes that have to be unrolled, and for a gradient
    through a loop whose bounds are data.

    >>> pydl.ops.fori_loop(0, 4, lambda i, total: total + i, 0)
    6
    """
    if not has_value(lower) or not has_value(upper):
        return _data_loop(lower, upper, body_fun, init_val)
    first, last = int(np.asarray(lower)), int(np.asarray(upper))
    passes = Passes(max(0, last - first))
    found, why = None, ""
    if _holds_tensor(init_val):
        start = np.asarray(first, "int32")
        found, why = _traced(
            "fori_loop", passes, (start, init_val), None, _counting(body_fun)
        )
    if found is not None:
        return found[0][1]
    unrolling("fori_loop", passes.most, why)
    val = init_val
    for i in range(first, last):
        val = body_fun(i, val)
    return val


def _counting(body_fun: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def step(state: Any, _: Any) -> Any:
        i, val = state
        return (i + 1, body_fun(i, val)), None

    return step


def _data_loop(lower: Any, upper: Any, body_fun: Any, init_val: Any) -> Any:
    """A loop whose bounds are known when it runs."""
    first, last = (
        emit("reshape", lift(bound, "int64"), shape=[1]) for bound in (lower, upper)
    )
    start = emit("reshape", lift(lower, "int32"), shape=[])
    passes = Passes(
        ENDLESS,
        emit("sub", last, first),
        no_gradient="fori_loop: a loop whose bounds are data has no gradient. Use "
        "bounds that are known, or while_loop with maximum_iterations.",
    )
    state = (start, init_val)
    found, why = _traced("fori_loop", passes, state, None, _counting(body_fun))
    if found is None:
        raise TypeError(
            "fori_loop: a loop whose bounds are data has to be a loop of the plan, "
            f"but {why}. Use bounds that are known, or run_eagerly=True."
        )
    return found[0][1]


def _holds_tensor(structure: Any) -> bool:
    kinds = (*TENSORS, np.ndarray)
    return any(isinstance(x, kinds) for x in tree.flatten(structure))


@public_op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)``.

    Args:
        cond: returns a scalar bool.
        body: returns new values of the loop's variables.
        loop_vars: a list or tuple of tensors or structures, or a single one.
        maximum_iterations: the most passes.

    In a compiled step or function a condition that depends on its data makes a loop of
    the plan; the values keep their shapes and dtypes. With `maximum_iterations` it
    has a gradient, for which all of so many passes are made, those after the condition
    has failed changing nothing. ValueError for a gradient without it.

    >>> pydl.ops.while_loop(lambda x: x < 100, lambda x: x * 3, 1).item()
    243
    """
    many = isinstance(loop_vars, list | tuple)
    state = tuple(loop_vars) if many else (loop_vars,)
    state = tree.map_structure(lift, state)
    done = 0
    while maximum_iterations is None or done < maximum_iterations:
        going = cond(*state)
        if not has_value(going):
            most = None if maximum_iterations is None else maximum_iterations - done
            state = _while_data(cond, body, state, going, most)
            break
        if not bool(np.asarray(going)):
            break
        done += 1
        if done > UNROLL_LIMIT:
            unrolling("while_loop", done)
        state = _as_tuple(body(*state))
    return state if many else state[0]


def _while_data(cond: Any, body: Any, state: Any, going: Any, most: int | None) -> Any:
    """Passes as long as a condition of data holds, `going` at first."""
    going = emit("reshape", lift(going, "bool"), shape=[])

    def step(carried: Any, _: Any) -> Any:
        _, going, state = carried
        now = _as_tuple(body(*state)) if most is None else _masked(body, state, going)
        still = emit("reshape", lift(cond(*now), "bool"), shape=[])
        going = still if most is None else logical_and(going, still)
        return (_flag(logical_not(going)), going, now), None

    none, all_of_them = np.zeros(1, "int64"), np.array([most or ENDLESS], "int64")
    passes = Passes(most or ENDLESS, where(going, all_of_them, none), stop=0)
    if most is None:
        passes.no_gradient = (
            "while_loop: without maximum_iterations there is no gradient of a loop "
            "whose condition is data"
        )
    begin = (_flag(logical_not(going)), going, state)
    found, why = _traced("while_loop", passes, begin, None, step)
    if found is not None:
        return found[0][2]
    if most is None:
        raise TypeError(
            f"while_loop: the condition depends on the data of a compiled step or "
            f"function, but there is no loop of the plan for it: {why}. Pass "
            "maximum_iterations, use fori_loop with a fixed number of passes, or "
            "run_eagerly=True."
        )
    unrolling("while_loop", most, why)
    for _ in range(most):
        state = _masked(body, state, going)
        going = logical_and(going, cond(*state))
    return state


def _masked(body: Any, state: Any, going: Any) -> Any:
    """A pass that changes nothing unless `going`."""
    return branch(going, lambda: _as_tuple(body(*state)), lambda: state)


def _flag(x: Any) -> Any:
    return emit("reshape", lift(x, "int64"), shape=[1])


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, list | tuple) else (x,)


@public_op
def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """``carry, y = f(carry, x)`` for each row `x` of `xs`: the last carry, and the `y`
    stacked.

    Args:
        f: takes and returns the carry, and one row of results (None: none).
        init: the first carry.
        xs: tensors of equally many rows, or None.
        length: the number of passes; needed without `xs`.
        reverse: from the last row to the first.
        unroll: True: all passes are unrolled in compiled code, which makes a loop of
            the plan of more than a few. Other values are accepted.

    Raises ValueError where the numbers of rows differ or there are none.

    >>> xs = pydl.ops.arange(1, 4)
    >>> last, sums = pydl.ops.scan(lambda c, x: (c + x, c * x), 1, xs)
    >>> last.item(), sums.tolist()
    (7, [1, 4, 12])
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(
            "`unroll` must be an positive integer or boolean. "
            f"Received: unroll={unroll}"
        )
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    rows = tree.map_structure(lift, xs) if xs is not None else None
    count = rows_of("scan", rows, length)
    if unroll is not True:
        passes = Passes(count, reverse=reverse)
        found, why = _traced("scan", passes, tree.map_structure(lift, init), rows, f)
        if found is not None:
            return found
        unrolling("scan", count, why)
    carry = tree.map_structure(lift, init)
    results: list[Any] = [None] * count
    for i in reversed(range(count)) if reverse else range(count):
        x = None if rows is None else tree.map_structure(lambda t, i=i: t[i], rows)
        carry, results[i] = f(carry, x)
    return carry, stacked("scan", results)


@public_op
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """``f(x)`` for each row `x` of `xs`, stacked. ValueError where there is no row.

    >>> pydl.ops.map(lambda x: x * x, pydl.ops.arange(1, 4)).tolist()
    [1, 4, 9]
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    return _mapped("map", f, xs)


@public_op
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each row of `elements`, stacked.

    The rows are taken one by one: operations on whole tensors are faster.

    >>> rows = pydl.ops.ones((2, 3))
    >>> pydl.ops.vectorized_map(lambda row: pydl.ops.sum(row), rows).tolist()
    [3.0, 3.0]
    """
    return _mapped("vectorized_map", function, elements)


def _mapped(name: str, f: Callable[[Any], Any], xs: Any) -> Any:
    rows = tree.map_structure(lift, xs)
    count = rows_of(name, rows, None)
    found, why = _traced(name, Passes(count), (), rows, lambda _, x: ((), f(x)))
    if found is not None:
        return found[1]
    unrolling(name, count, why)
    results = [f(tree.map_structure(lambda t, i=i: t[i], rows)) for i in range(count)]
    return stacked(name, results)


def rows_of(name: str, xs: Any, length: int | None) -> int:
    """The number of rows all tensors have."""
    if xs is None:
        return int(length or 0)
    counts = {t.shape[0] if t.shape else None for t in tree.flatten(xs)} - {length}
    if length is not None and not counts:
        return int(length)
    if len(counts) != 1 or length is not None or counts & {None, -1}:
        shapes = [tuple(t.shape) for t in tree.flatten(xs)]
        asked = "" if length is None else f" and length={length}"
        raise ValueError(
            f"{name}: expected tensors of equally many rows, received shapes {shapes}"
            f"{asked}"
        )
    (rows,) = counts
    return int(rows or 0)


def stacked(name: str, results: list[Any]) -> Any:
    """Equal structures as one of stacked tensors; None stays None."""
    if not results:
        raise ValueError(f"{name}: expected one row or more, received none")

    def join(*parts: Any) -> Any:
        return None if parts[0] is None else stack(list(parts))

    return tree.map_structure(join, *results)
