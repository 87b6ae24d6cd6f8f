"""`TextVectorization` and `HashedCrossing` beyond Keras's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydl import layers, models, saving

TEXTS = ["one two two", "Two; three!"]


@saving.register_keras_serializable("tests")
def without_digits(texts: Any) -> Any:
    return np.char.replace(texts, "2", "")


@saving.register_keras_serializable("tests")
def at_semicolons(texts: Any) -> Any:
    return [text.split(";") for text in texts]


def test_functions_and_their_configuration() -> None:
    layer = layers.TextVectorization(
        standardize=without_digits, split=at_semicolons, vocabulary=["a", "b b"]
    )
    assert np.asarray(layer(["a;2b b;c", "a"])).tolist() == [[2, 3, 1], [2, 0, 0]]
    again = layers.deserialize(layers.serialize(layer))
    assert np.asarray(again(["b b2;a"])).tolist() == [[3, 2]]


def test_forms_of_input() -> None:
    layer = layers.TextVectorization(vocabulary=["one", "two"])
    assert np.asarray(layer("two one")).tolist() == [3, 2]
    assert np.asarray(layer([b"two", b"one one"])).tolist() == [[3, 0], [2, 2]]
    nested = layer([[["two"], ["one two"]]])
    assert np.asarray(nested).tolist() == [[[3, 0], [2, 3]]]
    assert np.asarray(layer(["", " "])).shape == (2, 0)
    with pytest.raises(ValueError, match=r"inputs.shape=\(1, 2\)"):
        layer([["one", "two"]])


def test_batches_to_learn_from() -> None:
    whole = layers.TextVectorization()
    whole.adapt(np.array(TEXTS * 2))
    parts = layers.TextVectorization()
    parts.adapt(iter([TEXTS, TEXTS, ["four"]]), steps=2)
    assert whole.get_vocabulary() == ["", "[UNK]", "two", "three", "one"]
    assert parts.get_vocabulary() == whole.get_vocabulary()
    assert whole.vocabulary_size() == 5
    with pytest.raises(TypeError, match="expected an array or batches"):
        whole.adapt(3)


def test_a_model_carries_the_vocabulary(tmp_path: Path) -> None:
    pytest.importorskip("h5py")

    @saving.register_keras_serializable("tests")
    class Holder(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.text = layers.TextVectorization(output_mode="tf_idf")

        def call(self, x: Any) -> Any:
            return x

    model = models.Sequential([layers.Input((3,)), Holder()])
    text = model.layers[0].text
    text.adapt(TEXTS)
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras").layers[0].text
    np.testing.assert_array_equal(again(TEXTS), text(TEXTS))


def test_shapes() -> None:
    shape = layers.TextVectorization(output_sequence_length=4).compute_output_shape
    assert shape((None, 1)) == (None, 4)
    counts = layers.TextVectorization(output_mode="count", vocabulary=["a", "b"])
    assert counts.compute_output_shape((None,)) == (None, 3)
    crossing = layers.HashedCrossing(5, output_mode="one_hot")
    assert crossing.compute_output_shape([(None, 1), (None, 1)]) == (None, 5)
    assert crossing.compute_output_shape([(7,), (7,)]) == (7, 5)


MISTAKES = [
    (lambda: layers.TextVectorization(standardize="upper"), "`standardize` argument"),
    (lambda: layers.TextVectorization(split="words"), "`split` argument"),
    (lambda: layers.TextVectorization(ngrams="2"), "`ngrams` must be None"),
    (lambda: layers.TextVectorization(ragged=True), "ragged: expected False"),
    (
        lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3),
        "must not be set if `output_mode` is not 'int'",
    ),
    (
        lambda: layers.TextVectorization(output_sequence_length="3"),
        "either None or an integer",
    ),
    (lambda: layers.HashedCrossing(5, "count"), "output_mode"),
    (lambda: layers.HashedCrossing(5)([["a"]]), "at least two inputs"),
    (lambda: layers.HashedCrossing(5)([["a"], ["a", "b"]]), r"\[1\].shape=\(2,\)"),
    (lambda: layers.HashedCrossing(5)([["a"], [1.5]]), "dtype=float64"),
    (lambda: layers.HashedCrossing(5)([[["a", "b"]]] * 2), r"`\(batch_size\)`"),
]


@pytest.mark.parametrize(("make", "text"), MISTAKES, ids=[t for _, t in MISTAKES])
def test_mistakes(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
