"""`ReversibleEmbedding`, `Pipeline`, `Function`, `DTypePolicyMap`, older namespaces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, models, ops, saving, utils
from pydl.dtype_policies import DTypePolicy, DTypePolicyMap

IDS = np.array([[3, 0, 7]])


@pytest.mark.parametrize("tied", [True, False])
def test_reversible_embedding(tied: bool) -> None:
    layer = layers.ReversibleEmbedding(
        10, 4, tie_weights=tied, mask_zero=True, logit_soft_cap=2.0
    )
    rows = layer(IDS)
    assert np.asarray(rows._keras_mask).tolist() == [[True, False, True]]
    table = layer.get_weights()[0]
    np.testing.assert_array_equal(rows, table[IDS])
    kernel = table.T if tied else layer.get_weights()[1]
    plain = np.asarray(rows) @ kernel
    found = layer(rows, reverse=True)
    np.testing.assert_allclose(found, 2 * np.tanh(plain / 2), rtol=1e-5, atol=1e-7)
    assert len(layer.weights) == (1 if tied else 2)
    again = layers.deserialize(layers.serialize(layer))
    again.build()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(rows, reverse=True), found)


def test_reversible_embedding_in_a_model() -> None:
    layer = layers.ReversibleEmbedding(6, 3, reverse_dtype="float64")
    x = layers.Input((5,), dtype="int32")
    out = layer(layer(x), reverse=True)
    assert (out.shape, out.dtype) == ((None, 5, 6), "float64")
    model = models.Model(x, out)
    assert model.predict(np.ones((2, 5), "int32"), verbose=0).dtype == "float64"


def test_pipeline() -> None:
    pipe = layers.Pipeline([layers.Rescaling(2.0), layers.Dropout(0.5, seed=1)])
    x = np.ones((4, 50), "float32")
    dropped = np.asarray(pipe(x))
    assert set(np.unique(dropped)) == {0.0, 4.0}
    np.testing.assert_array_equal(pipe(x, training=False), 2 * x)
    again = layers.deserialize(layers.serialize(pipe))
    assert [type(layer) for layer in again.layers] == [type(p) for p in pipe.layers]
    assert pipe.compute_output_shape((None, 3)) == (None, 3)
    with pytest.raises(ValueError, match="must contain a `layers` key"):
        layers.Pipeline.from_config({"layers": None})


def test_function() -> None:
    a, b = pydl.KerasTensor((None, 2)), pydl.KerasTensor((None, 2))
    dense = layers.Dense(3)
    hidden = dense(a + b)
    function = pydl.Function({"a": a, "b": b}, [ops.relu(hidden), hidden])
    x, y = np.ones((4, 2), "float32"), np.full((4, 2), -3.0, "float32")
    found = function({"a": x, "b": y})
    np.testing.assert_allclose(found[1], dense(x + y), rtol=1e-6)
    np.testing.assert_allclose(found[0], np.maximum(dense(x + y), 0), rtol=1e-6)
    assert dense in function.operations and len(function.inputs) == 2
    shapes = function.compute_output_shape({"a": (7, 2), "b": (7, 2)})
    assert shapes == [(7, 3), (7, 3)]
    with pytest.raises(ValueError, match="expects 2 inputs, received 1"):
        function([x])
    with pytest.raises(ValueError, match="`inputs` argument cannot be empty"):
        pydl.Function([], hidden)


def test_source_inputs() -> None:
    a, b = layers.Input((2,)), layers.Input((2,))
    out = layers.Dense(2)(layers.Add()([a, layers.Add()([b, a])]))
    assert [id(x) for x in utils.get_source_inputs(out)] == [id(a), id(b)]


def test_policies_by_path() -> None:
    half, brain = DTypePolicy("float16"), DTypePolicy("bfloat16")
    policies = DTypePolicyMap("float32", {"encoder/.*": half})
    policies["encoder/last"] = brain
    assert policies["encoder/last"] == brain and policies["encoder/dense"] == half
    assert policies["decoder"].name == "float32" and policies.name == "map_float32"
    assert policies.compute_dtype == policies.variable_dtype == "float32"
    assert len(policies) == 2 and list(policies) == ["encoder/.*", "encoder/last"]
    again = saving.deserialize_keras_object(saving.serialize_keras_object(policies))
    assert again == policies
    policies["enc.*"] = "mixed_float16"
    with pytest.raises(ValueError, match="'encoder/dense' matches multiple"):
        policies["encoder/dense"]
    with pytest.raises(ValueError, match="already exist"):
        policies["enc.*"] = half
    del policies["enc.*"]
    assert "enc.*" not in policies
    wrong: Any = [half]
    with pytest.raises(TypeError, match="`policy_map` must be a dict"):
        DTypePolicyMap(policy_map=wrong)
    with pytest.raises(ValueError, match="cannot be a `DTypePolicyMap`"):
        DTypePolicyMap(policies)


def test_older_namespaces() -> None:
    preprocessing = pydl.preprocessing
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences
    for name in ("text_dataset_from_directory", "timeseries_dataset_from_array"):
        assert getattr(preprocessing, name) is getattr(utils, name)


def test_settings() -> None:
    settings = utils.Config(a=1)
    assert settings.get("b", value=2) == 2 and settings.pop("b", 3) == 3
    assert not settings.frozen
    settings.freeze()
    assert settings.frozen
    with pydl.device(device_name="cpu"):
        assert float(ops.add(1.0, 1.0)) == 2.0


def test_name_scopes() -> None:
    def path() -> str:
        layer = layers.Dense(1, name="d")
        layer.build((None, 1))
        return str(layer.kernel.path)

    me = object()
    with pydl.name_scope("a", caller=me):
        with pydl.name_scope("a", caller=me):
            assert path() == "a/d/kernel"
        with pydl.name_scope("a", caller=me, deduplicate=False):
            assert path() == "a/a/d/kernel"
        with pydl.name_scope("b", override_parent="x/y"):
            assert path() == "x/y/b/d/kernel"
            with pydl.name_scope("a", caller=me):
                assert path() == "x/y/b/a/d/kernel"
        assert path() == "a/d/kernel"
    assert path() == "d/kernel"
    with pytest.raises(ValueError, match="without `/`"):
        pydl.name_scope("a/b")


def test_older_forms() -> None:
    form = utils.legacy.serialize_keras_object(layers.Dense(3, name="d"))
    assert form["class_name"] == "Dense" and form["config"]["units"] == 3
    again = utils.legacy.deserialize_keras_object(form, {"Dense": layers.Dense})
    assert isinstance(again, layers.Dense) and again.name == "d"
    read = utils.legacy.deserialize_keras_object
    assert read("f", {"f": make_twice})(2) == 4 and read(None) is None
    assert read(make_twice) is make_twice
    assert utils.legacy.serialize_keras_object(make_twice) == "make_twice"
    flat = read("Flatten", custom_objects={"Flatten": layers.Flatten})
    assert isinstance(flat, layers.Flatten)
    with pytest.raises(ValueError, match="Unknown layer: 'Dense'"):
        read(form, printable_module_name="layer")
    with pytest.raises(ValueError, match="Could not interpret serialized object: 3"):
        read(3)
    with pytest.raises(ImportError, match="not supported, as in Keras 3"):
        pydl.optimizers.legacy.Adam(0.1)


def make_twice(x: int) -> int:
    return 2 * x


def test_rescaling_by_arrays() -> None:
    layer = layers.Rescaling(np.array([1.0, 2.0], "float32"), offset=[0.0, 1.0])
    x = np.ones((3, 2), "float32")
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    np.testing.assert_array_equal(again(x), layer(x))
    assert np.asarray(again(x)).tolist() == [[1.0, 3.0]] * 3
