"""Counts of right and wrong decisions, and precision and recall."""

from __future__ import annotations

from typing import Any, ClassVar

from pydl import ops
from pydl.metrics.confusion_counts import LOWEST, Counter, are_even, parse_thresholds
from pydl.metrics.metric import Metric, as_float
from pydl.runtime.variable import Variable


def share(part: Variable, rest: Variable) -> Any:
    """``part / (part + rest)``, 0 where both are 0."""
    a, b = as_float(part, part.dtype), as_float(rest, rest.dtype)
    return ops.divide_no_nan(a, ops.add(a, b))


class ConditionCount(Metric):
    """The sum of the weights of samples with one kind of outcome."""

    _kind: ClassVar[str]

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds, 0.5)
        self.accumulator = self.add_variable(len(self.thresholds), name="accumulator")
        self._counter = Counter(
            {self._kind: self.accumulator}, self.thresholds,
            even=are_even(self.thresholds),
        )  # fmt: skip

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels (not 0 is positive) and predictions in [0, 1]."""
        self._counter.update(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        count = as_float(self.accumulator, self.dtype)
        return count[0] if len(self.thresholds) == 1 else count

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(ConditionCount):
    """How many positive labels were predicted as positive.

    Args:
        thresholds: predictions above it are positive: a number in [0, 1] or a list,
            0.5 unless given.

    >>> float(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    _kind = "tp"


class TrueNegatives(ConditionCount):
    """How many negative labels were predicted as negative; see `TruePositives`.

    >>> float(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
    2.0
    """

    _kind = "tn"


class FalsePositives(ConditionCount):
    """How many negative labels were predicted as positive; see `TruePositives`.

    >>> float(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
    2.0
    """

    _kind = "fp"


class FalseNegatives(ConditionCount):
    """How many positive labels were predicted as negative; see `TruePositives`.

    >>> float(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
    2.0
    """

    _kind = "fn"


class _Share(Metric):
    """Right positives as a share of them and another kind of outcome."""

    _direction = "up"
    _other: ClassVar[tuple[str, str]]

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = parse_thresholds(thresholds, 0.5 if top_k is None else LOWEST)
        size, (kind, other) = len(self.thresholds), self._other
        self.true_positives = self.add_variable(size, name="true_positives")
        setattr(self, other, self.add_variable(size, name=other))
        self._counter = Counter(
            {"tp": self.true_positives, kind: getattr(self, other)}, self.thresholds,
            even=are_even(self.thresholds),
        )  # fmt: skip

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels (not 0 is positive) and predictions in [0, 1]."""
        self._counter.update(y_true, y_pred, sample_weight, self.top_k, self.class_id)

    def result(self) -> Any:
        found = share(self.true_positives, getattr(self, self._other[1]))
        return found[0] if len(self.thresholds) == 1 else found

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Share):
    """The share of positive predictions that are right: ``tp / (tp + fp)``.

    Args:
        thresholds: predictions above it are positive: a number in [0, 1] or a list,
            0.5 unless given.
        top_k: the `top_k` largest predictions of a row are positive.
        class_id: look at this column only.

    >>> round(float(Precision()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _other = ("fp", "false_positives")
    false_positives: Variable


class Recall(_Share):
    """The share of positive labels that were found: ``tp / (tp + fn)``.

    Args: as `Precision`.

    >>> round(float(Recall()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _other = ("fn", "false_negatives")
    false_negatives: Variable
