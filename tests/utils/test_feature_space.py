"""`FeatureSpace`: Keras's numbers, files, mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, models
from pydl.utils import FeatureSpace

FOLDER = Path(__file__).parents[1] / "data"
KERAS: dict[str, Any] = json.loads((FOLDER / "feature_space.json").read_text())
PART = {key: np.array(values[:6]) for key, values in KERAS["data"].items()}
SMALL = {key: PART[key] for key in ("fn", "sc", "f")}


def make(output_mode: str = "concat") -> Any:
    space = FeatureSpace(
        KERAS["kinds"], output_mode, crosses=KERAS["crosses"], **KERAS["arguments"]
    )
    space.adapt(KERAS["data"])
    return space


def test_as_keras() -> None:
    np.testing.assert_allclose(make()(PART), KERAS["out"], rtol=1e-5, atol=1e-6)


def test_one_row_and_batches_of_rows() -> None:
    row = {key: values[3] for key, values in KERAS["data"].items()}
    np.testing.assert_allclose(make()(row), KERAS["out"][3], rtol=1e-5, atol=1e-6)
    space = FeatureSpace({"fn": "float_normalized"})
    column = np.array(KERAS["data"]["fn"])
    space.adapt({"fn": part} for part in np.split(column, 7))
    whole = FeatureSpace({"fn": "float_normalized"})
    whole.adapt({"fn": column})
    np.testing.assert_allclose(space({"fn": column}), whole({"fn": column}), rtol=1e-5)


def test_a_dict_of_encodings() -> None:
    found = make("dict")(PART)
    assert list(found) == [*sorted(PART), "ih_X_sh", "sc_X_ic"]
    joined = np.concatenate([np.asarray(v) for v in found.values()], axis=-1)
    np.testing.assert_allclose(joined, KERAS["out"], rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_files(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    space = make()
    space.save(tmp_path / "space.keras")
    again = models.load_model(tmp_path / "space.keras")
    np.testing.assert_array_equal(again(PART), space(PART))
    keras = models.load_model(FOLDER / "feature_space.keras")
    np.testing.assert_allclose(keras(SMALL), KERAS["of_file"], rtol=1e-5, atol=1e-6)


def test_a_model_trained_on_encoded_rows() -> None:
    space = make()
    encoded = space.get_encoded_features()
    assert encoded.shape == (None, len(KERAS["out"][0]))
    model = models.Model(encoded, layers.Dense(1)(encoded))
    model.compile("sgd", "mse")
    history = model.fit(np.asarray(space(PART)), np.ones((6, 1)), epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert space.get_inputs()["sc"].dtype == "string"


def test_layers_and_given_state() -> None:
    text = layers.TextVectorization(output_mode="count", vocabulary=["a", "b"])
    space = FeatureSpace({
        "text": FeatureSpace.feature("string", text, "float"),
        "bin": FeatureSpace.float_discretized(None, bin_boundaries=[0.0, 1.0]),
        "word": FeatureSpace.string_categorical(output_mode="int"),
    }, output_mode="dict")  # fmt: skip
    space.adapt({"text": ["a"], "bin": [0.5], "word": ["x"]})
    found = space({"text": ["a b b"], "bin": [2.0], "word": ["x"]})
    assert np.asarray(found["text"]).tolist() == [[0, 1, 2]]
    assert np.asarray(found["bin"]).tolist() == [[0, 0, 1]]
    assert np.asarray(found["word"]).tolist() == [[1]]
    assert space.preprocessors["text"] is text


MISTAKES = [
    (lambda: FeatureSpace({}), "cannot be None or empty"),
    (lambda: FeatureSpace({"a": "floats"}), "Invalid feature type: floats"),
    (lambda: FeatureSpace({"a": "float"}, "list"), "output_mode=list"),
    (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "unknown features"),
    (lambda: FeatureSpace({"a": "float"}).adapt(3), "dict of arrays/lists"),
    (lambda: FeatureSpace({"a": "float"})([1.0]), "called with a dict"),
    (lambda: FeatureSpace({"a": "float_normalized"})({"a": [1.0]}), "call `.adapt"),
    (lambda: FeatureSpace.cross(("a", "b"), 3, "float"), "output_mode=float"),
    (
        lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, "int")})({"a": [1]}),
        "'a' has not been encoded",
    ),
    (
        lambda: FeatureSpace(
            {"a": FeatureSpace.feature("float32", layers.Rescaling(2.0), "one_hot")}
        )({"a": [1.0]}),
        "should return an integer dtype",
    ),
]


@pytest.mark.parametrize(("make", "text"), MISTAKES, ids=[t for _, t in MISTAKES])
def test_mistakes(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_the_public_name() -> None:
    assert pydl.utils.FeatureSpace is FeatureSpace
