"""Masks: made, handed on, lost with a warning, used by losses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.layers.base.masks import get_mask, set_mask

rng = np.random.default_rng(6)
X = rng.normal(size=(2, 5, 3)).astype("float32")
X[0, 3:] = 0
X[1, 1:] = 0
MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)


class Pool(layers.Layer):
    """The mean over the steps that are there."""

    def call(self, x, mask=None):
        self.seen = mask
        weight = ops.cast(ops.expand_dims(mask, -1), x.dtype)
        return ops.sum(x * weight, axis=1) / ops.sum(weight, axis=1)

    def compute_mask(self, inputs, previous_mask):
        return None


class Plain(layers.Layer):
    def call(self, x):
        return x + 1.0


def test_masking_marks_and_zeroes():
    y = layers.Masking(mask_value=0.0)(X)
    np.testing.assert_array_equal(np.asarray(get_mask(y)), MASK)
    other = layers.Masking(mask_value=7.0)(np.where(MASK[..., None], X, 7).astype("f4"))
    np.testing.assert_array_equal(np.asarray(other), X)
    layer = layers.deserialize(layers.serialize(layers.Masking(2.0)))
    assert layer.mask_value == 2.0 and layer.supports_masking


def test_layers_hand_masks_on():
    y = layers.Dense(4)(layers.Masking()(X))
    y = layers.Dropout(0.5)(layers.Activation("relu")(y), training=True)
    np.testing.assert_array_equal(np.asarray(get_mask(y)), MASK)


def test_a_layer_that_asks_gets_the_mask():
    pool = Pool()
    found = pool(layers.Masking()(X))
    expected = np.stack([X[0, :3].mean(0), X[1, :1].mean(0)])
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)
    assert get_mask(found) is None
    given = ops.ones((2, 5), dtype="bool")
    pool(layers.Masking()(X), mask=given)
    assert pool.seen is given


def test_a_lost_mask_is_warned_of():
    with pytest.warns(UserWarning, match="Layer 'plain' .* does not support masking"):
        Plain(name="plain")(layers.Masking()(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Plain()(X)


def test_defining_compute_mask_is_support():
    class Halved(layers.Layer):
        def call(self, x):
            return x[:, ::2]

        def compute_mask(self, inputs, previous_mask):
            return None if previous_mask is None else previous_mask[:, ::2]

    y = Halved()(layers.Masking()(X))
    np.testing.assert_array_equal(np.asarray(get_mask(y)), MASK[:, ::2])
    assert get_mask(Halved()(X)) is None


def test_several_arguments_have_masks_of_their_own():
    class Two(layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            self.masks = query_mask, value_mask
            return query

    two = Two()
    two.supports_masking = True
    y = two(layers.Masking()(X), value=ops.convert_to_tensor(X))
    np.testing.assert_array_equal(np.asarray(two.masks[0]), MASK)
    assert two.masks[1] is None and get_mask(y) is not None


def test_merging():
    a = layers.Masking()(X)
    b = ops.convert_to_tensor(X)
    other = layers.Masking()(X[::-1].copy())
    y = layers.Add()([a, other])
    np.testing.assert_array_equal(np.asarray(get_mask(y)), MASK | MASK[::-1])
    assert get_mask(layers.Add()([a, b])) is None
    y = layers.Concatenate(axis=1)([a, b])
    expected = np.concatenate([MASK, np.ones_like(MASK)], axis=1)
    np.testing.assert_array_equal(np.asarray(get_mask(y)), expected)


def masked_models():
    i = pydl.Input((5, 3))
    functional = pydl.Model(i, Pool()(layers.Dense(2)(layers.Masking()(i))))

    class Sub(pydl.Model):
        def __init__(self):
            super().__init__()
            self.masking, self.dense, self.pool = (
                layers.Masking(), layers.Dense(2), Pool(),
            )  # fmt: skip

        def call(self, x):
            return self.pool(self.dense(self.masking(x)))

    stack = pydl.Sequential([layers.Masking(), layers.Dense(2), Pool()])
    return [functional, Sub(), stack]


@pytest.mark.parametrize("kind", range(3))
def test_in_compiled_models(kind):
    model = masked_models()[kind]
    eager = np.asarray(model(X))
    np.testing.assert_allclose(model.predict(X, verbose=0), eager, rtol=1e-5)
    changed = X.copy()
    weights = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((2, 2)), epochs=2, shuffle=False, verbose=0)
    fitted = model.get_weights()
    model.set_weights(weights)
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(changed, np.zeros((2, 2)), epochs=2, shuffle=False, verbose=0)
    for one, two in zip(fitted, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_nested_models_keep_masks():
    inner = pydl.Sequential([layers.Dense(2)])
    outer = pydl.Sequential([layers.Masking(), inner])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = outer(X)
    np.testing.assert_array_equal(np.asarray(get_mask(y)), MASK)


def test_casts_keep_masks():
    x = ops.convert_to_tensor(X.astype("float64"))
    set_mask(x, ops.convert_to_tensor(MASK))
    assert get_mask(layers.Dense(2)(x)) is not None


def test_losses_leave_out_masked_steps():
    model = pydl.Sequential([layers.Masking(), layers.Dense(1)])
    target = rng.normal(size=(2, 5, 1)).astype("float32")
    predicted = model(X)
    errors = ((np.asarray(predicted) - target) ** 2)[MASK].ravel()
    loss = pydl.losses.MeanSquaredError()(target, predicted)
    np.testing.assert_allclose(float(loss), errors.mean(), rtol=1e-5)
    total = pydl.losses.MeanSquaredError(reduction="sum")(target, predicted)
    np.testing.assert_allclose(float(total), errors.sum(), rtol=1e-5)
    model.compile("sgd", "mse")
    compiled = model.evaluate(X, target, verbose=0)
    np.testing.assert_allclose(compiled, errors.mean(), rtol=1e-5)
    weight = np.array([1.0, 3.0], "float32")
    weighted = pydl.losses.MeanSquaredError()(target, predicted, sample_weight=weight)
    rows = np.repeat([1.0, 3.0], [3, 1])
    np.testing.assert_allclose(float(weighted), (errors * rows).mean(), rtol=1e-5)
