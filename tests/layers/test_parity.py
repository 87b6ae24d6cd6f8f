"""Layers and models written by Keras, read and computed here.

The numbers are made by ``tests/data/make_layer_parity.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pydl import layers
from pydl.models import model_from_json

DATA = json.loads(
    (Path(__file__).parents[1] / "data" / "layer_parity.json").read_text()
)


def array(values, shape):
    return np.array(values, "float32").reshape(shape)


def set_weights(target, weights):
    shapes = [w.shape for w in target.weights]
    target.set_weights([array(w, s) for w, s in zip(weights, shapes, strict=True)])


def case_name(case):
    config = case["config"]["config"]
    return f"{case['config']['class_name']}-{config.get('activation', '')}".rstrip("-")


@pytest.mark.parametrize("case", DATA["layers"], ids=case_name)
def test_layer(case):
    layer = layers.deserialize(case["config"])
    inputs = [array(x["values"], x["shape"]) for x in case["inputs"]]
    argument = inputs[0] if len(inputs) == 1 else inputs
    layer(argument)
    set_weights(layer, case["weights"])
    expected = array(case["output"]["values"], case["output"]["shape"])
    out = np.asarray(layer(argument))
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-6)
    losses = [float(loss) for loss in layer.losses]
    np.testing.assert_allclose(losses, case["losses"], rtol=1e-5)


@pytest.mark.parametrize("case", DATA["layers"], ids=case_name)
def test_configuration_is_written_as_keras_does(case):
    written = json.loads(
        json.dumps(layers.serialize(layers.deserialize(case["config"])))
    )
    expected = case["config"]
    expected["config"].pop("quantization_config", None)
    assert written["config"] == expected["config"]
    for key in ("module", "class_name", "registered_name"):
        assert written[key] == expected[key]


@pytest.mark.parametrize("case", DATA["models"], ids=["stack", "graph"])
def test_model(case):
    model = model_from_json(case["json"])
    set_weights(model, case["weights"])
    inputs = [array(x, (3, 2, 2)) for x in case["inputs"]]
    out = np.asarray(model(inputs[0] if len(inputs) == 1 else inputs))
    expected = array(case["output"]["values"], case["output"]["shape"])
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-6)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    totals = [line for line in lines[0].splitlines() if "params" in line]
    assert totals == case["totals"]
