"""F-scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.config import epsilon
from pydl.metrics.metric import Metric, as_float
from pydl.runtime.variable import Variable

_AVERAGES = (None, "micro", "macro", "weighted")


def _is_float(name: str, value: Any) -> float:
    if not isinstance(value, float):
        raise ValueError(
            f"Invalid `{name}` argument value. It should be a Python float. Received: "
            f"{name}={value} of type '{type(value)}'"
        )
    return value


def check_2d(name: str, y_true: Any, y_pred: Any) -> None:
    """Raise ValueError unless both are ``(batch_size, output_dim)``."""
    if len(y_true.shape) != 2 or len(y_pred.shape) != 2:
        raise ValueError(
            f"{name} expects 2D inputs with shape (batch_size, output_dim). Received "
            f"input shapes: y_pred.shape={tuple(y_pred.shape)} and "
            f"y_true.shape={tuple(y_true.shape)}."
        )


class FBetaScore(Metric):
    """``(1 + beta^2) precision * recall / (beta^2 precision + recall)``.

    C. J. van Rijsbergen (1979), "Information Retrieval".

    Args:
        average: None: one score per class; ``"micro"``: of all decisions together;
            ``"macro"``: the mean of classes; ``"weighted"``: weighted by the number of
            labels of a class.
        beta: a float > 0: how much more recall counts than precision.
        threshold: predictions above it are positive; None: the largest of each row is.

    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]]).numpy().round(4).tolist()
    [1.0, 1.0]
    """

    _direction = "up"
    true_positives: Variable
    false_positives: Variable
    false_negatives: Variable
    intermediate_weights: Variable

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in _AVERAGES:
            raise ValueError(
                "Invalid `average` argument value. Expected one of: "
                f"{_AVERAGES}. Received: average={average}"
            )
        if _is_float("beta", beta) <= 0.0:
            raise ValueError(
                "Invalid `beta` argument value. It should be > 0. Received: "
                f"beta={beta}"
            )
        if threshold is not None and not 0 < _is_float("threshold", threshold) <= 1:
            raise ValueError(
                "Invalid `threshold` argument value. It should verify 0 < threshold "
                f"<= 1. Received: threshold={threshold}"
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        check_2d("FBetaScore", y_true, y_pred)
        shape = () if self.average == "micro" else (int(y_pred.shape[-1]),)
        for name in (
            "true_positives", "false_positives", "false_negatives",
            "intermediate_weights",
        ):  # fmt: skip
            setattr(self, name, self.add_variable(shape, name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of 0/1 labels and scores, both ``(n, classes)``."""
        y_true = ops.cast(ops.convert_to_tensor(y_true), self.dtype)
        y_pred = ops.cast(ops.convert_to_tensor(y_pred), self.dtype)
        if not self._built:
            self._build(y_true, y_pred)
        said = ops.cast(self._positive(y_pred), self.dtype)
        weight: Any = 1.0
        if sample_weight is not None:
            weight = ops.expand_dims(ops.cast(sample_weight, self.dtype), 1)
        for variable, hits in (
            (self.true_positives, said * y_true),
            (self.false_positives, said * (1.0 - y_true)),
            (self.false_negatives, (1.0 - said) * y_true),
            (self.intermediate_weights, y_true),
        ):
            variable.assign_add(ops.sum(hits * weight, axis=self.axis))

    def _positive(self, y_pred: Any) -> Any:
        if self.threshold is not None:
            return ops.greater(y_pred, self.threshold)
        top = ops.max(y_pred, axis=-1, keepdims=True)
        some = ops.greater(ops.abs(y_pred), 1e-9)
        return ops.logical_and(ops.greater_equal(y_pred, top), some)

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        tp, fp, fn, weights = (
            as_float(v, self.dtype)
            for v in (
                self.true_positives, self.false_positives, self.false_negatives,
                self.intermediate_weights,
            )
        )  # fmt: skip
        precision = ops.divide(tp, tp + fp + epsilon())
        recall = ops.divide(tp, tp + fn + epsilon())
        square = self.beta**2
        both = ops.divide(precision * recall, precision * square + recall + epsilon())
        score = both * (1 + square)
        if self.average == "weighted":
            share = ops.divide(weights, ops.sum(weights) + epsilon())
            return ops.sum(score * share)
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """`FBetaScore` with ``beta=1``: ``2 precision * recall / (precision + recall)``.

    >>> metric = F1Score(threshold=0.5, average="macro")
    >>> round(float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])), 4)
    1.0
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
