"""True and false positives and negatives of a batch, at many thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydl import ops
from pydl.config import epsilon
from pydl.losses.loss import same_rank
from pydl.ops.apply import emit
from pydl.runtime.variable import Variable

#: Stands for minus infinity: predictions that are not among the top k.
LOWEST = -1e10


def parse_thresholds(thresholds: Any, default: float) -> list[float]:
    """The thresholds as a list; ValueError for one outside [0, 1]."""
    if thresholds is None:
        return [default]
    many = isinstance(thresholds, (list, tuple, np.ndarray))
    given = list(thresholds) if many else [thresholds]
    bad = [t for t in given if t is None or not 0 <= t <= 1]
    if bad:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {bad}")
    return given


def are_even(thresholds: Any) -> bool:
    """Whether the thresholds are 0, 1 and equal steps between."""
    count = len(thresholds)
    if count < 3:
        return False
    even = np.arange(count, dtype="float32") / (count - 1)
    return bool(np.allclose(thresholds, even, atol=epsilon()))


def top_k_only(x: Any, k: int) -> Any:
    """The `k` largest of each row, the first of equals; the others are `LOWEST`."""
    left, chosen = x, ops.zeros_like(x)
    for _ in range(min(k, int(x.shape[-1]))):
        hot = ops.one_hot(ops.argmax(left, axis=-1), x.shape[-1], dtype=x.dtype)
        chosen = ops.add(chosen, hot)
        left = ops.where(ops.cast(hot, "bool"), -np.inf, left)
    return ops.where(ops.cast(chosen, "bool"), x, LOWEST)


class Counter:
    """Adds the counts of a batch to the variables of a metric.

    Args:
        targets: variables of shape ``(thresholds,)`` (``(thresholds, labels)`` when
            `multi_label`) under ``"tp"``, ``"fp"``, ``"tn"``, ``"fn"``.
        thresholds: predictions above one are positive.
        multi_label: count each column for itself.
        even: the thresholds are evenly spread: predictions are sorted into buckets,
            which costs the same for any number of thresholds.
    """

    def __init__(
        self,
        targets: Mapping[str, Variable],
        thresholds: Any,
        multi_label: bool = False,
        even: bool = False,
    ) -> None:
        self.targets = targets
        self.thresholds = np.asarray(thresholds, "float32")
        self.multi_label = multi_label
        self.even = even
        self.dtype = next(iter(targets.values())).dtype

    def update(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, top_k: Any = None,
        class_id: int | None = None, label_weights: Any = None,
    ) -> None:  # fmt: skip
        """Count a batch.

        Args:
            y_true: labels; not 0 is positive.
            y_pred: numbers in [0, 1] of the shape of `y_true`.
            sample_weight: weights that broadcast to the samples.
            top_k: take only the largest predictions of each row.
            class_id: take only this column.
            label_weights: one weight per column.
        """
        y_true, y_pred = (ops.cast(y, self.dtype) for y in (y_true, y_pred))
        y_pred, y_true = same_rank(y_pred, y_true)
        sample_weight, weight = self._weight(y_true, sample_weight), None
        if top_k is not None:
            y_pred = top_k_only(y_pred, top_k)
        if class_id is not None:
            y_true, y_pred = (_column(y, class_id) for y in (y_true, y_pred))
        for factor in (sample_weight, label_weights):
            if factor is not None:
                weight = _times(weight, ops.broadcast_to(factor, y_pred.shape))
        positive = ops.cast(ops.not_equal(y_true, 0), self.dtype)
        true = _times(weight, positive)
        false = _times(weight, ops.subtract(1.0, positive))
        if not self.multi_label:
            y_pred, true, false = (ops.ravel(y) for y in (y_pred, true, false))
        count = self._by_bucket if self.even else self._by_threshold
        self._add(*count(y_pred, true, false), true, false)

    def _weight(self, y_true: Any, sample_weight: Any) -> Any:
        if sample_weight is None:
            return None
        weight = ops.expand_dims(ops.cast(sample_weight, self.dtype), -1)
        return same_rank(y_true, weight, expand=False)[1]

    def _by_threshold(self, y_pred: Any, true: Any, false: Any) -> tuple[Any, Any]:
        """Compare with each threshold."""
        levels = self.thresholds.reshape(-1, *(1 for _ in y_pred.shape))
        above = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), levels), self.dtype)
        return ops.sum(above * true, axis=1), ops.sum(above * false, axis=1)

    def _by_bucket(self, y_pred: Any, true: Any, false: Any) -> tuple[Any, Any]:
        """Sum the labels between neighbouring thresholds, then from each upwards."""
        count = len(self.thresholds)
        labels = int(y_pred.shape[-1]) if self.multi_label else 1
        scaled = ops.multiply(ops.clip(y_pred, 0.0, 1.0), float(count - 1))
        place = ops.subtract(ops.negative(ops.floor(ops.negative(scaled))), 1.0)
        if self.thresholds[0] < 0 or self.thresholds[-1] > 1:
            place = ops.maximum(place, 0.0)
        place = ops.cast(place, "int32")
        if self.multi_label:
            place = place * labels + np.arange(labels, dtype="int32")
        pairs = ops.stack([ops.ravel(true), ops.ravel(false)], axis=1)
        # The gradient of `take` adds up rows by index and leaves out indices below 0.
        sums = emit("take_grad", pairs, ops.ravel(place), rows=count * labels)
        from_here = np.triu(np.ones((count, count), self.dtype))
        sums = ops.matmul(from_here, ops.reshape(sums, (count, labels * 2)))
        sums = ops.reshape(sums, (count, labels, 2))
        tp, fp = sums[:, :, 0], sums[:, :, 1]
        return (tp, fp) if self.multi_label else (tp[:, 0], fp[:, 0])

    def _add(self, tp: Any, fp: Any, true: Any, false: Any) -> None:
        counts = {"tp": lambda: tp, "fp": lambda: fp}
        counts["fn"] = lambda: ops.subtract(ops.sum(true, axis=0), tp)
        counts["tn"] = lambda: ops.subtract(ops.sum(false, axis=0), fp)
        for kind, variable in self.targets.items():
            variable.assign_add(counts[kind]())


def _times(weight: Any, x: Any) -> Any:
    return x if weight is None else ops.multiply(weight, x)


def _column(x: Any, index: int) -> Any:
    if len(x.shape) == 1:
        raise ValueError(
            "class_id: expected y_pred of shape (samples, classes), received shape "
            f"{tuple(x.shape)}"
        )
    return x[..., index : index + 1]
