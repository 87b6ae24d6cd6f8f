"""Logs of epochs as a table in a file."""

from __future__ import annotations

import csv
import os
from typing import Any, TextIO

import numpy as np

from pydl.training.callback import Callback


class CSVLogger(Callback):
    """Writes one line per epoch.

    Args:
        filename: the file.
        separator: between fields.
        append: go on with a file that is there.
    """

    def __init__(
        self, filename: Any, separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: TextIO | None = None
        self._writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        old = self.append and os.path.exists(self.filename)
        self._header = not (old and os.path.getsize(self.filename) > 0)
        self._file = open(self.filename, "a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self._file is None:
            return
        if self._writer is None:
            self._writer = self._open_table(logs)
        row = {key: _plain(value) for key, value in logs.items()}
        self._writer.writerow({"epoch": epoch, **row})
        self._file.flush()

    def _open_table(self, logs: dict[str, Any]) -> Any:
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may come every few epochs only: its columns stand ready.
                self.keys += [f"val_{key}" for key in self.keys]
        assert self._file is not None
        writer = csv.DictWriter(
            self._file,
            ["epoch", *self.keys],
            delimiter=self.sep,
            restval="NA",
            extrasaction="ignore",
        )
        if self._header:
            writer.writeheader()
        return writer

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.abandon()

    def abandon(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else '"[' + ", ".join(map(str, array)) + ']"'
