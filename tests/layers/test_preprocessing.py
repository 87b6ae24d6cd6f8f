"""Preprocessing layers: Keras's numbers, learning, configurations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from library_parity import array, case_id
from pydl import layers

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "preprocessing_parity.json").read_text()
)["cases"]


def make(case: dict[str, Any]) -> Any:
    arguments = dict(case["arguments"])
    if isinstance(arguments.get("ngrams"), list):
        arguments["ngrams"] = tuple(arguments["ngrams"])
    layer = getattr(layers, case["cls"])(**arguments)
    if case["adapt"] is not None:
        layer.adapt(np.array(case["adapt"]))
    return layer


def data_of(case: dict[str, Any]) -> Any:
    if "lists" in case:
        return [np.array(part) for part in case["lists"]]
    return array(case["array"]) if "array" in case else np.array(case["list"])


def check(layer: Any, case: dict[str, Any]) -> None:
    got = layer(data_of(case))
    if "list" in case["output"]:
        assert np.asarray(got).tolist() == case["output"]["list"]
        return
    expected = array(case["output"])
    got = np.asarray(got)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_as_keras(case: dict[str, Any]) -> None:
    layer = make(case)
    check(layer, case)
    if "vocabulary" in case:
        assert layer.get_vocabulary() == case["vocabulary"]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_config_round_trip(case: dict[str, Any]) -> None:
    """Learned vocabularies and boundaries are in the configuration, statistics in the
    weights."""
    layer = make(case)
    check(layer, case)
    written = json.loads(json.dumps(layers.serialize(layer)))
    again = layers.deserialize(written)
    if layer.weights:
        again.set_weights(layer.get_weights())
    check(again, case)


def test_normalization_learns_from_batches_and_trains_in_a_model() -> None:
    x = (np.random.default_rng(0).normal(size=(90, 4)) * 5 + 3).astype("float32")
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(x)
    parts.adapt(x[i : i + 40] for i in range(0, 90, 40))
    np.testing.assert_allclose(whole.mean, parts.mean, rtol=1e-5)
    np.testing.assert_allclose(whole.variance, parts.variance, rtol=1e-5)
    model = pydl.Sequential([pydl.Input((4,)), whole, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], verbose=0)
    np.testing.assert_allclose(whole.mean, parts.mean, rtol=1e-5)


def test_discretization_and_encoding_inside_a_model() -> None:
    inputs = pydl.Input((2,))
    bins = layers.Discretization([0.0, 1.0])(inputs)
    outputs = layers.CategoryEncoding(3, "count")(bins)
    model = pydl.Model(inputs, outputs)
    out = model.predict(np.array([[-1.0, 0.5], [2.0, 3.0]], "float32"), verbose=0)
    assert out.tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]


def test_count_weights() -> None:
    layer = layers.CategoryEncoding(3, "count")
    out = layer(np.array([[0, 1, 1]]), count_weights=np.array([[0.5, 1.0, 2.0]]))
    assert out.tolist() == [[0.5, 3.0, 0.0]]
    with pytest.raises(ValueError, match="count_weights"):
        layers.CategoryEncoding(3)(np.array([[0]]), count_weights=np.ones((1, 1)))


def test_vocabulary_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("a\nbb\n")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer([["bb", "q"]]).tolist() == [[2, 0]]
    with pytest.raises(ValueError, match="does not exist"):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))


def test_learned_vocabularies_are_assets(tmp_path: Path) -> None:
    layer = layers.IntegerLookup(mask_token=0)
    layer.adapt([[5, 5, 7], [9, 5, 7]])
    layer.save_assets(tmp_path)
    other = layers.IntegerLookup(mask_token=0)
    other.load_assets(tmp_path)
    assert other.get_vocabulary() == layer.get_vocabulary() == [0, -1, 5, 7, 9]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), "both `mean` and `variance`"),
        (lambda: layers.Discretization(), "either `num_bins` or `bin_boundaries`"),
        (lambda: layers.Discretization([0.0], output_mode="two_hot"), "two_hot"),
        (lambda: layers.Discretization(num_bins=3)(np.ones(2)), "call `adapt"),
        (lambda: layers.CategoryEncoding(), "num_tokens must be set"),
        (lambda: layers.Hashing(0), "num_bins=0"),
        (lambda: layers.Hashing(3, salt="x"), "salt=x"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), "repeated terms are"),
        (lambda: layers.StringLookup(vocabulary=[]), "empty vocabulary"),
        (lambda: layers.IntegerLookup(max_tokens=1), "max_tokens=1"),
        (
            lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]),
            "found OOV value 'b'",
        ),
        (
            lambda: layers.IntegerLookup(vocabulary=[1], invert=True,
                                         output_mode="count"),
            "must be `'int'` when `invert`",
        ),
    ],
)  # fmt: skip
def test_arguments_are_checked(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


def test_lookups_do_not_work_inside_a_step() -> None:
    model = pydl.Sequential([
        pydl.Input((2,), dtype="int64"), layers.IntegerLookup(vocabulary=[1, 2]),
    ])  # fmt: skip
    with pytest.raises(TypeError, match="works on the host"):
        model.predict(np.array([[1, 2]]), verbose=0)
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        layers.StringLookup()(["a"])
