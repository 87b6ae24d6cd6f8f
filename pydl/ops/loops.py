"""Loops. Outside a trace they run in Python. A plan has no inner loops: under a trace
the passes are written down one after the other, as long as their number is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.trace import current_trace, user_line
from pydl.ops.apply import lift
from pydl.ops.branches import cond as branch
from pydl.ops.branches import has_value
from pydl.ops.compare import logical_and
from pydl.ops.public import public_op
from pydl.ops.shape import stack

__all__ = ["fori_loop", "map", "scan", "vectorized_map", "while_loop"]

#: The most passes of one loop that a trace takes.
UNROLL_LIMIT = 4096


def unrolling(name: str, passes: int) -> None:
    """Before a loop of so many passes: refuse too many under a trace, and leave a note
    for `explain`."""
    trace = current_trace()
    if trace is None or trace.computes:
        return
    if passes > UNROLL_LIMIT:
        raise ValueError(
            f"{name}: expected at most {UNROLL_LIMIT} passes in a compiled step or "
            f"function, where each is written down, received {passes}. Use operations "
            "on whole tensors, or run_eagerly=True."
        )
    trace.graph.notes.append(f"{name}: {passes} passes unrolled ({user_line()})")


@public_op
def fori_loop(
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any
) -> Any:
    """``val = body_fun(i, val)`` for `i` from `lower` up to, without, `upper`.

    The bounds need values. In a compiled step or function the passes are unrolled, at
    most `UNROLL_LIMIT`; gradients pass through.

    Raises TypeError for a bound that is known only when the program runs, ValueError
    for too many passes in compiled code.

    >>> pydl.ops.fori_loop(0, 4, lambda i, total: total + i, 0)
    6
    """
    for name, bound in (("lower", lower), ("upper", upper)):
        if not has_value(bound):
            raise TypeError(
                f"fori_loop: expected {name} to be an integer, received {bound!r}: how "
                "often a loop runs cannot depend on the data of a compiled step. Use "
                "while_loop with maximum_iterations, or run_eagerly=True."
            )
    first, last = int(np.asarray(lower)), int(np.asarray(upper))
    unrolling("fori_loop", max(0, last - first))
    val = init_val
    for i in range(first, last):
        val = body_fun(i, val)
    return val


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

    In a compiled step or function a condition that depends on its data needs
    `maximum_iterations`: so many passes run, and those after the condition has failed
    change nothing. Without it that raises TypeError.

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
            state = _masked(cond, body, state, going, maximum_iterations, done)
            break
        if not bool(np.asarray(going)):
            break
        done += 1
        if done > UNROLL_LIMIT:
            unrolling("while_loop", done)
        state = _as_tuple(body(*state))
    return state if many else state[0]


def _masked(
    cond: Any, body: Any, state: Any, going: Any, most: int | None, done: int
) -> Any:
    """The passes that are left, each taken as long as the condition has held."""
    if most is None:
        raise TypeError(
            "while_loop: the condition depends on the data of a compiled step or "
            f"function ({going!r}), so the number of passes is not known when it is "
            "traced. Pass maximum_iterations, use fori_loop with a fixed number of "
            "passes, or run_eagerly=True."
        )
    unrolling("while_loop", most - done)
    for _ in range(done, most):
        before = state
        state = branch(
            going,
            lambda before=before: _as_tuple(body(*before)),
            lambda before=before: before,
        )
        going = logical_and(going, cond(*state))
    return state


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
        unroll: accepted; passes are always unrolled in compiled code.

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
    unrolling("scan", count)
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
    unrolling(name, count)
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
