"""Intersection over union of classes, from a running confusion matrix."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import ops
from pydl.config import epsilon
from pydl.metrics.metric import Metric
from pydl.ops.apply import emit


class ConfusionMatrix(Metric):
    """Counts pairs of (label, prediction): the state of the intersections over unions.

    Args:
        num_classes: labels and predictions are in ``[0, num_classes)``; others count
            nothing.
        ignore_class: labels of this class count nothing.
        sparse_y_true, sparse_y_pred: class numbers; else one score per class.
        axis: the axis of the scores.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=_dtype(dtype))
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch, each pair by its weight."""
        labels = _numbers(y_true, self.sparse_y_true, self.axis)
        guesses = _numbers(y_pred, self.sparse_y_pred, self.axis)
        known = ops.logical_and(self._known(labels), self._known(guesses))
        if self.ignore_class is not None:
            known = ops.logical_and(known, ops.not_equal(labels, self.ignore_class))
        weight = self._weight(sample_weight, labels.shape)
        index = ops.where(known, labels * self.num_classes + guesses, -1)
        # The gradient of `take` adds up weights by index and leaves out those below 0.
        counts = emit("take_grad", weight, index, rows=self.num_classes**2)
        counts = ops.reshape(counts, (self.num_classes, self.num_classes))
        self.total_cm.assign_add(ops.cast(counts, self.dtype))

    def _known(self, numbers: Any) -> Any:
        low, high = ops.greater_equal(numbers, 0), ops.less(numbers, self.num_classes)
        return ops.logical_and(low, high)

    def _weight(self, sample_weight: Any, shape: Any) -> Any:
        """One float per pair, whole numbers when the state is."""
        if sample_weight is None:
            return ops.ones(shape, dtype="float32")
        weight = ops.convert_to_tensor(sample_weight)
        if "float" in str(weight.dtype) and "int" in self.dtype:
            warnings.warn(
                "You are passing weight as `float`, but dtype is `int`: weights are "
                "cut to whole numbers",
                stacklevel=3,
            )
        weight = ops.cast(ops.cast(weight, self.dtype), "float32")
        return ops.broadcast_to(ops.ravel(weight), shape)


def _dtype(dtype: Any) -> Any:
    name = getattr(dtype, "name", dtype)
    return "int32" if name in (None, "int") else dtype


def _numbers(y: Any, sparse: bool, axis: int) -> Any:
    """Class numbers as int32 in a row."""
    y = ops.convert_to_tensor(y)
    return ops.ravel(ops.cast(y if sparse else ops.argmax(y, axis=axis), "int32"))


class IoU(ConfusionMatrix):
    """``tp / (tp + fp + fn)`` of some classes, averaged.

    Args:
        num_classes: number of classes.
        target_class_ids: the classes to average.
        ignore_class: labels of this class count nothing.
        sparse_y_true, sparse_y_pred: class numbers; else one score per class.
        axis: the axis of the scores.

    >>> metric = IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"Target class id {max(target_class_ids)} is out of range, which is "
                f"[0, {num_classes})."
            )
        self.target_class_ids = list(target_class_ids)

    def result(self) -> Any:
        counts = ops.cast(ops.convert_to_tensor(self.total_cm), "float32")
        shared = ops.sum(counts * np.eye(self.num_classes, dtype="float32"), axis=0)
        union = ops.sum(counts, axis=0) + ops.sum(counts, axis=1) - shared
        chosen = np.asarray(self.target_class_ids, "int32")
        shared, union = ops.take(shared, chosen, 0), ops.take(union, chosen, 0)
        seen = ops.greater(union, 1e-9)
        each = ops.where(seen, ops.divide(shared, union + epsilon()), 0.0)
        number = ops.sum(ops.cast(seen, "float32")) + epsilon()
        return ops.divide(ops.sum(each), number)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }

    def _config_without(self, *names: str) -> dict[str, Any]:
        config = IoU.get_config(self)
        return {key: value for key, value in config.items() if key not in names}


class BinaryIoU(IoU):
    """`IoU` of two classes, from predictions in [0, 1].

    Args:
        target_class_ids: the classes to average, of 0 and 1.
        threshold: predictions of at least this are class 1.

    >>> metric = BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    >>> round(float(metric([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels 0 and 1 and predictions in [0, 1]."""
        y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        said = ops.cast(ops.greater_equal(y_pred, self.threshold), "int32")
        super().update_state(y_true, said, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
            "name": self.name,
            "dtype": self.dtype,
        }


class MeanIoU(IoU):
    """`IoU` averaged over all classes.

    >>> metric = MeanIoU(num_classes=2)
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, list(range(num_classes)), name, dtype, ignore_class,
            sparse_y_true, sparse_y_pred, axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """`IoU` of one-hot labels and scores.

    >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])), 4)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False,
            sparse_y_pred, axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`OneHotIoU` averaged over all classes.

    >>> metric = OneHotMeanIoU(num_classes=2)
    >>> round(float(metric([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])), 4)
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids", "sparse_y_true")
