"""The wider family of metrics: Keras's numbers, in `fit` too, and configurations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pydl
from library_parity import LIBRARY, array, case_id, data
from pydl import metrics

CASES = LIBRARY["metrics"]


def make(case: dict[str, Any]) -> metrics.Metric:
    return getattr(metrics, case["cls"])(**case["arguments"])


def check(metric: metrics.Metric, stored: dict[str, Any]) -> None:
    got = np.asarray(metric.result())
    expected = array(stored)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_as_keras(case: dict[str, Any]) -> None:
    metric = make(case)
    for weights, stored in zip((None, case["weights"]), case["results"], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            metric.update_state(*map(data, case["pair"]), data(weights))
        check(metric, stored)
    metric.reset_state()
    assert not any(np.asarray(v).any() for v in metric.variables)
    metric.update_state(*map(data, case["pair"]))
    check(metric, case["results"][0])


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_config(case: dict[str, Any]) -> None:
    metric = make(case)
    config = metric.get_config()
    stored = dict(case["config"])
    assert set(stored) <= set(config)
    for key in set(stored) - {"name", "dtype"}:
        assert config[key] == stored[key], key
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == config


TRAINED = [
    metrics.AUC(), metrics.Precision(thresholds=[0.3, 0.6]), metrics.Recall(top_k=2),
    metrics.F1Score(average="macro"), metrics.R2Score(), metrics.OneHotMeanIoU(3),
    metrics.TopKCategoricalAccuracy(k=2), metrics.RootMeanSquaredError(),
    metrics.PrecisionAtRecall(0.5), metrics.AUC(multi_label=True, name="columns"),
]  # fmt: skip


@pytest.mark.parametrize("metric", TRAINED, ids=lambda m: m.name)
def test_inside_the_compiled_step(metric: metrics.Metric) -> None:
    """`evaluate` gives what the metric gives when it is called on the predictions."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5)).astype("float32")
    y = np.eye(3, dtype="float32")[rng.integers(0, 3, 40)]
    model = pydl.Sequential([pydl.Input((5,)), pydl.layers.Dense(3, "softmax")])
    used = type(metric).from_config(metric.get_config())
    model.compile(loss="categorical_crossentropy", metrics=[used])
    model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    got = model.evaluate(x, y, batch_size=16, verbose=0)[1]
    fresh = type(metric).from_config(metric.get_config())
    fresh.update_state(y, model.predict(x, verbose=0))
    np.testing.assert_allclose(got, np.asarray(fresh.result()), rtol=1e-4, atol=1e-5)


def test_names() -> None:
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert isinstance(metrics.get("auc"), metrics.AUC)
    assert isinstance(metrics.get("Precision"), metrics.Precision)
    assert metrics.AUC(name=None).name == "auc"


@pytest.mark.parametrize(
    ("make_metric", "message"),
    [
        (lambda: metrics.Precision(thresholds=1.5), r"must be in \[0, 1\].*1.5"),
        (lambda: metrics.AUC(curve="LIFT"), 'curve value: "LIFT"'),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds=1"),
        (lambda: metrics.AUC(num_labels=3), "only when `multi_label` is True"),
        (lambda: metrics.RecallAtPrecision(1.2), "precision=1.2"),
        (lambda: metrics.FBetaScore(beta=0.0), "> 0. Received: beta=0.0"),
        (lambda: metrics.FBetaScore(average="mean"), "average=mean"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors=-1"),
        (lambda: metrics.IoU(2, [2]), "class id 2 is out of range"),
    ],
)
def test_arguments_are_checked(make_metric: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_metric()


def test_class_id_needs_columns() -> None:
    with pytest.raises(
        ValueError, match=r"\(samples, classes\), received shape \(2,\)"
    ):
        metrics.Precision(class_id=0).update_state([0, 1], [0.2, 0.7])
