"""How often the label is among the k largest predictions."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.metrics.reduction import MeanMetricWrapper


def _among_top(labels: Any, y_pred: Any, k: int) -> Any:
    """1 where fewer than `k` predictions of the row are above the label's, else 0."""
    hot = ops.cast(ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype), "bool")
    own = ops.sum(ops.where(hot, y_pred, 0.0), axis=-1, keepdims=True)
    above = ops.sum(ops.cast(ops.greater(y_pred, own), "float32"), axis=-1)
    return ops.cast(ops.less(above, float(k)), "float32")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot label is among the `k` largest predictions, else 0.

    Shapes ``(..., classes)``; the result has the shape ``(...)``.

    >>> float(top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.5, 0.4]], k=2)[0])
    1.0
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    return _among_top(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1 where the integer label is among the `k` largest predictions, else 0.

    Args:
        y_true: class numbers ``(...)`` or ``(..., 1)``.
        y_pred: scores ``(..., classes)``.
        from_sorted_ids: `y_pred` holds class numbers, the best first.

    >>> float(sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=2)[0])
    1.0
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if not from_sorted_ids:
        return _among_top(ops.cast(y_true, "int32"), y_pred, k)
    labels = ops.expand_dims(ops.cast(y_true, y_pred.dtype), -1)
    found = ops.any(ops.equal(labels, y_pred[..., :k]), axis=-1)
    return ops.cast(found, "float32")


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the one-hot label is among the `k` largest predictions.

    >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1]], [[0.1, 0.5, 0.4]]))
    1.0
    """

    _direction = "up"

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the integer label is among the `k` largest predictions.

    Args:
        k: how many predictions count.
        from_sorted_ids: predictions are class numbers, the best first.

    >>> float(SparseTopKCategoricalAccuracy(k=2)([2], [[0.1, 0.5, 0.4]]))
    1.0
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        options: dict[str, Any] = {"from_sorted_ids": True} if from_sorted_ids else {}
        super().__init__(
            sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, **options
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids
