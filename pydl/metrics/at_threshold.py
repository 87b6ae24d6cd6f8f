"""The best of one measure where another is good enough, over many thresholds."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.metrics.confusion import share
from pydl.metrics.confusion_counts import Counter
from pydl.metrics.metric import Metric
from pydl.runtime.variable import Variable

KINDS = {
    "tp": "true_positives",
    "fp": "false_positives",
    "tn": "true_negatives",
    "fn": "false_negatives",
}


class AtThreshold(Metric):
    """Counts at `num_thresholds` thresholds between 0 and 1."""

    _direction = "up"
    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if num_thresholds <= 0:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 0. Received: "
                f"num_thresholds={num_thresholds}"
            )
        self.value = value
        self.class_id = class_id
        self.num_thresholds = num_thresholds
        self.thresholds = [0.5]
        if num_thresholds > 1:
            self.thresholds = [i / (num_thresholds - 1) for i in range(num_thresholds)]
        for kind in KINDS.values():
            setattr(self, kind, self.add_variable(num_thresholds, name=kind))
        targets = {short: getattr(self, kind) for short, kind in KINDS.items()}
        self._counter = Counter(targets, self.thresholds, even=num_thresholds > 1)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels (not 0 is positive) and predictions in [0, 1]."""
        self._counter.update(y_true, y_pred, sample_weight, class_id=self.class_id)

    def _sensitivity(self) -> Any:
        return share(self.true_positives, self.false_negatives)

    def _specificity(self) -> Any:
        return share(self.true_negatives, self.false_positives)

    def _precision(self) -> Any:
        return share(self.true_positives, self.false_positives)

    def _best(self, constrained: Any, wanted: Any) -> Any:
        """The largest of `wanted` where `constrained` reaches the value asked for."""
        enough = ops.greater_equal(constrained, self.value)
        return ops.max(ops.where(enough, wanted, 0.0), initial=0.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
        }


def _check_share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(
            f"Argument `{name}` must be in the range [0, 1]. Received: {name}={value}"
        )
    return value


class SensitivityAtSpecificity(AtThreshold):
    """The best sensitivity ``tp / (tp + fn)`` where specificity is high enough.

    Args:
        specificity: the least specificity ``tn / (tn + fp)``, in [0, 1].
        num_thresholds: how many thresholds are tried, >= 1.
        class_id: look at this column only.

    >>> metric = SensitivityAtSpecificity(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.specificity = _check_share("specificity", specificity)
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._specificity(), self._sensitivity())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "specificity": self.specificity}


class SpecificityAtSensitivity(AtThreshold):
    """The best specificity ``tn / (tn + fp)`` where sensitivity is high enough.

    Args:
        sensitivity: the least sensitivity ``tp / (tp + fn)``, in [0, 1].
        num_thresholds: how many thresholds are tried, >= 1.
        class_id: look at this column only.

    >>> metric = SpecificityAtSensitivity(0.5)
    >>> round(float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.sensitivity = _check_share("sensitivity", sensitivity)
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._sensitivity(), self._specificity())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sensitivity": self.sensitivity}


class PrecisionAtRecall(AtThreshold):
    """The best precision ``tp / (tp + fp)`` where recall is high enough.

    Args:
        recall: the least recall ``tp / (tp + fn)``, in [0, 1].
        num_thresholds: how many thresholds are tried, >= 1.
        class_id: look at this column only.

    >>> metric = PrecisionAtRecall(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.recall = _check_share("recall", recall)
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._sensitivity(), self._precision())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "recall": self.recall}


class RecallAtPrecision(AtThreshold):
    """The best recall ``tp / (tp + fn)`` where precision is high enough.

    Args:
        precision: the least precision ``tp / (tp + fp)``, in [0, 1].
        num_thresholds: how many thresholds are tried, >= 1.
        class_id: look at this column only.

    >>> metric = RecallAtPrecision(0.8)
    >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.5, 0.3, 0.8]))
    0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.precision = _check_share("precision", precision)
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._precision(), self._sensitivity())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "precision": self.precision}
