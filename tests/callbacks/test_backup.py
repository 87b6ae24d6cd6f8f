"""`BackupAndRestore`: a training that was cut short ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import callbacks, layers, models
from pydl.utils import PyDataset

X = np.random.default_rng(5).standard_normal((100, 6)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2]).astype("float32")


class Killed(Exception):
    """Stands for a process that ends."""


class Kill(callbacks.Callback):
    """Ends training behind a batch of an epoch, as if the process had been killed."""

    def __init__(self, epoch: int, batch: int | None, armed: bool) -> None:
        super().__init__()
        self.at, self.batch, self.armed = epoch, batch, armed
        self.now = -1
        if batch is not None:
            self.on_train_batch_end = self._batch_end

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def _batch_end(self, batch: int, logs: Any = None) -> None:
        if self.armed and (self.now, batch) == (self.at, self.batch):
            raise Killed

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.armed and self.batch is None and epoch == self.at:
            raise Killed


class Batches(PyDataset):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        rows = slice(index * 10, index * 10 + 10)
        return X[rows], Y[rows]


def generate() -> Any:
    for _ in range(10):
        for at in range(0, 100, 10):
            yield X[at : at + 10], Y[at : at + 10]


DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 8},
    "dataset": lambda: {"x": Batches()},
    "generator": lambda: {"x": generate(), "steps_per_epoch": 10},
    "arrays with steps": lambda: {
        "x": X, "y": Y, "batch_size": 8, "steps_per_epoch": 9,
    },
}  # fmt: skip


def train(
    folder: Path, data: dict[str, Any], kill: Kill, save_freq: Any, seed: int = 3
) -> Any:
    pydl.utils.set_random_seed(seed)
    schedule = pydl.optimizers.schedules.ExponentialDecay(0.02, 7, 0.9)
    model = models.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(9, "relu"),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    model.compile(pydl.optimizers.Adam(schedule, use_ema=True), "mse", metrics=["mae"])
    hooks = [
        callbacks.BackupAndRestore(folder, save_freq, delete_checkpoint=False),
        callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True),
        kill,
    ]
    model.fit(
        **data, epochs=4, verbose=0, callbacks=hooks, validation_data=(X[:20], Y[:20])
    )
    return model


def state(model: Any) -> list[np.ndarray]:
    return [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]


@pytest.mark.parametrize("kind", sorted(DATA))
@pytest.mark.parametrize(
    ("save_freq", "epoch", "batch"),
    [("epoch", 1, None), ("epoch", 2, 4), (3, 2, 5), (10, 1, None), (3, 0, 1)],
)
def test_resumed_training_has_the_same_bits(
    tmp_path: Path, kind: str, save_freq: Any, epoch: int, batch: int | None
) -> None:
    whole = train(tmp_path / "a", DATA[kind](), Kill(epoch, batch, False), save_freq)
    with pytest.raises(Killed):
        train(tmp_path / "b", DATA[kind](), Kill(epoch, batch, True), save_freq)
    # Another seed: all that is random must come from the backup, if there is one.
    seed = 4 if (tmp_path / "b" / "latest.npz").exists() else 3
    again = train(
        tmp_path / "b", DATA[kind](), Kill(epoch, batch, False), save_freq, seed
    )
    for left, right in zip(state(whole), state(again), strict=True):
        np.testing.assert_array_equal(left, right)
    assert whole.history.history == again.history.history
    assert whole.history.epoch == again.history.epoch == [0, 1, 2, 3]


def test_deleted_at_the_end(tmp_path: Path) -> None:
    model = models.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    folder = tmp_path / "backup"
    model.fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(folder)])
    assert not folder.exists()


def test_damaged_backup(tmp_path: Path) -> None:
    kill = Kill(1, None, True)
    with pytest.raises(Killed):
        train(tmp_path, DATA["arrays"](), kill, "epoch")
    path = tmp_path / "latest.npz"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="is not a readable backup"):
        train(tmp_path, DATA["arrays"](), kill, "epoch")


def test_double_checkpoint_survives_damage(tmp_path: Path) -> None:
    def fit(damage: bool) -> Any:
        pydl.utils.set_random_seed(1)
        model = models.Sequential([layers.Input((6,)), layers.Dense(1)])
        model.compile("adam", "mse")
        backup = callbacks.BackupAndRestore(
            tmp_path, double_checkpoint=True, delete_checkpoint=False
        )
        kill = Kill(2, None, damage)
        try:
            model.fit(X, Y, epochs=4, verbose=0, callbacks=[kill, backup])
        except Killed:
            (tmp_path / "latest.npz").write_bytes(b"no archive")
        return model

    fit(damage=True)
    assert (tmp_path / "latest.npz.bkp").exists()
    resumed = fit(damage=False)
    assert resumed.history.epoch == [0, 1, 2, 3]


def test_backup_of_another_model(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(tmp_path, DATA["arrays"](), Kill(1, None, True), "epoch")
    model = models.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile("adam", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match="was made with the callbacks"):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    hooks = [
        callbacks.BackupAndRestore(tmp_path),
        callbacks.EarlyStopping("loss"),
        Kill(0, None, False),
    ]
    with pytest.raises(ValueError, match="belongs to another model: its model have"):
        model.fit(X, Y, verbose=0, callbacks=hooks)
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("save_freq", ["step", 1.5, True])
def test_arguments(tmp_path: Path, save_freq: Any) -> None:
    with pytest.raises(ValueError, match="Invalid value for argument `save_freq`"):
        callbacks.BackupAndRestore(tmp_path, save_freq)
    with pytest.raises(ValueError, match="Empty `backup_dir`"):
        callbacks.BackupAndRestore("")
