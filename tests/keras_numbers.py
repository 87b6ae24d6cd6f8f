"""Numbers computed by Keras 3.15 (JAX backend), stored in
tests/data/keras_numbers.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "keras_numbers.json").read_text()
)


def data(name: str | None) -> np.ndarray | None:
    """A named input array of the stored cases."""
    if name is None:
        return None
    dtype = "int32" if name.startswith("labels") else "float32"
    return np.asarray(NUMBERS["data"][name], dtype)


def training_problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """x, y, sample weights and first weights of the stored training runs: a network
    8-6-4 on 125 rows."""
    rng = np.random.RandomState(5)  # its stream never changes
    x = rng.standard_normal((125, 8)).astype("float32")
    y = rng.randint(0, 4, 125)
    weight = rng.uniform(0, 2, 125).astype("float32")
    shapes: list[tuple[int, ...]] = [(8, 6), (6,), (6, 4), (4,)]
    start = [rng.standard_normal(s).astype("float32") * 0.5 for s in shapes]
    return x, y, weight, start
