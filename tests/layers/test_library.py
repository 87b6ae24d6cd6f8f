"""The wider family of layers: Keras's numbers and configurations, training, saving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from library_parity import array
from pydl import layers, ops
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace
from pydl.runtime.program import compile_graph


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (Path(__file__).parents[1] / "data" / name).read_text()
    )
    return found


STORED: dict[str, Any] = read("layer_library.json")
CASES = [*STORED["layers"], *read("conv_parity.json")["layers"]]


def case_name(case: dict[str, Any]) -> str:
    return case["config"]["config"]["name"]


def build(case: dict[str, Any]) -> tuple[Any, Any]:
    """The layer with its weights, and its argument."""
    layer = layers.deserialize(case["config"])
    arrays = [array(x) for x in case["inputs"]]
    argument = arrays[0] if len(arrays) == 1 else arrays
    layer(argument)
    layer.set_weights([array(w) for w in case["weights"]])
    return layer, argument


def close(got: Any, stored: dict[str, Any]) -> None:
    expected = array(stored)
    assert np.asarray(got).shape == expected.shape
    np.testing.assert_allclose(np.asarray(got), expected, rtol=5e-5, atol=5e-6)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_outside_training(case: dict[str, Any]) -> None:
    layer, argument = build(case)
    close(layer(argument), case["output"])
    losses = [float(loss) for loss in layer.losses]
    np.testing.assert_allclose(losses, case["losses"], rtol=1e-5)
    if case["mask"] is not None:
        mask = np.asarray(layer.compute_mask(ops.convert_to_tensor(argument), None))
        np.testing.assert_array_equal(mask, array(case["mask"]))


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_in_training(case: dict[str, Any]) -> None:
    if "trained_output" not in case:
        pytest.skip("noise")
    layer, argument = build(case)
    training = {"training": True} if layer._takes_training else {}
    close(layer(argument, **training), case["trained_output"])
    for weight, stored in zip(layer.weights, case["trained_weights"], strict=True):
        close(weight.numpy(), stored)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_configuration(case: dict[str, Any]) -> None:
    """As Keras writes it, and back."""
    layer, _ = build(case)
    written = json.loads(json.dumps(layers.serialize(layer)))
    expected = json.loads(json.dumps(case["config"]))
    for part in (written, expected):
        _drop(part["config"])
    assert written["config"] == expected["config"]
    assert written["class_name"] == expected["class_name"]
    assert written["module"] == expected["module"]
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()


def _drop(config: dict[str, Any]) -> None:
    """What pydl does not have, at any depth."""
    for key in ("quantization_config", "gptq_unpacked_column_size", "lora_rank"):
        config.pop(key, None)
    inner = config.get("layer")
    if isinstance(inner, dict):
        inner.pop("build_config", None)
        _drop(inner["config"])
    if isinstance(config.get("dtype"), str):  # of SpatialDropout: a name or a policy
        config["dtype"] = "float32"
    elif isinstance(config.get("dtype"), dict):
        config["dtype"] = config["dtype"]["config"]["name"]


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_symbolic_shape(case: dict[str, Any]) -> None:
    """A functional model finds the shape without a batch size."""
    layer = layers.deserialize(case["config"])
    inputs = [
        pydl.Input(tuple(x["shape"][1:]), dtype=x["dtype"]) for x in case["inputs"]
    ]
    output = layer(inputs[0] if len(inputs) == 1 else inputs)
    assert tuple(output.shape) == (None, *case["output"]["shape"][1:])
    model = pydl.Model(inputs, output)
    arrays = [array(x) for x in case["inputs"]]
    layer.set_weights([array(w) for w in case["weights"]])
    got = model.predict(arrays[0] if len(arrays) == 1 else arrays, verbose=0)
    close(got, case["output"])


def test_masked_batch_statistics() -> None:
    stored = STORED["masked_batch"]
    layer = layers.BatchNormalization(momentum=0.5)
    out = layer(array(stored["x"]), training=True, mask=array(stored["mask"]) > 0)
    close(out, stored["output"])
    for weight, expected in zip(layer.weights, stored["weights"], strict=True):
        close(weight.numpy(), expected)


def small_model(*middle: Any) -> pydl.Model:
    return pydl.Sequential([
        pydl.Input((6,)), layers.Dense(8), *middle, layers.Dense(1),
    ])  # fmt: skip


def some_data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(64, 6)) * 3 + 1).astype("float32")
    return x, (x[:, :1] * 0.5).astype("float32")


@pytest.mark.parametrize(
    "make",
    [
        layers.BatchNormalization,
        layers.LayerNormalization,
        lambda: layers.GroupNormalization(2),
        layers.RMSNormalization,
        layers.UnitNormalization,
        lambda: layers.SpectralNormalization(layers.Dense(8)),
        layers.PReLU,
        lambda: layers.GaussianNoise(0.1, seed=1),
        lambda: layers.GaussianDropout(0.1, seed=1),
        lambda: layers.AlphaDropout(0.1, seed=1),
        lambda: layers.ActivityRegularization(l2=0.01),
        lambda: layers.EinsumDense("ab,bc->ac", 8, "relu", bias_axes="c"),
        lambda: layers.Lambda(lambda x: x * 2.0),
    ],
)
def test_compiled_steps_are_the_eager_ones(make: Any) -> None:
    x, y = some_data()
    found = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(1)
        model = small_model(make())
        model.compile(pydl.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
        history = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
        found.append((model.get_weights(), history.history["loss"]))
    assert found[0][1][-1] < found[0][1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=2e-4)
    for compiled, eager in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=2e-3, atol=2e-5)


def test_frozen_batch_normalization_uses_and_keeps_its_averages() -> None:
    x, y = some_data()
    normal = layers.BatchNormalization()
    model = small_model(normal)
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=1, verbose=0)
    before = [w.copy() for w in normal.get_weights()]
    assert before[2].any()
    normal.trainable = False
    assert not normal.trainable_weights
    model.fit(x, y, epochs=1, verbose=0)
    for old, new in zip(before, normal.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    batch = np.ones((2, 8), "float32")
    np.testing.assert_array_equal(normal(batch, training=True), normal(batch))


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors"])
def test_moving_averages_are_saved(tmp_path: Path, ending: str) -> None:
    x, y = some_data()
    model = small_model(layers.BatchNormalization(), layers.PReLU())
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=1, verbose=0)
    model.save_weights(tmp_path / f"model.{ending}")
    other = pydl.models.model_from_json(model.to_json())
    other.load_weights(tmp_path / f"model.{ending}")
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), other.predict(x, verbose=0)
    )


def test_embedding_learns_only_the_rows_it_sees() -> None:
    table = layers.Embedding(10, 4)
    model = pydl.Sequential([
        pydl.Input((3,), dtype="int32"), table, layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    before = table.embeddings.numpy()
    model.compile(pydl.optimizers.SGD(0.1), "mse")
    x = np.array([[1, 2, 2], [5, 1, 1]], "int32")
    model.fit(x, np.ones((2, 1), "float32"), verbose=0)
    changed = np.flatnonzero((before != table.embeddings.numpy()).any(1))
    assert changed.tolist() == [1, 2, 5]


def test_embedding_names_itself_for_bad_indices() -> None:
    message = r"layer 'words' \(Embedding\): expected indices between 0 and 9"
    table = layers.Embedding(10, 4, name="words")
    with pytest.raises(ValueError, match=message):
        table(np.array([[3, 10]]))
    model = pydl.Sequential([
        pydl.Input((2,), dtype="int32"), table, layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        model.fit(np.array([[3, -1]], "int32"), np.ones((1, 1)), verbose=0)


def test_noise_has_its_mean_and_spread() -> None:
    x = np.full((200, 200), 2.0, "float32")
    for layer, mean, spread in (
        (layers.GaussianNoise(0.5, seed=1), 2.0, 0.5),
        (layers.GaussianDropout(0.2, seed=1), 2.0, 2.0 * 0.5),
    ):
        out = np.asarray(layer(x, training=True))
        assert out.mean() == pytest.approx(mean, abs=0.02)
        assert out.std() == pytest.approx(spread, abs=0.02)
    normal = np.random.default_rng(0).normal(size=(300, 300)).astype("float32")
    out = np.asarray(layers.AlphaDropout(0.3, seed=1)(normal, training=True))
    assert out.mean() == pytest.approx(0.0, abs=0.02)
    assert out.std() == pytest.approx(1.0, abs=0.02)
    rows = np.asarray(layers.AlphaDropout(0.5, (None, 1), seed=1)(x, training=True))
    assert (rows == rows[:, :1]).all()
    assert len(np.unique(rows)) == 2


def test_spatial_dropout_drops_whole_channels() -> None:
    x = np.ones((20, 5, 6, 7), "float32")
    out = np.asarray(layers.SpatialDropout2D(0.5, seed=3)(x, training=True))
    assert (out == out[:, :1, :1, :]).all()
    assert set(np.unique(out)) == {0.0, 2.0}


def test_lambda_takes_training_and_mask_and_named_functions_are_saved() -> None:
    layer = layers.Lambda(lambda x, training, by: x * by if training else x,
                          arguments={"by": 3.0})  # fmt: skip
    x = np.ones((1, 2), "float32")
    assert layer(x, training=True).tolist() == [[3.0, 3.0]]
    assert layer(x).tolist() == [[1.0, 1.0]]
    with pytest.raises(ValueError, match="function is a Python lambda"):
        layer.get_config()
    saved = layers.serialize(layers.Lambda(pydl.activations.tanh, (2,)))
    again = layers.deserialize(json.loads(json.dumps(saved)))
    np.testing.assert_allclose(again(x), np.tanh(x), rtol=1e-6)
    with pytest.raises(ValueError, match="arbitrary code execution"):
        layers.Lambda.from_config({"function": {"class_name": "__lambda__"}})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: layers.Embedding(0, 3), "`input_dim` must be a positive integer"),
        (lambda: layers.GaussianNoise(-0.1), "`stddev`.*between 0 and 1"),
        (lambda: layers.GroupNormalization(0), "groups=0"),
        (lambda: layers.Permute((0, 1)), "start from 1"),
        (lambda: layers.Wrapper(3), "supplied to Wrapper"),
        (lambda: layers.Dot(axes=(1, 2, 3)), "two integers"),
        (lambda: layers.SpectralNormalization(layers.Dense(1), 0), "greater than zero"),
        (
            lambda: layers.BatchNormalization(
                renorm=True, renorm_clipping={"rmax": 1.0, "rmin": 2.0}
            ),
            "rmax should be greater",
        ),
        (
            lambda: layers.EinsumDense("ab->ba", 3)(np.ones((2, 2), "float32")),
            "Invalid einsum equation",
        ),
        (
            lambda: layers.GroupNormalization(3)(np.ones((2, 4), "float32")),
            "must divide the number of channels",
        ),
        (
            lambda: layers.Dot(1)([np.ones((2, 4)), np.ones((2, 3))]),
            "Incompatible input shapes",
        ),
        (
            lambda: layers.TimeDistributed(layers.Dense(1))(np.ones((2, 4))),
            "at least 3 dimensions",
        ),
        (
            lambda: layers.LayerNormalization(axis=3)(np.ones((2, 4))),
            "Axis 3 is out of bounds",
        ),
    ],
)
def test_arguments_are_checked(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.BatchNormalization(dtype="float64"),
        lambda: layers.LayerNormalization(dtype="float64"),
        lambda: layers.GroupNormalization(2, dtype="float64"),
    ],
)
def test_first_and_second_derivatives_of_normalization(make: Any) -> None:
    """Differences of float64 values, and of the first derivative."""
    rng = np.random.default_rng(5)
    x, weight, v = (rng.normal(size=(6, 4)) for _ in range(3))
    layer = make()
    layer(x)

    def derivatives(at: np.ndarray) -> dict[str, np.ndarray]:
        with Trace("norm") as trace:
            point = trace.input("x", at.shape, "float64")
            training = {"training": True} if layer._takes_training else {}
            out = ops.sum(ops.tanh(layer(point, **training)) * weight)
            (first,) = gradients([out], [point])
            along = ops.sum(first * v)
            (second,) = gradients([along], [point])
            trace.output("out", ops.reshape(out, (1,)))
            trace.output("along", ops.reshape(along, (1,)))
            trace.output("first", first)
            trace.output("second", second)
        return compile_graph(trace.graph).run({"x": at})

    found = derivatives(x)
    u, step = rng.normal(size=x.shape), 1e-5
    up, down = derivatives(x + step * u), derivatives(x - step * u)
    for value, gradient in (("out", "first"), ("along", "second")):
        expected = (up[value][0] - down[value][0]) / (2 * step)
        assert (found[gradient] * u).sum() == pytest.approx(expected, rel=1e-6)
