"""`jvp`: the derivative of a function along a direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace, TraceTensor, current_trace
from pydl.ops.apply import emit, lift
from pydl.ops.dtypes import is_float
from pydl.ops.public import public_op
from pydl.runtime.program import compile_graph
from pydl.runtime.tensor import Tensor

__all__ = ["jvp"]


@public_op
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> Any:
    """The value of a function and its derivative along a direction.

    The gradient ``J^T u`` is linear in u; its own gradient with respect to u, seeded
    with the tangents, is ``J t``. Outside a trace `fun` is compiled, so it must be
    made of ops.

    Args:
        fun: function of float tensors (or structures of them) to such ones.
        primals: its arguments, a list or tuple.
        tangents: the direction: the same structure and shapes.
        has_aux: whether `fun` returns ``(outputs, auxiliary data)``.

    Returns:
        ``(outputs, derivatives)`` or, with `has_aux`, ``(outputs, derivatives, aux)``.

    Raises:
        ValueError: tangents of other shapes than the primals, or primals that are
            not floats.

    >>> value, slope = pydl.ops.jvp(pydl.ops.sin, (0.0,), (1.0,))
    """
    _check(primals, tangents)
    if current_trace() is not None:
        return _traced(fun, primals, tangents, has_aux)
    feeds: dict[str, Any] = {}
    with Trace("jvp") as trace:

        def enter(x: Any) -> TraceTensor:
            array = np.asarray(x if hasattr(x, "dtype") else np.float32(x))
            name = f"x{len(feeds)}"
            feeds[name] = np.ascontiguousarray(array).reshape(array.shape)
            return trace.input(name, array.shape, array.dtype.name)

        inputs = tree.map_structure(enter, list(primals))
        along = tree.map_structure(enter, list(tangents))
        made = _traced(fun, inputs, along, has_aux)
        for i, x in enumerate(_tensors(made)):
            trace.output(f"y{i}", x)
    results = compile_graph(trace.graph).run(feeds)
    names = {id(x): f"y{i}" for i, x in enumerate(_tensors(made))}

    def leave(x: Any) -> Any:
        return Tensor(results[names[id(x)]]) if id(x) in names else x

    return tree.map_structure(leave, made)


def _tensors(structure: Any) -> list[TraceTensor]:
    return [x for x in tree.flatten(structure) if isinstance(x, TraceTensor)]


def _check(primals: Any, tangents: Any) -> None:
    xs, ts = tree.flatten(list(primals)), tree.flatten(list(tangents))
    shapes = [tuple(np.shape(x) if np.isscalar(x) else x.shape) for x in xs]
    others = [tuple(np.shape(t) if np.isscalar(t) else t.shape) for t in ts]
    if shapes != others:
        raise ValueError(
            f"jvp: expected tangents of the primals' shapes {shapes}, received {others}"
        )


def _traced(fun: Any, primals: Any, tangents: Any, has_aux: bool) -> Any:
    def alias(x: Any) -> Any:
        x = lift(x)
        if not is_float(x.dtype):
            raise ValueError(f"jvp: expected float primals, received dtype {x.dtype}")
        return emit("copy", x)

    inputs = tree.map_structure(alias, list(primals))
    made = fun(*inputs)
    outputs, aux = made if has_aux else (made, None)
    xs = tree.flatten(inputs)
    ts = [
        lift(t, x.dtype) for t, x in zip(tree.flatten(list(tangents)), xs, strict=True)
    ]
    slopes = tree.map_structure(lambda y: _slope(y, xs, ts), outputs)
    return (outputs, slopes, aux) if has_aux else (outputs, slopes)


def _slope(y: Any, xs: list[Any], ts: list[Any]) -> Any:
    """The derivative of one output."""
    zero = emit("full", shape=list(y.shape), dtype=y.dtype, value=0.0)
    grads = gradients([y], xs, [zero])
    pairs = [(g, t) for g, t in zip(grads, ts, strict=True) if g is not None]
    if not pairs:
        return zero
    slope = gradients([g for g, _ in pairs], [zero], [t for _, t in pairs])[0]
    return zero if slope is None else slope
