"""Whole runs of `fit` against the same runs of Keras."""

from __future__ import annotations

import numpy as np
import pytest

from keras_numbers import NUMBERS, training_problem
from pydl import _core
from pydl.layers import Dense, Input
from pydl.models import Sequential


def trained(optimizer: str) -> Sequential:
    """Three epochs with sample weights, regularization, a validation split and a ragged
    last batch."""
    x, y, weight, start = training_problem()
    model = Sequential(
        [
            Input((8,)),
            Dense(6, activation="relu", kernel_regularizer="l2"),
            Dense(4, activation="softmax"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], weighted_metrics=[loss])
    model.set_weights(start)
    model.fit(
        x, y, sample_weight=weight, epochs=3, shuffle=False, verbose=0,
        validation_split=0.2, batch_size=32,
    )  # fmt: skip
    return model


@pytest.mark.parametrize("optimizer", NUMBERS["fit"])
def test_fit_as_keras(optimizer: str) -> None:
    model, expected = trained(optimizer), NUMBERS["fit"][optimizer]
    history = model.history.history
    assert sorted(history) == sorted(expected["history"])
    for name, values in expected["history"].items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(
        model.get_weights()[2], expected["kernel"], rtol=1e-4, atol=1e-5
    )


def test_any_number_of_threads_gives_the_same_bits() -> None:
    before = _core.get_threads()
    results = []
    try:
        for threads in (1, 2, 3, 5):
            _core.set_threads(threads)
            results.append(trained("adam").get_weights())
    finally:
        _core.set_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
