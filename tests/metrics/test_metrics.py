"""Metrics against Keras's numbers, and their manners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from keras_numbers import NUMBERS, data
from pydl import metrics


def case_id(case: dict[str, Any]) -> str:
    return f"{case['cls']}-{case['arguments']}-{case['weights']}"


@pytest.mark.parametrize("case", NUMBERS["metrics"], ids=case_id)
def test_as_keras(case: dict[str, Any]) -> None:
    metric = getattr(metrics, case["cls"])(**case["arguments"])
    y_true, y_pred, weights = (data(case[k]) for k in ("y_true", "y_pred", "weights"))
    for rows in (slice(0, 3), slice(3, None)):
        part = None if weights is None else weights[rows]
        metric.update_state(y_true[rows], y_pred[rows], sample_weight=part)
    assert float(metric.result()) == pytest.approx(case["value"], rel=2e-6)
    assert metric.read() == pytest.approx(case["value"], rel=2e-6)


def test_mean_of_nothing_is_zero() -> None:
    metric = metrics.Mean()
    assert float(metric.result()) == 0.0
    assert metric.read() == 0.0


def test_reset_state() -> None:
    metric = metrics.Sum()
    metric.update_state([1.0, 2.0])
    assert float(metric.result()) == 3.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_mean_of_matrices_with_weights() -> None:
    metric = metrics.Mean()
    metric.update_state(np.array([[1.0, 3.0], [5.0, 7.0]]), sample_weight=[1, 3])
    assert float(metric.result()) == pytest.approx((2 + 18) / 4)


def test_own_metric() -> None:
    class Largest(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="largest")
            self.value = self.add_weight(name="value")

        def update_state(
            self, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> None:
            from pydl import ops

            self.value.assign(ops.maximum(self.value, ops.max(y_pred)))

        def result(self) -> Any:
            return self.value.value

    metric = Largest()
    metric.update_state(None, np.array([1.0, 4.0, 2.0], "float32"))
    metric.update_state(None, np.array([3.0], "float32"))
    assert metric.read() == 4.0
    assert metric.variables == [metric.value]


def test_get_and_config() -> None:
    metric = metrics.get("mse")
    assert isinstance(metric, metrics.MeanSquaredError)
    again = metrics.deserialize(
        metrics.serialize(metrics.BinaryAccuracy(threshold=0.6))
    )
    assert again.threshold == 0.6
    with pytest.raises(ValueError, match="unknown metric 'acuracy'"):
        metrics.get("acuracy")


def test_threshold_is_checked() -> None:
    with pytest.raises(ValueError, match=r"threshold: expected a number in \(0, 1\)"):
        metrics.BinaryAccuracy(threshold=1.5)
