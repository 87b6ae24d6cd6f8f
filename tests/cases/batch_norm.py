"""Batch normalization: few channels and many, few rows and many, with its epilogues."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

SHAPES: tuple[tuple[int, ...], ...] = (
    (10,),
    (0, 10),
    (5, 0),
    (1, 1),
    (7, 3),
    (128, 10),
    (2, 3, 5, 16),
    (33, 17),
    (700, 6),
    (300, 100),
    (2, 9, 9, 64),
    (1500, 33),
    (20, 1030),
    (9, 3),
    (5000, 3),
    (40, 50, 16),
    (3001, 24),
    (900, 63),
    (600, 64),
    (70, 2000),
)
#: scale, center, residual, relu
FLAGS = ((0, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1), (1, 1, 1, 1))


def cases(dtype: str, shape: tuple[int, ...], kind: str) -> list[Case]:
    found: list[Case] = []
    x, channel = (dtype, shape, kind), (dtype, shape[-1:])
    for scale, center, residual, relu in FLAGS:
        attrs: dict[str, Any] = {"epsilon": 1e-3, "scale": scale, "center": center}
        attrs["residual"] = residual
        forward = [x, *[channel] * (scale + center), *[x] * residual]
        backward = [x, x, (*channel, "signed_unit"), (*channel, "positive")]
        backward += [channel] * scale + [(dtype, shape)] * relu
        name = {"activation": "relu"} if relu else {}
        found.append(
            {"op": "batch_norm", "inputs": forward, "attrs": {**attrs, **name}}
        )
        name = {"grad": "relu"} if relu else {}
        found.append(
            {"op": "batch_norm_grad", "inputs": backward, "attrs": {**attrs, **name}}
        )
    return found


CASES: list[Case] = [
    case
    for dtype in ("float32", "float64")
    for shape in SHAPES
    for kind in ("normal", "infinite")
    for case in cases(dtype, shape, kind)
] + [
    {
        "op": "batch_norm",
        "inputs": [("float32", shape, "far")],
        "attrs": {"epsilon": 1e-3},
    }
    for shape in ((4000, 40), (9000, 6), (5, 7), (1000, 130))
]
