"""Images and boxes by Keras 3.15, made by ``tests/data/make_image_parity.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "image_parity.json").read_text()
)


def array(entry: dict[str, Any]) -> np.ndarray:
    """A stored array."""
    return np.array(entry["values"]).astype(entry["dtype"]).reshape(entry["shape"])


ARRAYS = {name: array(entry) for name, entry in STORED["arrays"].items()}


def filled(value: Any) -> Any:
    """Arguments with their arrays."""
    if isinstance(value, dict):
        return {key: filled(part) for key, part in value.items()}
    if isinstance(value, list):
        return tuple(filled(part) for part in value)
    if isinstance(value, str) and value.startswith("$"):
        return ARRAYS[value[1:]]
    return value


def label(case: dict[str, Any]) -> str:
    """A case's name."""
    if "name" in case:
        return f"{case['name']}-{case['args']}-{case['kwargs']}"
    return f"{case['cls']}-{case.get('arguments', '')}"
