"""`.keras` files: whole models, compiled and with their optimizers."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, models, ops, saving

X = np.random.default_rng(0).standard_normal((40, 4)).astype("float32")
Y = X[:, :2] * 3 - 1


@saving.register_keras_serializable("tests")
def huber_ish(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@saving.register_keras_serializable("tests")
class Largest(pydl.metrics.Mean):
    """The mean of the largest errors of rows."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(ops.max(ops.abs(y_true - y_pred), axis=-1), sample_weight)


def stack() -> Any:
    return models.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(5, "relu"),
            layers.Dropout(0.2),
            layers.Dense(2),
        ]
    )


def graph() -> Any:
    x = layers.Input((4,))
    hidden = layers.Dense(6, "tanh", name="hidden")(x)
    left, right = (layers.Dense(2, name=name)(hidden) for name in ("left", "right"))
    return models.Model(x, [left, right])


def assert_same_state(left: Any, right: Any) -> None:
    pairs = [
        *zip(left.weights, right.weights, strict=True),
        *zip(left.optimizer.variables, right.optimizer.variables, strict=True),
    ]
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_frozen_layers_stay_frozen(tmp_path: Path) -> None:
    base = stack()
    model = models.Model(base.inputs, layers.Dense(2)(base.outputs[0]))
    outer = models.Sequential([layers.Input((4,)), model])
    base.layers[0].trainable = False
    outer.compile("adam", "mse")
    outer.fit(X, Y, verbose=0)
    outer.save(tmp_path / "model.keras")
    loaded = saving.load_model(tmp_path / "model.keras")
    frozen = [layer.trainable for layer in loaded.layers[0].layers]
    assert frozen == [layer.trainable for layer in model.layers]
    assert frozen.count(False) == 1
    assert len(loaded.trainable_variables) == 4
    assert_same_state(loaded, outer)
    model.trainable = False
    outer.save(tmp_path / "model.keras")
    loaded = saving.load_model(tmp_path / "model.keras", compile=False)
    assert not loaded.trainable_variables


def test_training_goes_on(tmp_path: Path) -> None:
    model = stack()
    schedule = pydl.optimizers.schedules.CosineDecay(0.1, 30)
    model.compile(
        pydl.optimizers.Adam(schedule, amsgrad=True), huber_ish, metrics=[Largest()]
    )
    model.fit(X, Y, epochs=3, verbose=0)
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras")
    assert isinstance(again.metrics[1], type(model.metrics[1]))
    assert_same_state(model, again)
    for item in (model, again):
        item.fit(X, Y, epochs=2, verbose=0, shuffle=False, batch_size=40)
        assert int(item.optimizer.iterations) == 8
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(
        model.evaluate(X, Y, verbose=0), rel=0.2
    )  # dropout draws differ


def test_graph_of_two_outputs(tmp_path: Path) -> None:
    model = graph()
    model.compile(
        "rmsprop",
        {"left": "mse", "right": pydl.losses.MeanAbsoluteError()},
        loss_weights={"left": 0.5, "right": 2.0},
        metrics={"right": ["mae"]},
    )
    model.fit(X, [Y, Y], verbose=0)
    saving.save_model(model, tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    assert_same_state(model, again)
    expected = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    assert again.evaluate(X, [Y, Y], verbose=0, return_dict=True) == expected
    for a, b in zip(
        model.predict(X, verbose=0), again.predict(X, verbose=0), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_what_the_archive_holds(tmp_path: Path) -> None:
    model = stack()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        names = archive.namelist()
        config = json.loads(archive.read("config.json"))
        metadata = json.loads(archive.read("metadata.json"))
    assert sorted(names) == ["config.json", "metadata.json", "model.weights.h5"]
    assert config["class_name"] == "Sequential" and config["module"] == "keras"
    assert config["compile_config"]["optimizer"]["class_name"] == "Adam"
    assert set(metadata) == {"keras_version", "date_saved"}


def test_without_compiling(tmp_path: Path) -> None:
    model = stack()
    model.save(tmp_path / "plain.keras")
    assert not saving.load_model(tmp_path / "plain.keras").compiled
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    assert not saving.load_model(tmp_path / "m.keras", compile=False).compiled


def test_other_optimizer_state_is_skipped(tmp_path: Path) -> None:
    model = stack()
    model.compile("adam", "mse")
    model.save(tmp_path / "unbuilt.keras")  # never trained: no slots yet
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        again = saving.load_model(tmp_path / "unbuilt.keras")
    assert int(again.optimizer.iterations) == 0


def test_mistakes(tmp_path: Path) -> None:
    model = stack()
    with pytest.raises(ValueError, match="Invalid filepath extension.*'m.h5'"):
        model.save("m.h5")
    with pytest.raises(ValueError, match="has no weights yet"):
        models.Sequential([layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="not supported: \\['include"):
        model.save(tmp_path / "m.keras", include_optimizer=False)
    with pytest.raises(ValueError, match="File not found: filepath=.*none.keras"):
        saving.load_model(tmp_path / "none.keras")
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError, match="overwrite=False"):
        model.save(tmp_path / "m.keras", overwrite=False)
    (tmp_path / "bad.keras").write_bytes(b"PK no archive")
    with pytest.raises(ValueError, match="is not a valid .keras file"):
        saving.load_model(tmp_path / "bad.keras")


def test_unknown_classes_are_refused(tmp_path: Path) -> None:
    stack().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"Dense"', b'"Popen"')
    parts["config.json"] = parts["config.json"].replace(
        b'"keras.layers"', b'"subprocess"'
    )
    with zipfile.ZipFile(tmp_path / "evil.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="could not find"):
        saving.load_model(tmp_path / "evil.keras")


def test_checkpoint_of_whole_models(tmp_path: Path) -> None:
    model = stack()
    model.compile("adam", "mse")
    hook = pydl.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[hook])
    assert_same_state(model, saving.load_model(tmp_path / "2.keras"))
    with pytest.raises(ValueError, match="must end in `.keras`"):
        pydl.callbacks.ModelCheckpoint("m.pt")
