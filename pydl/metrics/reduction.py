"""Sums and means over everything seen so far."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pydl import ops
from pydl.lookup import object_name, serialize_object
from pydl.losses.loss import same_rank
from pydl.metrics.metric import Metric, as_float


def _samplewise(
    values: Any, sample_weight: Any, reduce: Callable[..., Any], dtype: str
) -> tuple[Any, Any]:
    """Weighted values and their weights, one of each per sample."""
    values = ops.cast(ops.convert_to_tensor(values), dtype)
    if sample_weight is not None:
        weight = ops.cast(ops.convert_to_tensor(sample_weight), dtype)
        values, weight = same_rank(values, weight)
        rank = len(weight.shape)
        if len(values.shape) > rank:
            values = reduce(values, axis=list(range(rank, len(values.shape))))
        if tuple(weight.shape) != tuple(values.shape):
            weight = ops.broadcast_to(weight, values.shape)
        values = ops.multiply(values, weight)
        if rank > 1:
            weight = reduce(weight, axis=list(range(1, rank)))
        sample_weight = weight
    if len(values.shape) > 1:
        values = reduce(values, axis=list(range(1, len(values.shape))))
    return values, sample_weight


def _total(values: Any) -> Any:
    return ops.sum(values) if len(values.shape) else values


class Sum(Metric):
    """The (weighted) sum of values.

    >>> metric = Sum()
    >>> metric.update_state([1, 3, 5, 7])
    >>> float(metric.result())
    16.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = _samplewise(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(_total(values))

    def result(self) -> Any:
        return as_float(self.total, self.dtype)


class Mean(Metric):
    """The (weighted) mean of values.

    >>> metric = Mean()
    >>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    >>> float(metric.result())
    2.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = _samplewise(values, sample_weight, ops.mean, self.dtype)
        if weight is not None:
            count = _total(weight)
        else:
            rows = int(values.shape[0]) if len(values.shape) else 1
            count = ops.cast(ops.convert_to_tensor(float(rows)), self.dtype)
        self.total.assign_add(_total(values))
        self.count.assign_add(count)

    def result(self) -> Any:
        return ops.divide_no_nan(
            as_float(self.total, self.dtype), as_float(self.count, self.dtype)
        )

    def read(self) -> Any:
        """The mean, without the cost of ops: read once per epoch and more often."""
        if type(self).result is not Mean.result:
            return super().read()
        total, count = self.total.buffer[()], self.count.buffer[()]
        return float(total / count) if count else 0.0


class MeanMetricWrapper(Mean):
    """The mean of ``fn(y_true, y_pred, **kwargs)`` over all samples."""

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or object_name(fn), dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        super().update_state(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), **self._fn_kwargs}
        if "fn" in inspect.signature(type(self).__init__).parameters:
            config["fn"] = serialize_object(self._fn, "keras.metrics")
        return config
