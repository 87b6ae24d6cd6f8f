"""Files of weights of Keras 1 and 2. ``legacy_weights.h5`` is Keras's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from application_cases import weights
from pydl import layers

h5py = pytest.importorskip("h5py")

STORED = Path(__file__).parents[1] / "data" / "legacy_weights.h5"


def network(**names: str) -> Any:
    """The network whose weights ``legacy_weights.h5`` holds."""
    x = image = pydl.Input((6, 6, 3))
    x = layers.Normalization(name=names.get("normalization", "normalization"))(x)
    inner = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Dense(2)]
    x = pydl.Sequential(inner, name=names.get("inner", "inner"))(x)
    x = layers.SeparableConv2D(3, 2, name=names.get("separable", "separable"))(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(2, name=names.get("last", "last"))(x)
    return pydl.Model(image, x)


def expected(model: Any) -> list[np.ndarray]:
    return weights((w.name, tuple(w.shape)) for w in model.weights)


def assert_equal(first: Any, second: Any) -> None:
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def copy_of(tmp_path: Path) -> Path:
    path = tmp_path / "w.h5"
    shutil.copy(STORED, path)
    return path


def test_by_order_whatever_the_names() -> None:
    model = network(inner="a", separable="b", last="c")
    model.load_weights(STORED)
    assert_equal(model.get_weights(), expected(model))


def test_frozen_layers_too() -> None:
    model = network()
    model.trainable = False
    model.load_weights(str(STORED))
    assert_equal(model.get_weights(), expected(model))


def test_by_name() -> None:
    model = network(inner="other")
    before = model.get_weights()
    model.load_weights(STORED, by_name=True)
    for weight, old, new in zip(model.weights, before, expected(model), strict=True):
        kept = weight.path.split("/")[-2] not in ("normalization", "separable", "last")
        np.testing.assert_array_equal(weight.numpy(), old if kept else new)


def test_a_file_of_a_whole_model(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(STORED) as old, h5py.File(path, "w") as new:
        old.copy(old, new, "model_weights")
        new.create_group("optimizer_weights")
    model = network()
    model.load_weights(path)
    assert_equal(model.get_weights(), expected(model))


def test_names_that_go_on_in_further_attributes(tmp_path: Path) -> None:
    path = copy_of(tmp_path)
    with h5py.File(path, "a") as file:
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:2], names[2:]
    model = network()
    model.load_weights(path)
    assert_equal(model.get_weights(), expected(model))


def refused(path: Path, message: str, **kwargs: Any) -> None:
    model = network()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.load_weights(path, **kwargs)
    assert_equal(model.get_weights(), before)


def test_what_does_not_fit_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path = copy_of(tmp_path)
    with h5py.File(path, "a") as file:
        file["last"].attrs["weight_names"] = file["last"].attrs["weight_names"][:1]
        separable = file["separable"]
        del separable[separable.attrs["weight_names"][0]]
        separable[separable.attrs["weight_names"][0]] = np.zeros(
            (2, 2, 5, 1), "float32"
        )
    refused(path, r"layer 'last': expected 2 weights, received 1")
    refused(
        path, r"'separable', weight 'depthwise_kernel'.*expected shape \(2, 2, 2, 1"
    )
    model = network()
    before = model.get_weights()
    model.load_weights(path, skip_mismatch=True)
    same = [
        np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)
    ]
    assert [w.name for w, s in zip(model.weights, same, strict=True) if s] == [
        "count", "depthwise_kernel", "kernel", "bias",
    ]  # fmt: skip


def test_files_that_lie(tmp_path: Path) -> None:
    path = copy_of(tmp_path)
    with h5py.File(path, "a") as file:
        file.attrs["layer_names"] = [*file.attrs["layer_names"], "none"]
    refused(path, "there is no group 'none'")
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(3)
    refused(path, "has no attribute 'layer_names'")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"a"]
        file["a"] = h5py.ExternalLink(str(STORED), "last")
    refused(path, "is a link, which is not allowed")
    path.write_bytes(b"no HDF5")
    refused(path, "is not a readable HDF5 file")
    path = copy_of(tmp_path)
    with h5py.File(path, "a") as file:
        name = file["last"].attrs["weight_names"][1]
        del file["last"][name]
        file["last"][name] = [b"one", b"two"]
    refused(path, "expected numbers, received dtype")


def test_another_number_of_layers(tmp_path: Path) -> None:
    model = pydl.Sequential([pydl.Input((2,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="expected 1 layers with weights, found 4"):
        model.load_weights(STORED)
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / "none.h5")


def test_by_name_is_for_these_files_alone(tmp_path: Path) -> None:
    model = network()
    model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match="by_name=True is for the `.h5` files"):
        model.load_weights(tmp_path / "w.weights.h5", by_name=True)
    with pytest.raises(ValueError, match="weights files end in"):
        model.save_weights(tmp_path / "w.h5")
