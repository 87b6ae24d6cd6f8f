"""Going on with a training that was interrupted, as if it had not been."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from pydl.callbacks.training_backup import BackupError, gather, read, restore, write
from pydl.training.callback import Callback


class BackupAndRestore(Callback):
    """Keeps all there is to know about a running `fit` in a folder. The next `fit` with
    the same model, data and arguments goes on from there and ends with the same bits.

    Kept are weights, the state of optimizers, metrics and random generators (of pydl,
    NumPy and Python), the order of the rows, the place in the epoch and what callbacks
    remember. A generator is read again up to that place. Each backup is one file that
    is complete or not there.

    Args:
        backup_dir: the folder; nothing else should write there.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: keep the backup before the last one too, for when the last
            cannot be read.
        delete_checkpoint: delete the backup when training has ended.

    >>> model.fit(x, y, epochs=10, callbacks=[BackupAndRestore("backup")])
    """

    #: It keeps what the other callbacks have made of an epoch: it comes after them.
    runs_last: ClassVar[bool] = True

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        wrong = isinstance(save_freq, bool) and save_freq
        if save_freq != "epoch" and (not isinstance(save_freq, int) or wrong):
            raise ValueError(
                "Invalid value for argument `save_freq`. Received: "
                f"save_freq={save_freq}. Expected either 'epoch' or an integer value."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._path = Path(self.backup_dir) / "latest.npz"
        self._previous = Path(self.backup_dir) / "latest.npz.bkp"
        self._fitting: Any = None
        self._epoch = 0
        self._batches = 0
        if save_freq != "epoch" and save_freq:
            # Only now is there a batch hook: saving by epoch keeps slices long.
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def resume(self, fitting: Any) -> int | None:
        self._fitting = fitting
        self._batches = 0
        failure: BackupError | None = None
        for path in (self._path, self._previous):
            if not path.exists():
                continue
            try:
                kept = read(path)
            except BackupError as error:
                failure = error
                continue
            return restore(fitting, kept, path)
        if failure is not None:
            raise failure
        return None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save(epoch_ended=True)

    def _after_batch(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(epoch_ended=False)

    def _save(self, epoch_ended: bool) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self._path.exists():
            os.replace(self._path, self._previous)
        write(self._path, gather(self._fitting, self._epoch, epoch_ended))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._fitting = None
        if not self.delete_checkpoint:
            return
        for path in (self._path, self._previous):
            path.unlink(missing_ok=True)
        try:
            self._path.parent.rmdir()
        except OSError:  # it holds other files, or was never made
            return
