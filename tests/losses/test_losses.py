"""Losses against Keras's numbers, and their manners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from keras_numbers import NUMBERS, data
from pydl import losses


def case_id(case: dict[str, Any]) -> str:
    options = "-".join(f"{k}={v}" for k, v in case["arguments"].items())
    return f"{case['cls']}-{options}-{case['reduction']}-{case['weights']}"


@pytest.mark.parametrize("case", NUMBERS["losses"], ids=case_id)
def test_as_keras(case: dict[str, Any]) -> None:
    loss = getattr(losses, case["cls"])(
        reduction=case["reduction"], **case["arguments"]
    )
    got = loss(data(case["y_true"]), data(case["y_pred"]), data(case["weights"]))
    np.testing.assert_allclose(np.asarray(got), case["value"], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "float64"])
def test_labels_of_any_dtype(dtype: str) -> None:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    got = float(loss(np.array([1, 0], dtype), np.zeros((2, 4), "float32")))
    assert got == pytest.approx(np.log(4), rel=1e-6)


def test_labels_of_shape_n_1() -> None:
    logits = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    labels = np.array([0, 1, 2, 1, 0])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(labels[:, None], logits)) == float(loss(labels, logits))


def test_mse_does_not_broadcast_columns_to_squares() -> None:
    true, pred = np.arange(4.0, dtype="float32"), np.zeros((4, 1), "float32")
    assert float(losses.MeanSquaredError()(true, pred)) == pytest.approx(3.5)


def test_reduction_is_checked() -> None:
    with pytest.raises(
        ValueError, match="reduction: expected one of .* received 'average'"
    ):
        losses.MeanSquaredError(reduction="average")


def test_shapes_are_checked() -> None:
    with pytest.raises(
        ValueError, match=r"shape of y_pred \(2, 3\), received.*\(2, 4\)"
    ):
        losses.CategoricalCrossentropy()(np.zeros((2, 4)), np.zeros((2, 3), "float32"))


def test_get_by_name() -> None:
    assert losses.get("mse") is losses.mean_squared_error
    assert isinstance(losses.get("MeanAbsoluteError"), losses.MeanAbsoluteError)
    assert losses.get(None) is None
    with pytest.raises(
        ValueError, match="unknown loss 'categorical_crossentropi'.*Did you mean"
    ):
        losses.get("categorical_crossentropi")


@pytest.mark.parametrize(
    "loss",
    [
        losses.MeanSquaredError(reduction="sum", name="mine"),
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        losses.SparseCategoricalCrossentropy(ignore_class=2),
    ],
)
def test_config_round_trip(loss: losses.Loss) -> None:
    config = losses.serialize(loss)
    assert config["module"] == "keras.losses"
    again = losses.deserialize(config)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_own_loss_class() -> None:
    class Doubled(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 2.0 * losses.mean_squared_error(y_true, y_pred)

    got = Doubled()(np.ones((3, 2), "float32"), np.zeros((3, 2), "float32"))
    assert float(got) == 2.0
