"""Clipping by norm: one factor for each gradient, applied inside the update itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.ops.apply import apply


def gradient_scale(
    grads: Sequence[Any],
    clipnorm: float | None,
    global_clipnorm: float | None,
    loss_scale: Any,
) -> Any:
    """The float32 [n] factors of the gradients, or None when all are 1. `loss_scale`: a
    number, a float32 scalar tensor or None."""
    unscale: Any = 1.0 if loss_scale is None else ops.divide(1.0, loss_scale)
    if clipnorm is None and global_clipnorm is None:
        if loss_scale is None:
            return None
        return ops.broadcast_to(ops.cast(unscale, "float32"), (len(grads),))
    tensors = [ops.convert_to_tensor(g) for g in grads]
    squares = apply("square_norms", tensors, {})[0]
    if clipnorm is not None:
        limit = float(clipnorm)
        norms = ops.multiply(ops.sqrt(squares), unscale)
        factors = ops.divide(limit, ops.maximum(norms, limit))
    else:
        limit = float(global_clipnorm or 0.0)
        norm = ops.multiply(ops.sqrt(ops.sum(squares)), unscale)
        # norm - norm is 0, or NaN when the norm is infinite: then the step must show
        # it.
        factor = ops.add(
            ops.divide(limit, ops.maximum(norm, limit)), ops.subtract(norm, norm)
        )
        factors = ops.broadcast_to(factor, (len(grads),))
    return factors if loss_scale is None else ops.multiply(factors, unscale)


def check_clipping(optimizer: Any) -> None:
    """Raise ValueError unless at most one kind of clipping is asked for."""
    given = {
        name: getattr(optimizer, name)
        for name in ("clipnorm", "clipvalue", "global_clipnorm")
        if getattr(optimizer, name) is not None
    }
    if len(given) > 1:
        raise ValueError(f"{optimizer.name}: give at most one of {', '.join(given)}")
    for name, value in given.items():
        if value <= 0:
            raise ValueError(
                f"{optimizer.name}: {name}: expected > 0, received {value}"
            )
