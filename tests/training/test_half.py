"""Whole models in 16 bits: mixed policies, 16-bit weights, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl as keras
from pydl import _core, layers
from pydl.graph.trace import Trace
from pydl.layers.base import KerasTensor

HALVES = ("float16", "bfloat16")


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 20)).astype("float32")
    return x, (x @ rng.normal(size=(20, 4))).argmax(1)


def model(policy: str, **compiled: Any) -> Any:
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(32, activation="relu", dtype=policy),
            layers.Dropout(0.1, dtype=policy),
            layers.Dense(4, dtype=policy),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=loss,
        metrics=["accuracy"],
        **compiled,
    )
    return made


@pytest.mark.parametrize("policy", [*HALVES, "mixed_float16", "mixed_bfloat16"])
def test_training_follows_float32(policy: str) -> None:
    x, y = data()
    losses = {}
    for name in ("float32", policy):
        made = model(name)
        history = made.fit(x, y, epochs=6, batch_size=64, verbose=0).history
        losses[name] = history["loss"]
    # Weights of 8 bits lose the smallest updates.
    rtol = 0.08 if policy == "bfloat16" else 0.03
    np.testing.assert_allclose(losses[policy], losses["float32"], rtol=rtol)
    compute = policy.removeprefix("mixed_")
    assert made.predict(x[:3], verbose=0).dtype.name == compute
    assert made(x[:3]).dtype == compute
    assert made.evaluate(x, y, verbose=0)[1] > 0.7


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_weights_and_gradients_are_float32(policy: str) -> None:
    x, y = data()
    made = model(policy)
    assert {v.dtype for v in made.weights} == {"float32"}
    made.fit(x, y, batch_size=64, verbose=0)
    kernels = [row for table in made.explain() for row in table]
    updates = [row for row in kernels if row["op"] == "adam_update"]
    assert updates and all(row["through"] == "" for row in updates)
    products = [row for row in kernels if row["op"] in ("matmul", "gemm")]
    assert products
    for row in products:
        native = row["isa"] == "cuda"
        assert row["through"] == ("" if native else "float32")
        assert native or "through float32" in repr(made.explain()[0])


@pytest.mark.skipif(not _core.devices()["count"], reason="no device")
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_step_on_a_gpu_reads_16_bits_where_they_lie(policy: str) -> None:
    """No instruction goes through float32 copies, whatever the layers, but chains whose
    short rows or columns are reduced."""
    keras.utils.set_random_seed(1)
    x, y = data()
    with keras.device("cuda"):
        made = keras.Sequential(
            [
                keras.Input((20,)),
                layers.Dense(64, activation="relu", dtype=policy),
                layers.Dropout(0.2, dtype=policy),
                layers.Dense(32, activation="gelu", dtype=policy),
                layers.LayerNormalization(dtype=policy),
                layers.Dense(16, activation="softmax", dtype=policy),
                layers.Dense(4, dtype=policy),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        history = made.fit(x, y, epochs=4, batch_size=64, verbose=0).history
        rows = [row for table in made.explain() for row in table]
    assert history["loss"][-1] < history["loss"][0]
    assert len(rows) > 20
    through = {row["kernel"] for row in rows if row["through"]}
    assert through <= {"chain_then_reduce_gpu"}


def test_eagerly_the_same() -> None:
    x, y = data()
    results = []
    for eagerly in (False, True):
        made = model("mixed_bfloat16", run_eagerly=eagerly)
        history = made.fit(x[:128], y[:128], batch_size=64, verbose=0, shuffle=False)
        results.append(history.history["loss"][0])
    np.testing.assert_allclose(*results, rtol=0.02)


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors"])
@pytest.mark.parametrize("dtype", HALVES)
def test_weights_in_files(dtype: str, suffix: str, tmp_path: Path) -> None:
    made, other = model(dtype), model(dtype)
    for v in made.weights:
        v.assign(np.linspace(-3, 3, int(np.prod(v.shape))).reshape(v.shape))
    path = tmp_path / f"model{suffix}"
    made.save_weights(path)
    other.load_weights(path)
    for v, w in zip(made.weights, other.weights, strict=True):
        assert w.dtype == dtype
        assert v.numpy().tobytes() == w.numpy().tobytes()


def test_autocast_reads_variables_in_the_compute_dtype() -> None:
    class Doubled(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight((3,), "ones", name="scale")
            self.kept = self.add_weight((3,), "ones", name="kept", autocast=False)

        def call(self, x: Any) -> Any:
            assert keras.ops.convert_to_tensor(self.kept).dtype == "float32"
            assert keras.ops.convert_to_tensor(self.scale).dtype == x.dtype
            return x * self.scale

    layer = Doubled(dtype="mixed_bfloat16")
    x = np.ones((2, 3), np.float32)
    assert layer(x).dtype == "bfloat16"
    assert layer.scale.dtype == "float32" and layer.scale.value.dtype == "float32"
    assert layer(KerasTensor((None, 3), "float32")).dtype == "bfloat16"
    with Trace("call") as trace:
        assert layer(trace.input("x", (2, 3), "float32")).dtype == "bfloat16"
    plain = Doubled()
    outer = layers.Dense(3, dtype="mixed_float16")
    assert plain(x).dtype == "float32"
    assert outer(x).dtype == "float16"


def test_policies() -> None:
    policy = keras.DTypePolicy("mixed_bfloat16")
    assert (policy.compute_dtype, policy.variable_dtype) == ("bfloat16", "float32")
    assert keras.DTypePolicy("float16").variable_dtype == "float16"
    with pytest.raises(ValueError, match="'mixed_int8' is unknown"):
        keras.DTypePolicy("mixed_int8")
    config = layers.Dense(2, dtype="mixed_float16").get_config()
    assert layers.Dense.from_config(config).compute_dtype == "float16"


@pytest.mark.parametrize("dtype", HALVES)
def test_tensors_and_variables(dtype: str) -> None:
    ops = keras.ops
    x = ops.convert_to_tensor([1.5, -2.0, 3.0], dtype=dtype)
    v = keras.Variable([1.0, 2.0, 4.0], dtype=dtype)
    total = x * 2 + v - 1.0
    assert total.dtype == dtype and total.numpy().dtype.name == dtype
    np.testing.assert_array_equal(np.asarray(total, "float32"), [3.0, -3.0, 9.0])
    v.assign_add(x)
    np.testing.assert_array_equal(np.asarray(v, "float32"), [2.5, 0.0, 7.0])
    assert ops.sum(x).item() == 2.5 and float(ops.max(v)) == 7.0
    assert ops.cast(x, "int32").tolist() == [1, -2, 3]
    assert (x + ops.convert_to_tensor([1.0, 1.0, 1.0])).dtype == "float32"
    assert ops.zeros((2,), dtype=dtype).dtype == dtype
    assert ops.full((2,), 0.5, dtype=dtype).tolist() == [0.5, 0.5]
    assert (x > 0).tolist() == [True, False, True]
    assert x[1:].tolist() == [-2.0, 3.0]
    assert keras.random.normal((5,), dtype=dtype).dtype == dtype


def test_floatx() -> None:
    keras.config.set_floatx("bfloat16")
    try:
        assert keras.ops.ones((2,)).dtype == "bfloat16"
        assert (keras.ops.ones((2,)) * 0.5).dtype == "bfloat16"
        assert layers.Dense(2)(np.ones((1, 3), np.float32)).dtype == "bfloat16"
    finally:
        keras.config.set_floatx("float32")


def test_models_of_mixed_float16_scale_their_loss() -> None:
    x, y = data()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        made = keras.Sequential([keras.Input((20,)), layers.Dense(4)])
        plain = keras.Sequential([keras.Input((20,)), layers.Dense(4)])
    finally:
        keras.config.set_dtype_policy(None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile("adam", loss)
    assert isinstance(made.optimizer, keras.optimizers.LossScaleOptimizer)
    history = made.fit(x, y, epochs=5, batch_size=64, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert int(made.optimizer.iterations) == 40
    plain.compile("adam", loss, auto_scale_loss=False)
    assert isinstance(plain.optimizer, keras.optimizers.Adam)


def test_layers_of_statistics_keep_them_in_float32() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made = keras.Sequential(
            [
                layers.Embedding(9, 8),
                layers.LayerNormalization(),
                layers.Flatten(),
                layers.Dense(16, activation="gelu"),
                layers.BatchNormalization(),
                layers.Dense(1, dtype="float32"),
            ]
        )
    finally:
        keras.config.set_dtype_policy(None)
    x = np.random.default_rng(0).integers(0, 9, (256, 6))
    y = x[:, :1].astype("float32") / 9
    made.compile("adam", "mse")
    history = made.fit(x, y, epochs=8, batch_size=32, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2
    assert {v.dtype for v in made.weights} == {"float32"}
    assert made.predict(x[:2], verbose=0).dtype == np.float32
