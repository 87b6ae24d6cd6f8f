"""`export`: the file's entries, run as a C program runs them, against Python."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pydl
from capi.library import load, open_library
from pydl import _core
from pydl.layers import Dense, Flatten


class Exported:
    """A plan file, run through the native runtime alone."""

    def __init__(self, path: Any) -> None:
        self.text, arrays = _core.read_model(str(path))
        self.plan = json.loads(self.text)
        self.state = [np.array(array) for array in arrays]
        self.slots = _core.State(len(self.state))
        for index, array in enumerate(self.state):
            self.slots.set(index, array)

    def entry(self, name: str) -> dict[str, Any]:
        return next(e for e in self.plan["entries"] if e["name"] == name)

    def run(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        entry = self.entry(name)
        program = _core.Program(self.text, name)
        program.run(
            self.slots,
            [inputs[port["name"]] for port in entry["inputs"]],
            [outputs[port["name"]] for port in entry["outputs"]],
        )

    def tensor(self, name: str) -> np.ndarray:
        names = [slot["name"] for slot in self.plan["state"]]
        return self.state[names.index(name)]


def count(steps: int) -> np.ndarray:
    return np.array([steps], "int64")


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_is_bit_for_bit(
    make_model: Any, blobs: Any, tmp_path: Any, optimizer: str
) -> None:
    x, y = blobs
    model = make_model(optimizer, dropout=0.3)
    model.train_on_batch(x[:32], y[:32])
    path = tmp_path / "model.pydl"
    model.export(path)
    file = Exported(path)
    for at in range(32, 224, 32):
        model.train_on_batch(x[at : at + 32], y[at : at + 32])
    loss, fault = np.zeros(1, "float32"), np.ones(1, "int64")
    inputs = {"steps": count(6), "x": x[32:224], "y": y[32:224]}
    file.run("train_step:32", inputs, {"loss": loss, "fault": fault})
    assert fault[0] == 0
    assert np.isfinite(loss[0])
    trained = {slot["name"] for slot in file.plan["state"] if slot["trainable"]}
    for variable in model.trainable_variables:
        assert variable.path in trained
    for variable in [*model.trainable_variables, *model.optimizer.variables]:
        np.testing.assert_array_equal(file.tensor(variable.path), variable.numpy())


def test_predicting_is_bit_for_bit(make_model: Any, blobs: Any, tmp_path: Any) -> None:
    x, _ = blobs
    model = make_model()
    path = tmp_path / "model.pydl"
    model.export(path, batch_sizes=(1, 8))
    file = Exported(path)
    for batch, rows in ((1, 5), (8, 40)):
        out = np.zeros((rows, 4), "float32")
        inputs = {"steps": count(rows // batch), "x": x[:rows]}
        file.run(f"predict:{batch}", inputs, {"y": out})
        expected = model.predict(x[:rows], batch_size=batch, verbose=0)
        np.testing.assert_array_equal(out, expected)


def test_bad_labels_leave_the_weights(
    make_model: Any, blobs: Any, tmp_path: Any
) -> None:
    x, y = blobs
    model = make_model()
    path = tmp_path / "model.pydl"
    model.train_on_batch(x[:32], y[:32])
    model.export(path)
    file, clean = Exported(path), Exported(path)
    y = y.copy()
    y[64 + 3] = 99  # in the third step
    loss, fault = np.zeros(1, "float32"), np.zeros(1, "int64")
    outputs = {"loss": loss, "fault": fault}
    file.run("train_step:32", {"steps": count(5), "x": x[:160], "y": y[:160]}, outputs)
    assert fault[0] == 4
    clean.run("train_step:32", {"steps": count(2), "x": x[:64], "y": y[:64]}, outputs)
    for variable in [*model.trainable_variables, *model.optimizer.variables]:
        np.testing.assert_array_equal(
            file.tensor(variable.path), clean.tensor(variable.path)
        )


def test_untrained_and_uncompiled_models(make_model: Any, tmp_path: Any) -> None:
    from pydl.layers import Dense, Input
    from pydl.models import Sequential

    path = tmp_path / "model.pydl"
    make_model().export(path, train_batch_size=16)
    entry = Exported(path).entry("train_step:16")
    ports = {port["name"]: (port["dtype"], port["shape"]) for port in entry["inputs"]}
    assert ports["y"] == ("int64", [16])
    assert ports["x"] == ("float32", [16, 8])
    assert {port["name"] for port in entry["outputs"]} == {"loss", "fault"}
    Sequential([Input((3,)), Dense(2)]).export(path)
    names = [e["name"] for e in Exported(path).plan["entries"]]
    assert names == ["predict:1", "predict:32", "predict:256"]


def test_optimizer_slots_are_named_by_layers(make_model: Any, tmp_path: Any) -> None:
    model = make_model()
    path = tmp_path / "model.pydl"
    model.export(path)
    names = [slot["name"] for slot in Exported(path).plan["state"]]
    kernel = model.trainable_variables[0].path
    assert kernel in names
    assert f"adam/{kernel}/momentum" in names
    assert "adam/iteration" in names


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "lazyadam"])
def test_tables_are_updated_by_rows(tmp_path: Any, optimizer: str) -> None:
    """Through the runtime and through the C API: the bits of `train_on_batch`, and the
    whole table only where it was looked up."""
    x = np.random.default_rng(0).integers(0, 40, (64, 5)).astype("int32")
    y = np.random.default_rng(1).standard_normal((64, 2)).astype("float32")
    pydl.utils.set_random_seed(0)
    words = pydl.layers.Embedding(50, 6)
    model = pydl.Sequential(
        [pydl.Input((5,), dtype="int32"), words, Flatten(), Dense(2)]
    )
    model.compile(optimizer, "mse")
    model.train_on_batch(x[:16], y[:16])
    path = tmp_path / "model.pydl"
    model.export(path, train_batch_size=16)
    file = Exported(path)
    code = [line[0] for line in file.entry("train_step:16")["code"]]
    assert sum(op.endswith("row_update") for op in code) == 1
    assert "take_grad" not in code
    before = words.get_weights()[0]
    for at in range(16, 64, 16):
        model.train_on_batch(x[at : at + 16], y[at : at + 16])
    outputs = {"loss": np.zeros(1, "float32"), "fault": np.ones(1, "int64")}
    file.run("train_step:16", {"steps": count(3), "x": x[16:], "y": y[16:]}, outputs)
    after = words.get_weights()[0]
    assert np.array_equal(before[40:], after[40:])
    assert not np.array_equal(before, after)
    with load(open_library(), path) as loaded:
        loaded.train(x[16:], y[16:])
        for variable in [*model.trainable_variables, *model.optimizer.variables]:
            expected = variable.numpy()
            np.testing.assert_array_equal(file.tensor(variable.path), expected)
            np.testing.assert_array_equal(loaded.get(variable.path, expected), expected)
