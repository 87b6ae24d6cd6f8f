"""Each callback does what Keras's does."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from pydl import callbacks


class FakeModel:
    """Just what callbacks touch."""

    def __init__(self) -> None:
        self.stop_training = False
        self.metrics: list[Any] = []
        self.weights = [np.zeros(1)]
        self.saved: list[str] = []
        self.optimizer = type("O", (), {"learning_rate": 1.0})()

    def get_weights(self) -> list[np.ndarray]:
        return [w.copy() for w in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = weights

    def save_weights(self, path: str, overwrite: bool = True) -> None:
        self.saved.append(path)

    save = save_weights


def run(callback: Any, values: list[float], name: str = "val_loss") -> FakeModel:
    """Epochs with these values, until the callback stops training."""
    model = FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        model.weights = [np.array([float(epoch)])]
        callback.on_epoch_end(epoch, {name: value})
        if model.stop_training:
            break
    model.epochs = epoch + 1  # type: ignore[attr-defined]
    callback.on_train_end({})
    return model


@pytest.mark.parametrize(
    ("arguments", "values", "epochs"),
    [
        ({}, [1.0, 0.9, 0.95, 0.1], 3),
        ({"patience": 2}, [1.0, 0.9, 0.95, 0.92, 0.1], 4),
        ({"min_delta": 0.2}, [1.0, 0.9], 2),
        ({"mode": "max"}, [0.1, 0.2, 0.2], 3),
        ({"baseline": 0.5, "patience": 2}, [1.0, 1.1, 1.2], 2),
        ({"start_from_epoch": 2}, [1.0, 2.0, 3.0, 2.5, 2.6], 5),
    ],
)
def test_early_stopping(arguments: Any, values: list[float], epochs: int) -> None:
    model = run(callbacks.EarlyStopping(**arguments), values)
    assert model.epochs == epochs  # type: ignore[attr-defined]


def test_early_stopping_restores_the_best() -> None:
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    assert run(stop, [1.0, 0.5, 0.7, 0.8]).weights[0][0] == 1.0
    assert stop.best_epoch == 1 and stop.stopped_epoch == 3


def test_early_stopping_warns_of_a_missing_number() -> None:
    with pytest.warns(
        UserWarning, match="'val_loss' is not in the logs; there are loss"
    ):
        run(callbacks.EarlyStopping(), [1.0], name="loss")


def test_direction_must_be_known() -> None:
    stop = callbacks.EarlyStopping(monitor="taste")
    with pytest.raises(ValueError, match="not known whether 'taste'.*mode='min'"):
        run(stop, [1.0, 2.0], name="taste")


def test_reduce_lr_on_plateau() -> None:
    reduce = callbacks.ReduceLROnPlateau(patience=2, factor=0.5, cooldown=1, min_lr=0.3)
    model = run(reduce, [1.0, 1.0, 1.0])
    assert model.optimizer.learning_rate == 0.5
    model = run(reduce, [1.0] * 12)
    assert model.optimizer.learning_rate == 0.3
    with pytest.raises(ValueError, match="factor: expected < 1, received 1.5"):
        callbacks.ReduceLROnPlateau(factor=1.5)


def test_learning_rate_scheduler() -> None:
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    assert run(halve, [0, 0, 0]).optimizer.learning_rate == 0.125
    by_epoch = callbacks.LearningRateScheduler(lambda epoch: 1.0 / (epoch + 1))
    assert run(by_epoch, [0, 0]).optimizer.learning_rate == 0.5
    with pytest.raises(ValueError, match="expected the schedule to return a float"):
        run(callbacks.LearningRateScheduler(lambda epoch, rate: "x"), [0])


def test_model_checkpoint(tmp_path: Any) -> None:
    path = str(tmp_path / "deep" / "w-{epoch:02d}-{val_loss:.1f}.safetensors")
    every = callbacks.ModelCheckpoint(path)
    names = [path.rsplit("/", 1)[1] for path in run(every, [1.0, 2.0]).saved]
    assert names == ["w-01-1.0.safetensors", "w-02-2.0.safetensors"]
    assert (tmp_path / "deep").is_dir()
    best = callbacks.ModelCheckpoint(path, save_best_only=True)
    assert len(run(best, [1.0, 2.0, 0.5]).saved) == 2
    with pytest.raises(ValueError, match="save_freq: expected 'epoch' or an int"):
        callbacks.ModelCheckpoint(path, save_freq="batch")
    with pytest.raises(ValueError, match="path must end in one of"):
        callbacks.ModelCheckpoint("x.keras", save_weights_only=True)
    with pytest.raises(KeyError, match="the logs hold epoch, loss"):
        run(callbacks.ModelCheckpoint(path), [1.0], name="loss")


def test_model_checkpoint_by_batches() -> None:
    checkpoint = callbacks.ModelCheckpoint("w-{batch}.safetensors", save_freq=2)
    model = FakeModel()
    checkpoint.set_model(model)
    for batch in range(5):
        checkpoint.on_train_batch_end(batch, {"loss": 1.0})
    assert model.saved == ["w-2.safetensors", "w-4.safetensors"]
    assert callbacks.CallbackList([checkpoint]).every_batch("train")
    by_epoch = callbacks.ModelCheckpoint("w.safetensors")
    assert not callbacks.CallbackList([by_epoch]).wants_batches("train")


def test_csv_logger(tmp_path: Any) -> None:
    path = tmp_path / "log.csv"
    run(callbacks.CSVLogger(path), [0.5, 0.25])
    run(callbacks.CSVLogger(path, append=True), [0.125])
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(r["epoch"], r["val_loss"]) for r in rows] == [
        ("0", "0.5"), ("1", "0.25"), ("0", "0.125"),
    ]  # fmt: skip


def test_lambda_callback() -> None:
    seen: list[Any] = []
    callback = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["val_loss"])),
        on_train_end=lambda logs: seen.append("end"),
    )
    run(callback, [3.0])
    assert seen == [(0, 3.0), "end"]
    assert not callbacks.CallbackList([callback]).wants_batches("train")
    with pytest.raises(ValueError, match="unknown hook 'on_lunch'"):
        callbacks.LambdaCallback(on_lunch=print)


def test_progress_in_a_pipe(capsys: Any) -> None:
    bar = callbacks.ProgbarLogger()
    bar.set_params({"verbose": 1, "epochs": 2, "steps": 8})
    for epoch in range(2):
        bar.on_epoch_begin(epoch)
        bar.on_train_batch_end(7, {"loss": 0.5})
        bar.on_epoch_end(epoch, {"loss": 0.25, "accuracy": 0.0001})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[1].startswith("8/8 - 0s - ")
    assert lines[1].endswith("/step - loss: 0.2500 - accuracy: 1.0000e-04")
    assert len(lines) == 4
    assert all(c.isprintable() for line in lines for c in line)
    assert not callbacks.CallbackList([bar]).every_batch("train")


def test_progress_on_a_terminal(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    bar = callbacks.ProgbarLogger()
    bar.set_params({"verbose": 1, "epochs": 1, "steps": 8})
    bar.on_epoch_begin(0)
    bar.on_train_batch_end(3, {"loss": 0.5})
    bar.on_epoch_end(0, {"loss": 0.25})
    out = capsys.readouterr().out
    assert "8/8" in out and "loss: 0.2500" in out


def test_terminate_on_nan_needs_no_batches() -> None:
    hooks = callbacks.CallbackList([callbacks.TerminateOnNaN()])
    assert hooks.stops_on_nan and not hooks.wants_batches("train")


def test_old_batch_hooks_count() -> None:
    class Old(callbacks.Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.last = batch

    old = Old()
    hooks = callbacks.CallbackList([[old]])
    assert hooks.every_batch("train")
    hooks.on_train_batch_end(4)
    assert old.last == 4
