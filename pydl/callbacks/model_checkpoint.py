"""Saving models while they train."""

from __future__ import annotations

import os
from typing import Any

from pydl.callbacks.monitor import MonitorCallback

_WEIGHTS = (".safetensors", ".weights.h5")


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, each epoch or every so many batches.

    Args:
        filepath: where to; may hold ``{epoch}``, ``{batch}`` and names of the logs,
            such as ``"best-{epoch:02d}-{val_loss:.2f}.safetensors"``.
        monitor: the number that says which model is best.
        verbose: 1: say what happens.
        save_best_only: save only when `monitor` has improved.
        save_weights_only: save weights; the path ends in ``.safetensors`` (or
            ``.weights.h5``). A path ending so saves weights in any case.
        mode: "min" or "max" is better; "auto" goes by the name.
        save_freq: "epoch" or a number of batches.
        initial_value_threshold: only what beats this is saved.
    """

    _remembered = ("best", "_batches")

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath: str = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only or self.filepath.endswith(_WEIGHTS)
        self.save_freq = save_freq
        self._batches = 0
        self._epoch = 0
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(
                "ModelCheckpoint: save_freq: expected 'epoch' or an int >= 1, "
                f"received {save_freq!r}"
            )
        if self.save_weights_only and not self.filepath.endswith(_WEIGHTS):
            raise ValueError(
                "ModelCheckpoint: with save_weights_only the path must end in one of "
                f"{_WEIGHTS}, received {self.filepath!r}"
            )
        if not self.save_weights_only and not self.filepath.endswith(".keras"):
            raise ValueError(
                "The filepath provided must end in `.keras` (Keras model format). "
                f"Received: filepath={self.filepath}"
            )
        if save_freq != "epoch":
            # Only now is there a batch hook, so saving by epoch keeps slices long.
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, dict(logs or {}))

    def _after_batch(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, batch, dict(logs or {}))

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _wanted(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
            return True
        value = self.current(logs)
        if value is None:
            return True
        if not self.is_improvement(value, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {self.best:.5f}")
            return False
        before = "None" if self.best is None else f"{self.best:.5f}"
        text = f"{self.monitor} improved from {before} to {value:.5f}"
        self._say(epoch, f"{text}, saving model to {path}")
        self.best = value
        return True

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose > 0:
            print(f"Epoch {epoch + 1}: {text}", flush=True)

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        fields = {"epoch": epoch + 1, **logs}
        if batch is not None:
            fields.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: {self.filepath!r} asks for {error}, the logs hold "
                f"{', '.join(fields)}"
            ) from None
