"""Metrics of numbers: explained variance, root mean squares, similarities."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pydl import ops
from pydl.config import epsilon
from pydl.losses.functions import float_pair
from pydl.losses.loss import same_rank
from pydl.losses.regression import unit_vectors
from pydl.metrics.f_score import check_2d
from pydl.metrics.metric import Metric, as_float
from pydl.metrics.reduction import Mean, MeanMetricWrapper
from pydl.runtime.variable import Variable


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between vectors along `axis`: 1 is the best.

    >>> float(cosine_similarity([1.0, 0.0], [2.0, 0.0]))
    1.0
    """
    y_true, y_pred = same_rank(*float_pair(y_true, y_pred))
    product = unit_vectors(y_true, axis) * unit_vectors(y_pred, axis)
    return ops.sum(product, axis=axis)


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Covariance divided by both standard deviations, along `axis`; in [-1, 1].

    K. Pearson (1895).

    >>> round(float(pearson_correlation([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])), 5)
    1.0
    """
    y_true, y_pred = same_rank(*float_pair(y_true, y_pred))

    def standard(y: Any) -> Any:
        y = ops.subtract(y, ops.mean(y, axis=axis, keepdims=True))
        return ops.divide(y, ops.std(y, axis=axis, keepdims=True))

    return ops.mean(standard(y_true) * standard(y_pred), axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Agreement in shape, mean and spread, along `axis`; at most 1.

    L. I.-K. Lin (1989), "A concordance correlation coefficient to evaluate
    reproducibility".

    >>> round(float(concordance_correlation([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])), 5)
    1.0
    """
    y_true, y_pred = same_rank(*float_pair(y_true, y_pred))
    mean_true = ops.mean(y_true, axis=axis, keepdims=True)
    mean_pred = ops.mean(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - mean_pred) * (y_pred - mean_pred)
    spread = ops.var(y_true, axis=axis, keepdims=True)
    spread = spread + ops.var(y_pred, axis=axis, keepdims=True)
    apart = ops.square(mean_true - mean_pred)
    each = ops.divide(covariance * 2.0, spread + apart + epsilon())
    return ops.mean(each, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between labels and predictions.

    Args:
        axis: the axis of the vectors.

    >>> float(CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]]))
    1.0
    """

    _direction = "up"

    def __init__(
        self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of `pearson_correlation` over samples.

    Args:
        axis: the axis along which numbers are compared.

    >>> round(float(PearsonCorrelation()([[0, 1, 2.0]], [[1, 3, 5.0]])), 5)
    1.0
    """

    _direction = "up"

    def __init__(
        self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of `concordance_correlation` over samples.

    Args:
        axis: the axis along which numbers are compared.

    >>> round(float(ConcordanceCorrelation()([[0, 1, 2.0]], [[0, 1, 2.0]])), 5)
    1.0
    """

    _direction = "up"

    def __init__(
        self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class RootMeanSquaredError(Mean):
    """The root of the mean of the squares of errors.

    >>> float(RootMeanSquaredError()([0.0, 0.0], [3.0, 3.0]))
    3.0
    """

    _direction = "down"

    def __init__(
        self, name: str = "root_mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take in a batch of labels and predictions."""
        y_true, y_pred = (ops.cast(y, self.dtype) for y in (y_true, y_pred))
        y_true, y_pred = same_rank(y_true, y_pred)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """The share of the variance of the labels that predictions explain.

    ``1 - sum((y - prediction)^2) / sum((y - mean(y))^2)`` per column of ``(n, size)``.

    Args:
        class_aggregation: ``"uniform_average"`` of columns,
            ``"variance_weighted_average"``, or None: one score per column.
        num_regressors: > 0: the score is adjusted for that many regressors.

    >>> float(R2Score()([[1.0], [4.0], [3.0]], [[1.0], [4.0], [3.0]]))
    1.0
    """

    _direction = "up"
    squared_sum: Variable
    sum: Variable
    total_mse: Variable
    count: Variable

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                "Invalid value for argument `class_aggregation`. Expected one of "
                f"{_AGGREGATIONS}. Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        check_2d("R2Score", y_true, y_pred)
        size = int(y_pred.shape[-1])
        self.squared_sum = self.add_variable(size, name="squared_sum")
        self.sum = self.add_variable(size, name="sum")
        self.total_mse = self.add_variable(size, name="residual")
        self.count = self.add_variable(size, name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of labels and predictions ``(n, size)``."""
        y_true, y_pred = (ops.cast(y, self.dtype) for y in (y_true, y_pred))
        y_true, y_pred = same_rank(y_true, y_pred)
        if not self._built:
            self._build(y_true, y_pred)
        weight = ops.cast(1.0 if sample_weight is None else sample_weight, self.dtype)
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, 1)
        weight = ops.broadcast_to(weight, y_true.shape)
        weighted = y_true * weight
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * weighted, axis=0))
        errors = ops.square(y_true - y_pred) * weight
        self.total_mse.assign_add(ops.sum(errors, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(float(np.prod(y_true.shape)))

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        total, squares, errors, count = (
            as_float(v, self.dtype)
            for v in (self.sum, self.squared_sum, self.total_mse, self.count)
        )
        spread = squares - total * ops.divide(total, count)
        scores = 1.0 - ops.divide(errors, spread)
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.divide(ops.sum(spread * scores), ops.sum(spread))
        return scores if self.num_regressors == 0 else self._adjusted(scores)

    def _adjusted(self, score: Any) -> Any:
        """``1 - (1 - score) (n - 1) / (n - p - 1)`` for p regressors, if p < n - 1."""
        number, p = float(self.num_samples), float(self.num_regressors)
        if p >= number - 1:
            warnings.warn(
                f"adjusted R2 score: expected fewer regressors than samples - 1 = "
                f"{number - 1:g}, received {p:g}; this is the score without adjustment",
                stacklevel=3,
            )
            return score
        return 1.0 - (1.0 - score) * ((number - 1) / (number - p - 1))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
