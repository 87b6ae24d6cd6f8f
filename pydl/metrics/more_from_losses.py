"""More losses watched as metrics."""

from __future__ import annotations

from typing import Any

from pydl.losses.margins import categorical_hinge, hinge, squared_hinge
from pydl.losses.probabilistic import kl_divergence
from pydl.losses.regression import (
    log_cosh,
    mean_absolute_percentage_error,
    mean_squared_logarithmic_error,
    poisson,
)
from pydl.metrics.reduction import MeanMetricWrapper


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of errors as percentages of the labels.

    See `pydl.losses.mean_absolute_percentage_error`.

    >>> round(float(MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]])), 4)
    25.0
    """

    _direction = "down"

    def __init__(
        self, name: str = "mean_absolute_percentage_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of the squares of differences of ``log(y + 1)``.

    See `pydl.losses.mean_squared_logarithmic_error`.

    >>> round(float(MeanSquaredLogarithmicError()([[2.0]], [[2.0]])), 4)
    0.0
    """

    _direction = "down"

    def __init__(
        self, name: str = "mean_squared_logarithmic_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name=name, dtype=dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of the logarithm of the hyperbolic cosine of errors.

    See `pydl.losses.log_cosh`.

    >>> round(float(LogCoshError()([[1.0]], [[1.0]])), 4)
    0.0
    """

    _direction = "down"

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name=name, dtype=dtype)


class Hinge(MeanMetricWrapper):
    """How far predictions fall short of a margin of 1.

    See `pydl.losses.hinge`.

    >>> round(float(Hinge()([[0.0], [1.0]], [[-0.5], [2.0]])), 4)
    0.25
    """

    _direction = "down"

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name=name, dtype=dtype)


class SquaredHinge(MeanMetricWrapper):
    """The square of what `Hinge` measures.

    See `pydl.losses.squared_hinge`.

    >>> round(float(SquaredHinge()([[0.0], [1.0]], [[-0.5], [2.0]])), 4)
    0.125
    """

    _direction = "down"

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The hinge of one-hot labels.

    See `pydl.losses.categorical_hinge`.

    >>> round(float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]])), 4)
    0.5
    """

    _direction = "down"

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, name=name, dtype=dtype)


class KLDivergence(MeanMetricWrapper):
    """The Kullback-Leibler divergence of predictions from labels.

    See `pydl.losses.kl_divergence`.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])), 4)
    0.0
    """

    _direction = "down"

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, name=name, dtype=dtype)


class Poisson(MeanMetricWrapper):
    """The negative log-likelihood of counts.

    See `pydl.losses.poisson`.

    >>> round(float(Poisson()([[1.0]], [[1.0]])), 4)
    1.0
    """

    _direction = "down"

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, name=name, dtype=dtype)
