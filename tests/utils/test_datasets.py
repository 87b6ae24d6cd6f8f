"""Data sets of samples: windows over series, splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl.utils import split_dataset, timeseries_dataset_from_array

SERIES = np.arange(40.0)


def windows_by_hand(
    data: Any, length: int, stride: int = 1, rate: int = 1
) -> list[list[float]]:
    last = len(data) - (length - 1) * rate
    return [
        [float(data[at + i * rate]) for i in range(length)]
        for at in range(0, last, stride)
    ]


@pytest.mark.parametrize(
    "options", [{}, {"sequence_stride": 3}, {"sequence_stride": 2, "sampling_rate": 4}]
)
def test_windows(options: Any) -> None:
    data = timeseries_dataset_from_array(
        SERIES, SERIES * 10, 5, batch_size=4, **options
    )
    expected = windows_by_hand(
        SERIES, 5, options.get("sequence_stride", 1), options.get("sampling_rate", 1)
    )
    batches = list(data)
    assert len(batches) == len(data) == -(-len(expected) // 4)
    assert np.concatenate([x for x, _ in batches]).tolist() == expected
    targets = np.concatenate([y for _, y in batches])
    assert targets.tolist() == [window[0] * 10 for window in expected]


def test_part_of_the_series_and_order() -> None:
    data = timeseries_dataset_from_array(
        SERIES, None, 3, start_index=5, end_index=30, batch_size=100
    )
    assert data[0].tolist() == windows_by_hand(SERIES[5:30], 3)
    mixed = timeseries_dataset_from_array(
        SERIES, None, 3, shuffle=True, seed=1, batch_size=100
    )
    again = timeseries_dataset_from_array(
        SERIES, None, 3, shuffle=True, seed=1, batch_size=100
    )
    assert mixed[0].tolist() == again[0].tolist() != windows_by_hand(SERIES, 3)
    assert sorted(mixed[0].tolist()) == windows_by_hand(SERIES, 3)
    one = timeseries_dataset_from_array(SERIES[:, None], SERIES, 3, batch_size=None)
    assert one[2][0].shape == (3, 1) and float(one[2][1]) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"start_index": -1}, "`start_index` must be 0 or greater"),
        ({"start_index": 50}, "`start_index` must be lower than the length"),
        ({"start_index": 9, "end_index": 4}, "`end_index` must be higher than `start"),
        ({"end_index": 99}, "`end_index` must be lower than the length"),
        ({"end_index": 0}, "`end_index` must be higher than 0"),
        ({"sampling_rate": 0}, "`sampling_rate` must be higher than 0"),
        ({"sequence_stride": 40}, "`sequence_stride` must be lower than the length"),
        ({"format": "csv"}, "`format` should be either"),
    ],
)
def test_windows_out_of_range(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        timeseries_dataset_from_array(SERIES, None, 3, **options)


def test_fit_on_windows() -> None:
    data = timeseries_dataset_from_array(SERIES / 40, SERIES[3:] / 40, 3, batch_size=8)
    pydl.utils.set_random_seed(0)
    model = pydl.Sequential([pydl.Input((3,)), pydl.layers.Dense(1)])
    model.compile(pydl.optimizers.Adam(0.1), "mse")
    history = model.fit(data, epochs=30, verbose=0).history
    assert history["loss"][-1] < 1e-2
    inputs = timeseries_dataset_from_array(SERIES / 40, None, 3, batch_size=8)
    assert model.predict(inputs, verbose=0).shape == (38, 1)


def test_split() -> None:
    left, right = split_dataset(SERIES, left_size=0.7)
    assert [*map(float, left)] == SERIES[:28].tolist()
    assert [*map(float, right)] == SERIES[28:].tolist()
    left, right = split_dataset((SERIES, -SERIES), right_size=6)
    assert len(left) == 34 and right[5] == (39.0, -39.0)
    left, right = split_dataset(SERIES, 0.5, 0.2, shuffle=True, seed=5)
    # The order Keras has, which is that of random.seed(5); random.shuffle(...).
    assert [*map(float, right)] != SERIES[32:].tolist()
    assert len(left) == 20 and len(right) == 8
    assert not set(map(float, left)) & set(map(float, right))
    batched = left.batch(8)
    assert [len(batch) for batch in batched] == [8, 8, 4]
    with pytest.raises(ValueError, match="in batches of 8 already"):
        batched.batch(2)
    windows = timeseries_dataset_from_array(SERIES, SERIES, 3, batch_size=8)
    left, right = split_dataset(windows, left_size=30)
    assert left[0][0].shape == (8, 3) and right[0][1].tolist() == [
        30.0 + i for i in range(8)
    ]
    pairs = [(np.ones(2) * i, i) for i in range(4)]
    left, _ = split_dataset(iter(pairs), left_size=1)
    assert left[0][0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("sizes", "error", "text"),
    [
        ({}, ValueError, "At least one of the `left_size` or `right_size`"),
        ({"left_size": 40}, ValueError, "`left_size` should be either a positive"),
        ({"right_size": 1.5}, ValueError, "`right_size` should be either a positive"),
        ({"left_size": "a"}, TypeError, "Invalid `left_size` Type"),
        ({"left_size": 0.8, "right_size": 0.3}, ValueError, "is greater than 1"),
        (
            {"left_size": 30, "right_size": 20},
            ValueError,
            "should be smaller than the 40",
        ),
        ({"dataset": {"x": SERIES}, "left_size": 1}, TypeError, "must be a data set"),
        ({"left_size": 0.001}, ValueError, "Resulting left side dataset split will be"),
    ],
)
def test_split_sizes(sizes: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        split_dataset(**{"dataset": SERIES, **sizes})
