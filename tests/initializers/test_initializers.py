"""First values of weights: statistics, seeds, names and configurations."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pydl
from pydl import constraints, initializers, regularizers

SHAPE = (200, 300)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 500), ("glorot_normal", 2 / 500),
        ("he_uniform", 2 / 200), ("he_normal", 2 / 200),
        ("lecun_uniform", 1 / 200), ("lecun_normal", 1 / 200),
        ("random_normal", 0.05**2), ("random_uniform", 0.1**2 / 12),
    ],
)  # fmt: skip
def test_mean_and_variance(name, variance):
    values = np.asarray(initializers.get(name)(SHAPE))
    assert values.shape == SHAPE and values.dtype == "float32"
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform", "lecun_uniform"])
def test_uniform_limits(name):
    initializer = initializers.get(name)
    scale, mode, _ = type(initializer)._fixed
    limit = math.sqrt(3 * scale / {"fan_in": 200, "fan_avg": 250}[mode])
    values = np.asarray(initializer(SHAPE))
    assert 0.99 * limit < np.abs(values).max() <= limit


def test_truncated_normal_is_cut_at_two_deviations():
    values = np.asarray(initializers.TruncatedNormal(1.0, 0.5)(SHAPE))
    assert values.min() >= 0.0 and values.max() <= 2.0
    assert values.std() == pytest.approx(0.5 * 0.8796, rel=0.03)


@pytest.mark.parametrize("seed", [7, None])
def test_an_instance_repeats_its_values(seed):
    initializer = initializers.GlorotUniform(seed=seed)
    first, second = (np.asarray(initializer((3, 4))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_equal_seeds_give_equal_values_and_others_do_not():
    draw = {s: np.asarray(initializers.HeNormal(seed=s)((3, 4))) for s in (1, 2)}
    again = np.asarray(initializers.HeNormal(seed=1)((3, 4)))
    np.testing.assert_array_equal(draw[1], again)
    assert (draw[1] != draw[2]).all()


def test_a_seed_generator_gives_new_values():
    initializer = initializers.RandomNormal(seed=pydl.random.SeedGenerator(1))
    assert (np.asarray(initializer((5,))) != np.asarray(initializer((5,)))).all()


def test_set_random_seed_repeats_unseeded_layers():
    def weights():
        pydl.utils.set_random_seed(3)
        layer = pydl.layers.Dense(4)
        layer.build((None, 5))
        return layer.get_weights()[0]

    np.testing.assert_array_equal(weights(), weights())


def test_constants():
    np.testing.assert_array_equal(np.asarray(initializers.Zeros()((2, 3))), 0)
    np.testing.assert_array_equal(np.asarray(initializers.Ones()((2, 3))), 1)
    np.testing.assert_array_equal(np.asarray(initializers.Constant(2.5)((2,))), 2.5)
    eye = np.asarray(initializers.Identity(2.0)((2, 3)))
    np.testing.assert_array_equal(eye, 2 * np.eye(2, 3))
    assert initializers.Constant(1)((2,), dtype="float64").dtype == "float64"


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 2, 3)])
def test_orthogonal(shape):
    matrix = np.asarray(initializers.Orthogonal(seed=1)(shape)).reshape(-1, shape[-1])
    small = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    np.testing.assert_allclose(small @ small.T, np.eye(len(small)), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((5,), (5, 5)), ((3, 4), (3, 4)), ((2, 2, 3, 4), (12, 16))],
)
def test_fans(shape, fans):
    assert initializers.random.compute_fans(shape) == fans


def test_fans_of_given_axes():
    assert initializers.random.compute_fans((2, 3, 4), (0,), (1, 2)) == (2, 12)


NAMES = [
    "zeros", "ones", "constant", "random_normal", "random_uniform", "truncated_normal",
    "variance_scaling", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
    "lecun_uniform", "lecun_normal", "identity", "orthogonal",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_initializers_by_name_class_config_and_instance(name):
    initializer = initializers.get(name)
    config = initializers.serialize(initializer)
    assert config["module"] == "keras.initializers"
    copy = initializers.deserialize(config)
    assert type(copy) is type(initializer) is getattr(initializers, name)
    assert copy.get_config() == initializer.get_config()
    assert type(initializers.get(type(initializer).__name__)) is type(initializer)
    assert initializers.get(initializer) is initializer
    assert type(initializers.get(type(initializer))) is type(initializer)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: initializers.get("zork"), "initializer identifier: 'zork'. Known"),
        (lambda: initializers.get(3), "identifier: 3 .of type int"),
        (lambda: initializers.VarianceScaling(scale=0), "received: scale=0"),
        (lambda: initializers.VarianceScaling(mode="x"), "`mode` argument: 'x'"),
        (lambda: initializers.GlorotNormal(seed="a"), "seed='a'"),
        (lambda: initializers.Identity()((3,)), r"2 axes, received shape=\(3,\)"),
        (lambda: regularizers.get("zork"), "regularizer identifier: 'zork'"),
        (lambda: regularizers.L1(-1), "non-negative float, received: l1=-1"),
        (lambda: regularizers.L2(float("nan")), "l2=nan"),
        (lambda: constraints.get("zork"), "constraint identifier: 'zork'"),
    ],
)  # fmt: skip
def test_what_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


W = np.array([[3.0, -0.3], [4.0, 0.4]], "float32")


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (regularizers.L1(0.1), 0.77),
        (regularizers.L2(0.1), 2.525),
        (regularizers.L1L2(0.1, 0.1), 3.295),
        (regularizers.L1L2(), 0.0),
    ],
)
def test_regularizers(regularizer, expected):
    tensor = pydl.ops.convert_to_tensor(W)
    assert float(regularizer(tensor)) == pytest.approx(expected, rel=1e-6)
    copy = regularizers.deserialize(regularizers.serialize(regularizer))
    assert copy.get_config() == regularizer.get_config()


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (constraints.MaxNorm(1.0), [[0.6, -0.3], [0.8, 0.4]]),
        (constraints.NonNeg(), [[3, 0], [4, 0.4]]),
        (constraints.UnitNorm(), [[0.6, -0.6], [0.8, 0.8]]),
        (constraints.MinMaxNorm(1.0, 2.0), [[1.2, -0.6], [1.6, 0.8]]),
        (constraints.MinMaxNorm(1.0, 2.0, rate=0.5), [[2.1, -0.45], [2.8, 0.6]]),
    ],
)
def test_constraints(constraint, expected):
    out = constraint(pydl.ops.convert_to_tensor(W))
    np.testing.assert_allclose(np.asarray(out), expected, rtol=1e-5)
    copy = constraints.deserialize(constraints.serialize(constraint))
    assert copy.get_config() == constraint.get_config()
