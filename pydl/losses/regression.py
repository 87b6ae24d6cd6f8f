"""Loss functions of numbers: one value per sample, means over the last axis."""

from __future__ import annotations

import math
from typing import Any

from pydl import ops
from pydl.config import epsilon
from pydl.losses.functions import float_pair
from pydl.losses.loss import same_rank


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    return same_rank(*float_pair(y_true, y_pred))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """``100 * mean(abs((y_true - y_pred) / y_true), axis=-1)``.

    Labels nearer to 0 than `pydl.config.epsilon` count as that. Shape
    ``y_pred.shape[:-1]``.

    >>> round(float(mean_absolute_percentage_error([2.0, 4.0], [1.0, 4.0])), 3)
    25.0
    """
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), epsilon())
    share = ops.abs(ops.divide(ops.subtract(y_true, y_pred), size))
    return ops.multiply(ops.mean(share, axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """``mean(square(log(y_true + 1) - log(y_pred + 1)), axis=-1)``.

    Numbers below `pydl.config.epsilon` count as that. Shape ``y_pred.shape[:-1]``.

    >>> float(mean_squared_logarithmic_error([3.0, 5.0], [3.0, 5.0]))
    0.0
    """
    y_true, y_pred = _pair(y_true, y_pred)
    logs = [ops.log(ops.maximum(y, epsilon()) + 1.0) for y in (y_true, y_pred)]
    return ops.mean(ops.square(ops.subtract(logs[1], logs[0])), axis=-1)


def unit_vectors(x: Any, axis: Any) -> Any:
    """`x` divided by its length along `axis`, or by epsilon where it is shorter."""
    length = ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=True))
    return ops.divide(x, ops.maximum(length, epsilon()))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between vectors along `axis`: -1 is the best.

    >>> float(cosine_similarity([1.0, 0.0], [2.0, 0.0]))
    -1.0
    """
    y_true, y_pred = _pair(y_true, y_pred)
    cosine = ops.multiply(unit_vectors(y_true, axis), unit_vectors(y_pred, axis))
    return ops.negative(ops.sum(cosine, axis=axis))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the square of errors up to `delta`, a line of slope `delta` beyond.

    P. J. Huber (1964), "Robust estimation of a location parameter". Mean over the last
    axis.

    >>> float(huber([0.0, 0.0], [1.0, 3.0]))
    1.5
    """
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.abs(ops.subtract(y_pred, y_true))
    line = ops.subtract(ops.multiply(size, float(delta)), 0.5 * float(delta) ** 2)
    inner = ops.multiply(ops.square(size), 0.5)
    each = ops.where(ops.less_equal(size, float(delta)), inner, line)
    return ops.mean(each, axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """``mean(log(cosh(y_pred - y_true)), axis=-1)``, without overflow.

    ``log(cosh(x)) = x + softplus(-2 x) - log(2)``.

    >>> float(log_cosh([1.0, 2.0], [1.0, 2.0]))
    0.0
    """
    y_true, y_pred = _pair(y_true, y_pred)
    x = ops.subtract(y_pred, y_true)
    each = ops.add(x, ops.softplus(ops.multiply(x, -2.0)))
    return ops.mean(ops.subtract(each, math.log(2.0)), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """``mean(y_pred - y_true * log(y_pred), axis=-1)``: counts that are expected to be
    `y_pred`.

    >>> round(float(poisson([1.0, 1.0], [1.0, 1.0])), 5)
    1.0
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    logs = ops.log(ops.add(y_pred, epsilon()))
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, logs)), axis=-1)
