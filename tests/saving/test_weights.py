"""Weight files: round trips, refusals, and files that lie."""

from __future__ import annotations

import json
import os
import struct

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.saving import safetensors_file

FORMATS = [".safetensors", ".weights.h5"]


def network(units=3, last=2):
    inner = pydl.Sequential([layers.Dense(units), layers.Dropout(0.5)])
    return pydl.Sequential([pydl.Input((4,)), inner, layers.Dense(last)], name="net")


def weights_of(model):
    return [w.copy() for w in model.get_weights()]


def assert_equal(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    if request.param.endswith("h5"):
        pytest.importorskip("h5py")
    return tmp_path / f"w{request.param}"


def test_round_trip(path):
    model, other = network(), network()
    model.save_weights(path)
    other.load_weights(str(path))
    assert_equal(model.get_weights(), other.get_weights())
    assert sorted(os.listdir(path.parent)) == [path.name]


def test_round_trip_of_float64_and_shared_layers(path):
    def make():
        a, b = pydl.Input((3,)), pydl.Input((3,))
        shared = layers.Dense(2, dtype="float64")
        return pydl.Model([a, b], layers.Add()([shared(a), shared(b)]))

    model, other = make(), make()
    model.save_weights(path)
    other.load_weights(path)
    assert other.get_weights()[0].dtype == "float64"
    assert_equal(model.get_weights(), other.get_weights())


def test_a_mismatch_names_layer_and_shapes_and_changes_nothing(path):
    network(units=5).save_weights(path)
    model = network()
    before = weights_of(model)
    with pytest.raises(
        ValueError, match=r"layer 'net/.*expected shape.*received shape"
    ) as e:
        model.load_weights(path)
    assert "(4, 3)" in str(e.value) and "(4, 5)" in str(e.value)
    assert "Nothing was changed" in str(e.value)
    assert_equal(before, model.get_weights())


def test_missing_and_extra_weights_are_named(path):
    pydl.Sequential([pydl.Input((4,)), layers.Dense(3)]).save_weights(path)
    with pytest.raises(ValueError, match="missing in the file"):
        network().load_weights(path)
    network().save_weights(path)
    small = pydl.Sequential([pydl.Input((4,)), pydl.Sequential([layers.Dense(3)])])
    with pytest.raises(ValueError, match=r"not in the model.*shape \(3, 2\)"):
        small.load_weights(path)


def test_skip_mismatch_takes_what_fits(path):
    source, model = network(last=7), network()
    source.save_weights(path)
    last = weights_of(model)[2:]
    model.load_weights(path, skip_mismatch=True)
    assert_equal(source.get_weights()[:2], model.get_weights()[:2])
    assert_equal(last, model.get_weights()[2:])


def test_names_do_not_depend_on_other_models(tmp_path):
    network().save_weights(tmp_path / "w.safetensors")
    layers.Dense(1), layers.Dense(1)
    assert set(safetensors_file.read(tmp_path / "w.safetensors")) == {
        "sequential/dense/kernel", "sequential/dense/bias",
        "dense/kernel", "dense/bias",
    }  # fmt: skip


def test_the_safetensors_package_reads_the_file(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    model = network()
    model.save_weights(tmp_path / "w.safetensors")
    arrays = package.load_file(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(arrays["dense/kernel"], model.get_weights()[2])
    arrays["dense/kernel"] = arrays["dense/kernel"] + 1
    package.save_file(arrays, tmp_path / "v.safetensors")
    expected = model.get_weights()[2] + 1
    model.load_weights(tmp_path / "v.safetensors")
    np.testing.assert_array_equal(model.get_weights()[2], expected)


def test_overwrite_false_keeps_the_file(path):
    model = network()
    model.save_weights(path)
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=False"):
        network().save_weights(path, overwrite=False)
    assert path.read_bytes() == content


def test_a_failed_write_leaves_the_old_file_alone(path, monkeypatch):
    model = network()
    model.save_weights(path)
    content = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        network().save_weights(path)
    assert path.read_bytes() == content
    assert sorted(os.listdir(path.parent)) == [path.name]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda m, d: m.save_weights(d / "w.txt"), ValueError, "`.safetensors` or"),
        (
            lambda m, d: m.load_weights(d / "no.safetensors"),
            FileNotFoundError,
            "no file",
        ),
        (
            lambda m, d: m.save_weights(d / "x" / "w.safetensors"),
            FileNotFoundError,
            "folder",
        ),
        (
            lambda m, d: pydl.Sequential([layers.Dense(1)]).save_weights(
                d / "w.safetensors"
            ),
            ValueError,
            "no weights yet",
        ),
    ],
)
def test_what_is_refused(call, error, text, tmp_path):
    with pytest.raises(error, match=text):
        call(network(), tmp_path)


def lie(header, data=b"\0" * 8, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


LIES = {
    "empty": b"",
    "short": b"\1\2\3",
    "no header": lie(b"{}", b"", length=2**63),
    "header longer than the file": lie({"a": entry()}, length=10**6),
    "not JSON": lie(b"{]"),
    "not UTF-8": lie(b"\xff\xfe{}"),
    "a list": lie([1]),
    "deep": lie(b"[" * 10**5),
    "same name twice": lie(b'{"a": 1, "a": 2}'),
    "no dtype": lie({"a": {"shape": [2], "data_offsets": [0, 8]}}),
    "unknown dtype": lie({"a": entry("F7")}),
    "negative size": lie({"a": entry(shape=(-2,))}),
    "float size": lie({"a": entry(shape=(2.0,))}),
    "true as size": lie({"a": entry(shape=(True, 2))}),
    "huge shape": lie({"a": entry(shape=(2**62, 2**62))}),
    "too many axes": lie({"a": entry(shape=(1,) * 100, offsets=(0, 4))}),
    "offsets back to front": lie({"a": entry(offsets=(8, 0))}),
    "offsets too small": lie({"a": entry(offsets=(0, 4))}),
    "beyond the end": lie({"a": entry(offsets=(8, 16))}),
    "overlap": lie({"a": entry(), "b": entry(offsets=(4, 12))}, b"\0" * 12),
    "hole": lie({"a": entry(), "b": entry(offsets=(12, 20))}, b"\0" * 20),
    "data left over": lie({"a": entry()}, b"\0" * 9),
    "data missing": lie({"a": entry()}, b"\0" * 7),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES.keys())
def test_files_that_lie(content, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    model = network()
    before = weights_of(model)
    with pytest.raises(ValueError, match=r"not a valid safetensors file"):
        model.load_weights(path)
    assert_equal(before, model.get_weights())


def test_truncated_files_are_refused_at_every_length(tmp_path):
    path = tmp_path / "w.safetensors"
    model = pydl.Sequential([pydl.Input((2,)), layers.Dense(1)])
    model.save_weights(path)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="not a valid safetensors file"):
            model.load_weights(path)


def test_flipped_bits_never_crash(tmp_path):
    path = tmp_path / "w.safetensors"
    model = pydl.Sequential([pydl.Input((2,)), layers.Dense(1)])
    model.save_weights(path)
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for position in random.integers(0, len(content), 300):
        changed = bytearray(content)
        changed[position] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        try:
            model.load_weights(path)
        except ValueError as error:
            assert "safetensors" in str(error) or "does not fit" in str(error)


def test_h5_links_and_garbage_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.weights.h5"
    model = pydl.Sequential([pydl.Input((2,)), layers.Dense(1)])
    path.write_bytes(b"garbage")
    with pytest.raises(ValueError, match="not a readable HDF5 file"):
        model.load_weights(path)
    for link in (h5py.ExternalLink("/etc/passwd", "/"), h5py.SoftLink("/vars")):
        model.save_weights(path)
        with h5py.File(path, "a") as file:
            file["layers/dense/link"] = link
        with pytest.raises(ValueError, match="'layers/dense/link' is a link"):
            model.load_weights(path)
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/1"]
        external = [(str(tmp_path / "secret"), 0, 4)]
        file.create_dataset("layers/dense/vars/1", (1,), "f4", external=external)
    with pytest.raises(ValueError, match="reaches into other files"):
        model.load_weights(path)


def test_h5_with_a_huge_declared_shape_takes_no_memory(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.weights.h5"
    model = pydl.Sequential([pydl.Input((2,)), layers.Dense(1)])
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (10**12,), "f4", chunks=(10**4,))
    with pytest.raises(ValueError, match=r"received shape \(1000000000000,\)"):
        model.load_weights(path)


class Block(layers.Layer):
    """Sublayers in a list, a dict and a private attribute."""

    def __init__(self, units):
        super().__init__()
        self.stack = [layers.Dense(units), layers.Dense(units)]
        self.table = {"a": layers.Dense(units)}
        self._hidden = layers.Dense(units)

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return self._hidden(self.table["a"](inputs))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


class Subclass(pydl.Model):
    def __init__(self):
        super().__init__()
        self.block = Block(3)
        self.tail = pydl.Sequential([layers.Dense(4), layers.Dense(1)])

    def call(self, inputs):
        return self.tail(self.block(inputs))


def test_h5_paths_are_those_keras_uses(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = Subclass()
    model(np.ones((1, 4)))
    model.save_weights(tmp_path / "w.weights.h5")
    found = []
    with h5py.File(tmp_path / "w.weights.h5") as file:
        file.visititems(lambda name, item: found.append(name))
    datasets = {name.removesuffix("/vars/0") for name in found if name.endswith("/0")}
    assert datasets == {
        "block/_hidden", "block/stack/dense", "block/stack/dense_1",
        "block/table/dense",
        "layers/sequential/layers/dense", "layers/sequential/layers/dense_1",
    }  # fmt: skip


def test_sublayers_of_custom_layers_are_saved(path):
    def make():
        return pydl.Sequential([pydl.Input((4,)), Block(3), layers.Dense(2)])

    model, other = make(), make()
    assert len(model.weights) == 10
    model.save_weights(path)
    other.load_weights(path)
    assert_equal(model.get_weights(), other.get_weights())


def test_a_weight_made_while_another_layer_is_built_is_in_its_own_layer():
    class Outer(layers.Layer):
        def build(self, input_shape):
            self.inner = layers.Dense(2, name="inner")
            self.inner.build(input_shape)

        def call(self, inputs):
            return self.inner(inputs)

    layer = Outer(name="outer")
    layer(np.ones((1, 3)))
    assert [v.path for v in layer.weights] == ["outer/inner/kernel", "outer/inner/bias"]
