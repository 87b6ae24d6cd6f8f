"""The losses as classes: a function with its options and a reduction."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from pydl.losses.loss import LossFunctionWrapper, same_rank


class MeanSquaredError(LossFunctionWrapper):
    """The mean of the squares of errors.

    >>> float(MeanSquaredError()([[0.0], [2.0]], [[1.0], [2.0]]))
    0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            mean_squared_error, reduction=reduction, name=name, dtype=dtype
        )


class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of the absolute values of errors.

    >>> float(MeanAbsoluteError()([[0.0], [2.0]], [[1.0], [2.0]]))
    0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            mean_absolute_error, reduction=reduction, name=name, dtype=dtype
        )


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy of yes/no labels.

    Args:
        from_logits: `y_pred` holds logits, not probabilities.
        label_smoothing: in [0, 1]; squeezes labels towards 0.5.
        axis: the axis that is averaged.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy, reduction=reduction, name=name, dtype=dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of one-hot labels.

    Args:
        from_logits: `y_pred` holds logits, not probabilities.
        label_smoothing: in [0, 1]; this share of each label goes to all classes.
        axis: the axis of the classes.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy, reduction=reduction, name=name, dtype=dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of integer labels.

    Args:
        from_logits: `y_pred` holds logits, not probabilities.
        ignore_class: samples of this class count nothing.
        axis: the axis of the classes.

    >>> loss = SparseCategoricalCrossentropy(from_logits=True)
    >>> round(float(loss([0], [[0.0, 0.0]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy, reduction=reduction, name=name,
            dtype=dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if self.ignore_class is not None:
            sample_weight = self._without_ignored(y_true, y_pred, sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)

    def _without_ignored(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Weights that leave ignored samples out of means too, as Keras's masks do."""
        keep = ops.cast(ops.not_equal(y_true, self.ignore_class), y_pred.dtype)
        if len(keep.shape) == len(y_pred.shape):
            keep = ops.squeeze(keep, self.axis)
        if self.reduction in ("sum_over_batch_size", "mean"):
            keep = ops.multiply(keep, ops.divide_no_nan(1.0, ops.mean(keep)))
        if sample_weight is None:
            return keep
        weight = ops.cast(ops.convert_to_tensor(sample_weight), y_pred.dtype)
        keep, weight = same_rank(keep, weight)
        return ops.multiply(keep, weight)
