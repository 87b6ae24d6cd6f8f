"""Variables as nested dicts, and losses without side effects."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import layers

X = np.random.default_rng(4).normal(size=(8, 4)).astype("float32")


@pytest.fixture
def model():
    model = pydl.Sequential(
        [pydl.Input((4,)), layers.Dense(2, name="first", kernel_regularizer="l2")],
        name="net",
    )
    model.compile("adam", "mse")
    model.fit(X, X[:, :2], verbose=0)
    return model


def test_the_tree_has_paths(model):
    tree = model.get_state_tree()
    assert list(tree["trainable_variables"]["net"]["first"]) == ["kernel", "bias"]
    assert "iteration" in tree["optimizer_variables"]["adam"]
    assert "loss" in tree["metrics_variables"]
    arrays = model.get_state_tree("numpy_array")
    kernel = arrays["trainable_variables"]["net"]["first"]["kernel"]
    np.testing.assert_array_equal(kernel, model.get_weights()[0])


def test_a_tree_brings_everything_back(model):
    saved = model.get_state_tree("numpy_array")
    model.fit(X, X[:, :2], epochs=2, shuffle=False, verbose=0)
    first = model.get_weights()
    model.set_state_tree(saved)
    assert int(model.optimizer.iterations) == 1
    model.fit(X, X[:, :2], epochs=2, shuffle=False, verbose=0)
    for one, two in zip(first, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_does_not_fit_changes_nothing(model):
    before = model.get_weights()
    zeros, wrong = np.zeros((4, 2), "float32"), np.zeros((4, 3), "float32")
    good = {"trainable_variables": {"net": {"first": {"kernel": zeros}}}}
    for tree, message in (
        ({"trainable_variables": {"net": {"first": {"kernel": wrong}}}}, "shape"),
        ({"trainable_variables": {"net": {"other": {"kernel": zeros}}}}, "no variable"),
        ({**good, "weights": {}}, "expected the groups"),
    ):
        with pytest.raises(ValueError, match=message):
            model.set_state_tree(tree)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")


def test_a_loss_of_other_weights(model):
    zeros = [np.zeros(v.shape, "float32") for v in model.trainable_variables]
    rest = [v.value for v in model.non_trainable_variables]
    predicted = np.zeros((8, 2), "float32")
    loss, (_, after, _) = model.stateless_compute_loss(
        zeros, rest, [], X, X[:, :2], predicted
    )
    np.testing.assert_allclose(float(loss), np.mean(X[:, :2] ** 2), rtol=1e-6)
    assert len(after) == len(rest)
