"""The wider family of losses: Keras's numbers, gradients, configurations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from library_parity import LIBRARY, array, case_id, data
from pydl import losses, ops
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace
from pydl.runtime.program import compile_graph

CASES = LIBRARY["losses"]
DISTINCT = list({case_id(case): case for case in CASES}.values())


def loss_id(case: dict[str, Any]) -> str:
    return f"{case_id(case)}-{case['reduction']}-{case['weights']}"


def make(case: dict[str, Any]) -> losses.Loss:
    return getattr(losses, case["cls"])(
        reduction=case["reduction"], **case["arguments"]
    )


@pytest.mark.parametrize("case", CASES, ids=loss_id)
def test_as_keras(case: dict[str, Any]) -> None:
    got = make(case)(*map(data, case["pair"]), data(case["weights"]))
    expected = array(case["value"])
    assert np.asarray(got).shape == expected.shape
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("case", DISTINCT, ids=case_id)
def test_config_round_trip(case: dict[str, Any]) -> None:
    loss = make(case)
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    for name, value in case["arguments"].items():
        assert again.get_config()[name] == value


def value_and_gradient(case: dict[str, Any], x: np.ndarray) -> tuple[float, np.ndarray]:
    with Trace("loss") as trace:
        y_true = ops.convert_to_tensor(data(case["pair"][0]))
        y_pred = trace.input("x", x.shape, "float64")
        loss = make({**case, "reduction": "sum"})(y_true, y_pred)
        (grad,) = gradients([loss], [y_pred])
        trace.output("loss", ops.reshape(loss, (1,)))
        trace.output("grad", grad)
    found = compile_graph(trace.graph).run({"x": x})
    return float(found["loss"][0]), found["grad"]


@pytest.mark.parametrize("case", DISTINCT, ids=case_id)
def test_gradient(case: dict[str, Any]) -> None:
    """Float64 differences; none of the inputs lies at a corner."""
    x = data(case["pair"][1]).astype("float64")
    _, grad = value_and_gradient(case, x)
    direction = np.random.default_rng(3).normal(size=x.shape)
    step = 1e-6
    up, _ = value_and_gradient(case, x + step * direction)
    down, _ = value_and_gradient(case, x - step * direction)
    expected = (up - down) / (2 * step)
    assert np.isfinite(grad).all()
    np.testing.assert_allclose((grad * direction).sum(), expected, rtol=2e-5, atol=1e-6)


def test_names() -> None:
    assert losses.get("kld") is losses.kl_divergence
    assert losses.get("MAPE") is losses.mean_absolute_percentage_error
    assert isinstance(losses.get("Huber"), losses.Huber)
    assert losses.Huber().name == "huber_loss"


def test_generalized_entropy_checks_q() -> None:
    with pytest.raises(ValueError, match=r"interval \(0, 1\). Received: q=1.5"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.5)


def test_circle_without_any_pair_is_zero() -> None:
    embeddings = np.eye(3, dtype="float32")
    assert float(losses.Circle()(np.zeros(3, "int32"), embeddings)) == 0.0
