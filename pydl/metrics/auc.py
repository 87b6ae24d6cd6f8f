"""The area under the ROC curve or the precision-recall curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import ops
from pydl.config import epsilon
from pydl.metrics.at_threshold import KINDS
from pydl.metrics.confusion import share
from pydl.metrics.confusion_counts import Counter, are_even
from pydl.metrics.metric import Metric, as_float
from pydl.runtime.variable import Variable

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "majoring", "minoring")


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    for choice in allowed:
        text = str(getattr(value, "value", value))
        if text in (choice, choice.lower(), choice.capitalize()):
            return choice
    raise ValueError(
        f'Invalid {name} value: "{value}". Expected values are {list(allowed)}'
    )


class AUC(Metric):
    """The area under a curve, summed over a number of thresholds.

    Args:
        num_thresholds: how many thresholds, >= 2; more are more exact.
        curve: ``"ROC"``, ``"PR"`` (precision over recall) or ``"PRGAIN"``.
        summation_method: ``"interpolation"`` (of precision-recall curves by the rule of
            J. Davis and M. Goadrich, 2006, "The relationship between Precision-Recall
            and ROC curves"), ``"minoring"`` or ``"majoring"``: areas below or above.
        thresholds: own thresholds instead, in [0, 1].
        multi_label: an area for each column of predictions ``(n, labels)``, averaged.
        num_labels: the number of columns, if it is to be checked.
        label_weights: weights of the columns.
        from_logits: predictions are logits.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"
    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: Any = "ROC",
        summation_method: Any = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve = _one_of("AUC curve", curve, _CURVES)
        self.summation_method = _one_of(
            "AUC summation method", summation_method, _METHODS
        )
        self._init_from_thresholds = thresholds is not None
        inner = _inner_thresholds(num_thresholds, thresholds)
        self.num_thresholds = len(inner) + 2
        self._even = are_even([0.0, *inner, 1.0]) if thresholds is not None else True
        self._thresholds = np.array([-epsilon(), *inner, 1.0 + epsilon()])
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None
        if label_weights is not None:
            self.label_weights = np.asarray(label_weights, self.dtype)
        self._from_logits = from_logits
        self._counter: Counter | None = None
        if multi_label and num_labels:
            self._build((None, num_labels))
        elif not multi_label:
            if num_labels:
                raise ValueError(
                    "`num_labels` is needed only when `multi_label` is True."
                )
            self._build(None)

    @property
    def thresholds(self) -> list[float]:
        """All thresholds, the outer ones just outside [0, 1]."""
        return list(self._thresholds)

    def _build(self, shape: Any) -> None:
        size = [self.num_thresholds]
        if self.multi_label:
            if len(shape) != 2:
                raise ValueError(
                    "`y_pred` must have rank 2 when `multi_label=True`. Found rank "
                    f"{len(shape)}. Full shape received for `y_pred`: {shape}"
                )
            size.append(int(shape[1]))
        for kind in KINDS.values():
            setattr(self, kind, self.add_variable(size, name=kind))
        targets = {short: getattr(self, kind) for short, kind in KINDS.items()}
        self._counter = Counter(targets, self._thresholds, self.multi_label, self._even)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels (not 0 is positive) and predictions in [0, 1]."""
        y_pred = ops.convert_to_tensor(y_pred)
        if self._counter is None:
            self._build(tuple(y_pred.shape))
        assert self._counter is not None
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        weights = None if self.multi_label else self.label_weights
        self._counter.update(y_true, y_pred, sample_weight, label_weights=weights)

    def _averaged(self, areas: Any) -> Any:
        """The sum of slices; of labels, their (weighted) mean."""
        total = ops.sum(areas, axis=0)
        if not self.multi_label:
            return total
        if self.label_weights is None:
            return ops.mean(total)
        weighted = ops.sum(ops.multiply(total, self.label_weights))
        return ops.divide_no_nan(weighted, ops.sum(self.label_weights))

    def _counts(self) -> tuple[Any, Any, Any, Any]:
        tp, fp, tn, fn = (
            as_float(getattr(self, kind), self.dtype) for kind in KINDS.values()
        )
        return tp, fp, tn, fn

    def interpolate_pr_auc(self) -> Any:
        """The area under the precision-recall curve, precision interpolated between
        thresholds as ``tp / (tp + fp)`` itself is, not along a line."""
        tp, fp, _, fn = self._counts()
        positive = tp + fp
        step_tp, step = tp[:-1] - tp[1:], positive[:-1] - positive[1:]
        slope = ops.divide_no_nan(step_tp, ops.maximum(step, 0.0))
        intercept = tp[1:] - slope * positive[1:]
        both = ops.logical_and(positive[:-1] > 0, positive[1:] > 0)
        ratio = ops.divide_no_nan(positive[:-1], ops.maximum(positive[1:], 0.0))
        ratio = ops.where(both, ratio, 1.0)
        areas = slope * (step_tp + intercept * ops.log(ratio))
        return self._averaged(ops.divide_no_nan(areas, tp[1:] + fn[1:]))

    def _points(self) -> tuple[Any, Any]:
        """The curve: x and y at each threshold."""
        recall = share(self.true_positives, self.false_negatives)
        if self.curve == "ROC":
            return share(self.false_positives, self.true_negatives), recall
        if self.curve == "PR":
            return recall, share(self.true_positives, self.false_positives)
        tp, fp, tn, fn = self._counts()
        scale = ops.divide_no_nan(tp + fn, tn + fp)
        recall_gain = 1.0 - scale * ops.divide_no_nan(fn, tp)
        precision_gain = 1.0 - scale * ops.divide_no_nan(fp, tp)
        none = ops.equal(tp, 0.0)
        recall_gain = ops.maximum(ops.where(none, 0.0, recall_gain), 0.0)
        return recall_gain, ops.where(none, 1.0, precision_gain)

    def result(self) -> Any:
        if self._counter is None:
            raise ValueError(
                f"metric {self.name!r}: multi_label counts need num_labels, or a batch "
                "of data, before there is a result"
            )
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        x, y = self._points()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(y[:-1], y[1:])
        else:
            heights = ops.maximum(y[:-1], y[1:])
        return self._averaged((x[:-1] - x[1:]) * heights)

    def get_config(self) -> dict[str, Any]:
        weights = self.label_weights
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if weights is None else weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = [float(t) for t in self.thresholds[1:-1]]
        return config


def _inner_thresholds(count: int, thresholds: Any) -> list[float]:
    if thresholds is not None:
        return sorted(float(t) for t in thresholds)
    if count <= 1:
        raise ValueError(
            "Argument `num_thresholds` must be an integer > 1. Received: "
            f"num_thresholds={count}"
        )
    return [i / (count - 1) for i in range(1, count - 1)]
