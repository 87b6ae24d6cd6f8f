"""Every metric inside compiled steps: the value that it has outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import metrics

CONFUSION = ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
BINARY = (
    "AUC", "BinaryAccuracy", "BinaryCrossentropy", "F1Score", "FBetaScore", "Hinge",
    "KLDivergence", "LogCoshError", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError",
    "Poisson", "Precision", "R2Score", "Recall", "RootMeanSquaredError", "SquaredHinge",
    *CONFUSION,
)  # fmt: skip
SPARSE = (
    "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
)  # fmt: skip
ONE_HOT = (
    "CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge",
    "CosineSimilarity", "F1Score", "OneHotIoU", "OneHotMeanIoU",
    "TopKCategoricalAccuracy",
)  # fmt: skip
SENSITIVE: dict[str, Callable[[], Any]] = {
    "thresholds": lambda: metrics.Precision(thresholds=[0.3, 0.7]),
    "recall of a class": lambda: metrics.Recall(class_id=0),
    "precision at recall": lambda: metrics.PrecisionAtRecall(0.5),
    "recall at precision": lambda: metrics.RecallAtPrecision(0.5),
    "sensitivity": lambda: metrics.SensitivityAtSpecificity(0.5),
    "specificity": lambda: metrics.SpecificityAtSensitivity(0.5),
    "PR curve": lambda: metrics.AUC(curve="PR", num_thresholds=20),
}


def agree(make: Callable[[], Any], y: np.ndarray, outputs: int, loss: str) -> None:
    """`fit` without learning, batches of several sizes, a rest: as on all rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(y), 3)).astype("float32")
    for batch in (1, 10, 32):
        pydl.utils.set_random_seed(1)
        activation = "sigmoid" if outputs == 1 else "softmax"
        model = pydl.Sequential(
            [pydl.Input((3,)), pydl.layers.Dense(outputs, activation)]
        )
        inside = make()
        model.compile(pydl.optimizers.SGD(0.0), loss, metrics=[inside])
        logs = model.fit(x, y, batch_size=batch, verbose=0).history
        outside = make()
        outside.update_state(y, model.predict(x, verbose=0))
        np.testing.assert_allclose(
            logs[inside.name][0], np.asarray(outside.result()), rtol=1e-4, atol=1e-6
        )


def labels(classes: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, classes, 75)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    y = labels(2).astype("float32")[:, None]
    agree(getattr(metrics, name), y, 1, "binary_crossentropy")


@pytest.mark.parametrize("name", list(SENSITIVE))
def test_thresholds(name: str) -> None:
    y = labels(2).astype("float32")[:, None]
    agree(SENSITIVE[name], y, 1, "binary_crossentropy")


@pytest.mark.parametrize("name", SPARSE)
def test_sparse(name: str) -> None:
    agree(getattr(metrics, name), labels(6), 6, "sparse_categorical_crossentropy")


@pytest.mark.parametrize("name", ONE_HOT)
def test_one_hot(name: str) -> None:
    y = pydl.utils.to_categorical(labels(4), 4)
    known = {"OneHotIoU": {"num_classes": 4, "target_class_ids": [1]}}
    known["OneHotMeanIoU"] = {"num_classes": 4}
    arguments = known.get(name, {})
    agree(lambda: getattr(metrics, name)(**arguments), y, 4, "categorical_crossentropy")
