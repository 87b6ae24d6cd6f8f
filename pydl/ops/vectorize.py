"""Functions of elements, applied to whole tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from functools import wraps
from itertools import product
from typing import Any

import numpy as np

from pydl.ops.apply import lift
from pydl.ops.loops import unrolling
from pydl.ops.shape import broadcast_to, reshape, stack

__all__ = ["vectorize"]


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Collection[int] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """A function of tensors that applies `pyfunc` to their elements, broadcast.

    Elements are taken one by one: operations on whole tensors are faster.

    Args:
        pyfunc: a function made of ops.
        excluded: positions of arguments that are handed on whole.
        signature: such as ``"(m,n),(n)->(m)"``: `pyfunc` gets the named last axes.

    Raises:
        ValueError: `pyfunc` cannot be called, or the arguments do not fit.

    >>> add = pydl.ops.vectorize(lambda a, b: a + b)
    >>> add([1, 2, 3], 2).tolist()
    [3, 4, 5]
    """
    if not callable(pyfunc):
        raise ValueError(
            f"Expected argument `pyfunc` to be a callable. Received: pyfunc={pyfunc}"
        )
    whole = frozenset(excluded or ())
    ranks = None if signature is None else _ranks(signature)

    @wraps(pyfunc)
    def call(*args: Any) -> Any:
        places = [i for i in range(len(args)) if i not in whole]
        own = ranks or [0] * len(places)
        if len(own) != len(places):
            raise ValueError(
                f"vectorize: signature {signature!r} has {len(own)} arguments, "
                f"received {len(places)}"
            )
        rows, outer = _broadcast({i: lift(args[i]) for i in places}, own)
        unrolling("vectorize", math.prod(outer))
        found = [
            pyfunc(*(rows[i][at] if i in rows else arg for i, arg in enumerate(args)))
            for at in product(*map(range, outer))
        ]
        if not found:
            raise ValueError("vectorize: expected at least one element, received none")
        if isinstance(found[0], tuple):
            return tuple(_joined(part, outer) for part in zip(*found, strict=True))
        return _joined(found, outer)

    return call


def _broadcast(
    rows: dict[int, Any], ranks: list[int]
) -> tuple[dict[int, Any], tuple[int, ...]]:
    """Arguments with the same leading axes, and these; `ranks` are of the cores."""
    cores = {
        i: tuple(x.shape[x.ndim - rank :])
        for (i, x), rank in zip(rows.items(), ranks, strict=True)
    }
    outer = np.broadcast_shapes(
        *(tuple(x.shape[: x.ndim - len(cores[i])]) for i, x in rows.items())
    )
    return {i: broadcast_to(x, [*outer, *cores[i]]) for i, x in rows.items()}, outer


def _joined(results: Any, outer: tuple[int, ...]) -> Any:
    rows = stack([lift(result) for result in results])
    return reshape(rows, [*outer, *rows.shape[1:]])


def _ranks(signature: str) -> list[int]:
    """How many last axes each argument's core has."""
    group = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"
    form = rf"\s*{group}(?:\s*,\s*{group})*\s*->\s*{group}(?:\s*,\s*{group})*\s*"
    if not re.fullmatch(form, signature):
        raise ValueError(
            "vectorize: signature: expected a form such as '(m,n),(n)->(m)', received "
            f"{signature!r}"
        )
    return [
        len(re.findall(r"\w+", found))
        for found in re.findall(group, signature.split("->")[0])
    ]
