"""Problems for softmax and log_softmax."""

from __future__ import annotations

from typing import Any

SHAPES: tuple[tuple[int, ...], ...] = (
    (1,),
    (10,),
    (0, 10),
    (5, 0),
    (1, 1),
    (128, 10),
    (3, 7),
    (3, 15),
    (3, 16),
    (3, 17),
    (9, 33),
    (2, 3, 100),
    (5, 1000),
    (400, 257),
    (3, 1028),
    (2, 5001),
)

CASES: list[dict[str, Any]] = [
    {"op": op, "inputs": [(dtype, shape, kind)], "attrs": {}}
    for op in ("softmax", "log_softmax")
    for dtype in ("float32", "float64")
    for shape in SHAPES
    for kind in ("normal", "special")
]
