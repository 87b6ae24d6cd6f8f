"""Objects as plain dicts: what may be made of a configuration and what may not."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.saving import (
    CustomObjectScope,
    deserialize_keras_object,
    register_keras_serializable,
    serialize_keras_object,
)


class Mine(layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs):
        return inputs * self.size

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@register_keras_serializable("tests")
class Known(Mine):
    pass


def through_json(obj):
    return json.loads(json.dumps(serialize_keras_object(obj)))


def test_plain_values_and_arrays():
    value = {"a": [1, 2.5, None, "x", True], "b": np.float32(2.0)}
    assert through_json(value) == {"a": [1, 2.5, None, "x", True], "b": 2.0}
    array = np.arange(6, dtype="int16").reshape(2, 3)
    copy = deserialize_keras_object(through_json(array))
    assert copy.dtype == "int16"
    np.testing.assert_array_equal(copy, array)


def test_a_registered_class_needs_nothing_more():
    copy = deserialize_keras_object(through_json(Known(3)))
    assert type(copy) is Known and copy.size == 3
    assert through_json(Known(3))["registered_name"] == "tests>Known"


def test_an_unregistered_class_has_to_be_named():
    config = through_json(Mine(3))
    with pytest.raises(ValueError, match="could not find 'Mine'.*custom_objects"):
        deserialize_keras_object(config)
    assert type(deserialize_keras_object(config, {"Mine": Mine})) is Mine
    with CustomObjectScope({"Mine": Mine}):
        assert type(deserialize_keras_object(config)) is Mine
    with pytest.raises(ValueError, match="could not find 'Mine'"):
        deserialize_keras_object(config)


def test_a_class_without_get_config_cannot_be_registered():
    with pytest.raises(ValueError, match="no get_config"):
        register_keras_serializable()(type("Bare", (), {}))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"), ("builtins", "eval"), ("keras.utils", "set_random_seed"),
        ("pydl.saving", "load_weights"), ("keras.layers", "__class__"),
        ("keras.layers", "pydl"), ("keras.layers.core.dense", "Dense"),
        ("keras.src.utils.io_utils", "print_msg"), ("pydl", "importlib"),
        (None, "os.system"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["class", "function"])
def test_configurations_reach_nothing_but_public_classes(module, name, kind):
    config = {
        "module": module,
        "class_name": name,
        "config": {},
        "registered_name": name,
    }
    if kind == "function":
        config.update(class_name="function", config=name)
    with pytest.raises(ValueError, match="could not find|cannot be made"):
        deserialize_keras_object(config)


def test_lambdas_are_not_written():
    with pytest.raises(ValueError, match="cannot serialize a lambda"):
        serialize_keras_object(lambda x: x)


def test_pydl_as_module_name_is_accepted_too():
    config = through_json(layers.Dense(3))
    config["module"] = "pydl.layers"
    assert deserialize_keras_object(config).units == 3


def test_seed_generators_and_policies_round_trip():
    layer = layers.Dense(
        2,
        kernel_initializer=pydl.initializers.HeNormal(
            seed=pydl.random.SeedGenerator(5)
        ),
        dtype=pydl.DTypePolicy("float64"),
    )
    copy = deserialize_keras_object(through_json(layer))
    assert copy.kernel_initializer.seed.get_config()["seed"] == 5
    assert copy.dtype_policy == pydl.DTypePolicy("float64")
