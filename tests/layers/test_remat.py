"""`RematScope`: the same numbers, computed again."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import layers, ops

X = np.random.default_rng(3).normal(size=(8, 4)).astype("float32")
MODES = [
    ("full", {}),
    ("activations", {}),
    ("larger_than", {"output_size_threshold": 20}),
    ("larger_than", {"output_size_threshold": 10_000}),
    ("list_of_layers", {"layer_names": ["middle"]}),
    (None, {}),
]


def make(mode, options):
    pydl.utils.set_random_seed(1)
    with pydl.RematScope(mode, **options):
        return pydl.Sequential(
            [
                pydl.Input((4,)),
                layers.Dense(6, activation="gelu"),
                layers.Dense(6, activation="gelu", name="middle"),
                layers.Dropout(0.5),
                layers.Dense(2),
            ]
        )


def fitted(model):
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], epochs=2, batch_size=4, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize(("mode", "options"), MODES)
def test_training_is_the_same(mode, options):
    expected = fitted(make(None, {}))
    for found, weight in zip(fitted(make(mode, options)), expected, strict=True):
        np.testing.assert_allclose(found, weight, rtol=1e-5, atol=1e-6)


def recomputed(mode, **options):
    """How many nodes a traced step has beyond those of a model that keeps all."""
    counts = []
    for chosen, given in ((mode, options), (None, {})):
        model = make(chosen, given)

        @pydl.function
        def step(x, model=model):
            with pydl.GradientTape() as tape:
                loss = ops.sum(ops.square(model(x, training=True)))
            return loss, tape.gradient(loss, model.trainable_variables)

        step(X)
        counts.append(len(step.explain()[0].rows))
    return counts[0] - counts[1]


def test_more_is_computed_where_it_was_asked_for():
    assert recomputed("full") > 0
    assert recomputed("list_of_layers", layer_names=["middle"]) > 0
    assert recomputed("list_of_layers", layer_names=["other"]) == 0
    assert recomputed("larger_than", output_size_threshold=10_000) == 0


def test_scopes_nest_and_end():
    with pydl.RematScope("full"):
        outer = layers.Dense(2)
        with pydl.RematScope(None):
            inner = layers.Dense(2)
    after = layers.Dense(2)
    scopes = [layer._remat_scope for layer in (outer, inner, after)]
    assert [scope is not None for scope in scopes] == [True, False, False]
    with pytest.raises(ValueError, match="mode: expected one of"):
        pydl.RematScope("some")
