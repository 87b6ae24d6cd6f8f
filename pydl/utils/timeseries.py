"""Windows over a time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.training.adapters.tensors import to_numpy
from pydl.utils.samples import SampleDataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> SampleDataset:
    """Sliding windows over a series, in batches.

    Args:
        data: the series, ``(time, ...)``.
        targets: ``targets[i]`` belongs to the window that starts at `i`; None: windows
            only.
        sequence_length: points of a window.
        sequence_stride: from the start of a window to that of the next.
        sampling_rate: from a point of a window to the next.
        batch_size: windows of a batch; None: one by one.
        shuffle: take windows in a random order.
        seed: of that order.
        start_index: use the data from here on, at least 0.
        end_index: use the data up to here, exclusive.
        format: "tf" or "grain", accepted; there is one kind of result.

    Returns:
        A data set of ``(windows, targets)``, windows of shape
        ``(batch, sequence_length, ...)``. Windows are cut when they are asked for.

    Raises:
        ValueError: an argument is out of range.

    >>> windows = timeseries_dataset_from_array(np.arange(6), None, 3, batch_size=2)
    >>> windows[0].tolist()
    [[0, 1, 2], [1, 2, 3]]
    """
    series = np.asarray(to_numpy(data))
    _check(len(series), start_index, end_index, sampling_rate, sequence_stride)
    if format not in ("tf", "grain"):
        raise ValueError(
            f'`format` should be either "tf" or "grain". Received: format={format}'
        )
    start = start_index or 0
    series = series[start : len(series) if end_index is None else end_index]
    count = len(series) - (sequence_length - 1) * sampling_rate
    labels = None
    if targets is not None:
        labels = np.asarray(to_numpy(targets))
        count = min(count, len(labels))
        labels = labels[start:end_index]
    starts = np.arange(0, max(count, 0), sequence_stride)
    if labels is not None:
        starts = starts[starts < len(labels)]
    if shuffle:
        seed = np.random.randint(10**6) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    steps = np.arange(sequence_length) * sampling_rate

    def get(at: np.ndarray) -> Any:
        windows = series[starts[at][:, None] + steps]
        return windows if labels is None else (windows, labels[starts[at]])

    return SampleDataset(get, len(starts), batch_size)


def _check(
    length: int, start: int | None, end: int | None, rate: int, stride: int
) -> None:
    if start is not None and start < 0:
        raise ValueError(
            f"`start_index` must be 0 or greater. Received: start_index={start}"
        )
    if start and start >= length:
        raise ValueError(
            "`start_index` must be lower than the length of the data. Received: "
            f"start_index={start}, for data of length {length}"
        )
    if end is not None and end <= (start or 0):
        what = "`start_index`" if start else "0"
        raise ValueError(
            f"`end_index` must be higher than {what}. Received: "
            f"start_index={start}, and end_index={end}"
        )
    if end is not None and end >= length:
        raise ValueError(
            "`end_index` must be lower than the length of the data. Received: "
            f"end_index={end}, for data of length {length}"
        )
    for name, value in (("sampling_rate", rate), ("sequence_stride", stride)):
        if value <= 0:
            raise ValueError(
                f"`{name}` must be higher than 0. Received: {name}={value}"
            )
        if value >= length:
            raise ValueError(
                f"`{name}` must be lower than the length of the data. Received: "
                f"{name}={value}, for data of length {length}"
            )
