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
