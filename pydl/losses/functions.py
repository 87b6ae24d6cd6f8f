"""The loss functions: one value per sample, means over the last axis."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.losses.loss import same_rank


def float_pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors, labels in the dtype of predictions."""
    y_pred = ops.convert_to_tensor(y_pred)
    return ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype), y_pred


def _check_shapes(name: str, y_true: Any, y_pred: Any) -> None:
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            f"{name}: expected y_true of the shape of y_pred {tuple(y_pred.shape)}, "
            f"received y_true of shape {tuple(y_true.shape)}"
        )


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """``mean(square(y_true - y_pred), axis=-1)``, shape ``y_pred.shape[:-1]``."""
    y_true, y_pred = same_rank(*float_pair(y_true, y_pred))
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """``mean(abs(y_true - y_pred), axis=-1)``, shape ``y_pred.shape[:-1]``."""
    y_true, y_pred = same_rank(*float_pair(y_true, y_pred))
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Cross-entropy of independent yes/no answers, averaged over `axis`.

    Args:
        y_true: 0 or 1, the shape of `y_pred`.
        y_pred: probabilities, or logits when `from_logits`.
        label_smoothing: squeezes labels towards 0.5 by this share.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    _check_shapes("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    each = ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits)
    return ops.mean(each, axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Cross-entropy between one-hot (or soft) labels and predictions.

    Args:
        y_true: one row of probabilities per sample, the shape of `y_pred`.
        y_pred: probabilities, or logits when `from_logits`.
        label_smoothing: this share of each label is spread over all classes.
        axis: the axis of the classes.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    _check_shapes("categorical_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    return ops.categorical_crossentropy(
        y_true, y_pred, from_logits=from_logits, axis=axis
    )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """Cross-entropy between integer labels and predictions.

    Args:
        y_true: class numbers, the shape of `y_pred` without the axis of the classes.
        y_pred: probabilities, or logits when `from_logits`.
        ignore_class: samples of this class count nothing.
        axis: the axis of the classes.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if y_true.dtype not in ("int32", "int64"):
        y_true = ops.cast(y_true, "int32")
    keep = None
    if ignore_class is not None:
        keep = ops.not_equal(y_true, ignore_class)
        y_true = ops.where(keep, y_true, ops.zeros_like(y_true))
        y_pred = ops.where(ops.expand_dims(keep, axis), y_pred, ops.zeros_like(y_pred))
    each = ops.sparse_categorical_crossentropy(
        y_true, y_pred, from_logits=from_logits, axis=axis
    )
    return each if keep is None else ops.where(keep, each, ops.zeros_like(each))
