"""Numbers computed by Keras 3.15, made by ``tests/data/make_library_parity.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

LIBRARY: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "library_parity.json").read_text()
)


def array(stored: dict[str, Any]) -> np.ndarray:
    """A stored array."""
    return np.array(stored["values"], stored["dtype"]).reshape(stored["shape"])


def data(name: str | None) -> np.ndarray | None:
    """A named input array."""
    return None if name is None else array(LIBRARY["data"][name])


def case_id(case: dict[str, Any]) -> str:
    """Class and arguments."""
    options = "-".join(f"{k}={v}" for k, v in case["arguments"].items())
    return f"{case['cls']}-{options}".rstrip("-")
