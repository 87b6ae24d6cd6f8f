"""The losses of numbers as classes."""

from __future__ import annotations

from typing import Any

from pydl.losses.loss import LossFunctionWrapper
from pydl.losses.regression import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_percentage_error,
    mean_squared_logarithmic_error,
    poisson,
)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """The mean of errors as percentages of the labels.

    >>> round(float(MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]])), 3)
    25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            mean_absolute_percentage_error,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of the squares of differences of ``log(y + 1)``.

    >>> float(MeanSquaredLogarithmicError()([[2.0], [4.0]], [[2.0], [4.0]]))
    0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            mean_squared_logarithmic_error,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between labels and predictions.

    Args:
        axis: the axis of the vectors.

    >>> float(CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]]))
    -1.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            cosine_similarity,
            reduction=reduction,
            name=name,
            dtype=dtype,
            axis=axis,
        )
        self.axis = axis


class Huber(LossFunctionWrapper):
    """Squares of small errors, absolute values of large ones; see `huber`.

    Args:
        delta: the error at which the square goes over into a line.

    >>> float(Huber()([[0.0], [0.0]], [[1.0], [3.0]]))
    1.5
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            huber,
            reduction=reduction,
            name=name,
            dtype=dtype,
            delta=delta,
        )
        self.delta = delta


class LogCosh(LossFunctionWrapper):
    """The logarithm of the hyperbolic cosine of errors.

    >>> float(LogCosh()([[1.0]], [[1.0]]))
    0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            log_cosh,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class Poisson(LossFunctionWrapper):
    """The negative log-likelihood of counts; see `poisson`.

    >>> round(float(Poisson()([[1.0]], [[1.0]])), 5)
    1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            poisson,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )
