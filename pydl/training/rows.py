"""How the rows of a data set come to the steps of a sweep.

On the CPU the program reads the arrays themselves. On a GPU they are uploaded once and
stay (`ResidentRows`), or come by slices, one being copied while another is computed
(`StagedRows`).
"""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

import numpy as np

from pydl import _core
from pydl.graph.debug import debug_level, note
from pydl.placement import CPU
from pydl.runtime import gpu
from pydl.training.data import ArrayData

#: Bytes of one slice on its way to a GPU.
SLICE_BYTES = 64 * 2**20


class RowSource(Protocol):
    """The columns of a data set."""

    #: Whether the program gathers rows by an order, out of whole columns.
    gathers: bool

    def most(self, begin: int, batch: int) -> int | None:
        """The longest slice of batches from this row on; None: any."""

    def columns(self, begin: int, end: int) -> list[Any]:
        """The inputs of a slice, which is rows in turn unless the program gathers."""

    def prepare(self, begin: int, end: int, order: np.ndarray | None) -> None:
        """The slice after the one that was just started: copy it while that runs."""

    def restart(self) -> None:
        """A sweep in a new order begins."""


class HostRows:
    """Arrays as they are. On a GPU the runtime copies each slice when it is run."""

    def __init__(self, data: ArrayData, shuffled: bool, device: str) -> None:
        self.gathers = shuffled
        self._data = data
        self._most = None if device == CPU else SLICE_BYTES // max(_row_bytes(data), 1)

    def most(self, begin: int, batch: int) -> int | None:
        return None if self._most is None else max(1, self._most // batch)

    def columns(self, begin: int, end: int) -> list[Any]:
        if self.gathers:
            return [*self._data.arrays]
        return [array[begin:end] for array in self._data.arrays]

    def prepare(self, begin: int, end: int, order: np.ndarray | None) -> None:
        """The caches of the processor do it."""

    def restart(self) -> None:
        """Nothing is kept from one slice to the next."""


class ResidentRows:
    """All rows in the memory of a GPU, as long as this lives."""

    def __init__(self, data: ArrayData, shuffled: bool, device: str) -> None:
        self.gathers = shuffled
        self._arrays = []
        for array in data.arrays:
            held = _core.DeviceArray(device, array.dtype.name, array.shape)
            held.upload(array)
            self._arrays.append(held)

    def most(self, begin: int, batch: int) -> int | None:
        return None

    def columns(self, begin: int, end: int) -> list[Any]:
        if self.gathers:
            return [*self._arrays]
        return [array.rows(begin, end) for array in self._arrays]

    def prepare(self, begin: int, end: int, order: np.ndarray | None) -> None:
        """Nothing has to travel."""

    def restart(self) -> None:
        """The rows stay as they are."""


class StagedRows:
    """Rows that do not fit a GPU: gathered on the host, two slices there by turns."""

    gathers = False

    def __init__(self, data: ArrayData, batch: int, device: str) -> None:
        self._data = data
        fitting = SLICE_BYTES // max(_row_bytes(data), 1) // batch
        self._rows = min(max(1, fitting) * batch, data.rows)
        self._sides = [
            [
                _core.DeviceArray(device, array.dtype.name, (self._rows, *shape))
                for array, (_, shape, _) in zip(
                    data.arrays, data.signature, strict=True
                )
            ]
            for _ in range(2)
        ]
        # Copies do not wait for programs from here on: the memory may have been theirs.
        _core.synchronize(device)
        #: What lies on each side: first and last row; no slice is (-1, -1).
        self._held = [(-1, -1), (-1, -1)]
        self._side = 0

    def most(self, begin: int, batch: int) -> int | None:
        first, last = self._held[self._side ^ 1]
        rows = last - first if first == begin else self._rows
        return max(1, rows // batch)

    def columns(self, begin: int, end: int) -> list[Any]:
        self._side ^= 1
        first, last = self._held[self._side]
        assert first == begin and end <= last  # `prepare` comes before every slice
        # The next slice may go here as soon as this one has been waited for.
        self._held[self._side] = (-1, -1)
        return [array.rows(0, end - begin) for array in self._sides[self._side]]

    def prepare(self, begin: int, end: int, order: np.ndarray | None) -> None:
        side = self._side ^ 1
        end = min(end, begin + self._rows)
        first, last = self._held[side]
        if first == begin and end <= last:
            return
        for array, held in zip(self._data.arrays, self._sides[side], strict=True):
            rows = array[begin:end] if order is None else array[order[begin:end]]
            held.rows(0, end - begin).upload(rows, beside=True)
        self._held[side] = (begin, end)

    def restart(self) -> None:
        self._held = [(-1, -1), (-1, -1)]


def _row_bytes(data: ArrayData) -> int:
    return sum(array.nbytes for array in data.arrays) // data.rows


def choose_rows(
    data: ArrayData, batch: int, shuffled: bool, device: str, often: bool
) -> RowSource:
    """The way of some arrays. `often`: they are swept again and again, so it pays to
    keep them where the programs run."""
    if device == CPU:
        return HostRows(data, shuffled, device)
    nbytes = sum(array.nbytes for array in data.arrays)
    if often and gpu.fits(device, nbytes):
        with contextlib.suppress(MemoryError):  # free, but in pieces
            _note(nbytes, "stay on", device)
            return ResidentRows(data, shuffled, device)
    _note(nbytes, "come by slices to", device)
    return StagedRows(data, batch, device)


def _note(nbytes: int, how: str, device: str) -> None:
    if debug_level() >= 1:
        note(f"pydl: {nbytes} bytes of data {how} {device}")
