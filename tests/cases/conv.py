"""Convolutions: tails of channels and places, strides, dilation, groups, padding on one
side, windows larger than images, first layers, one to three axes."""

from __future__ import annotations

import math
from typing import Any

Case = dict[str, Any]

#: x, window, filters, and what differs from strides 1, dilations 1, no padding.
Problem = tuple[tuple[int, ...], tuple[int, ...], int, dict[str, Any]]


def same(window: tuple[int, ...]) -> dict[str, Any]:
    """Padding that keeps the size at stride 1."""
    return {"low": [(r - 1) // 2 for r in window], "high": [r // 2 for r in window]}


PROBLEMS: list[Problem] = [
    ((1, 1, 1), (1,), 1, {}),
    ((2, 9, 3), (3,), 5, {"low": [2]}),
    ((2, 17, 4), (5,), 6, {"strides": [2], "dilations": [3]}),
    ((1, 4, 5, 1), (2, 3), 2, {}),
    ((2, 5, 7, 3), (3, 3), 17, same((3, 3))),
    ((2, 28, 28, 1), (5, 5), 6, {}),
    ((2, 14, 14, 6), (5, 5), 16, {}),
    ((1, 28, 28, 1), (3, 3), 32, same((3, 3))),
    ((1, 23, 19, 3), (7, 7), 64, {"strides": [2, 2], "low": [3, 3], "high": [3, 3]}),
    ((1, 35, 35, 3), (11, 11), 24, {"strides": [4, 4], "low": [2, 1], "high": [2, 3]}),
    ((1, 8, 8, 16), (3, 3), 32, same((3, 3))),
    ((2, 15, 13, 32), (3, 3), 64, same((3, 3))),
    ((1, 14, 14, 64), (3, 3), 32, same((3, 3))),
    ((1, 7, 7, 48), (3, 3), 33, same((3, 3))),
    ((1, 12, 12, 40), (3, 3), 80, {}),
    # Winograd: tails of channels, filters and tiles, padding on one side, in parts
    ((2, 13, 18, 20), (3, 3), 24, {"low": [2, 0], "high": [0, 2]}),
    ((1, 12, 13, 80), (3, 3), 144, same((3, 3))),
    ((2, 12, 12, 136), (3, 3), 48, same((3, 3))),
    ((9, 16, 17, 33), (3, 3), 35, {"low": [0, 2], "high": [1, 1]}),
    ((3, 14, 14, 31), (3, 3), 29, {"strides": [2, 2], "low": [0, 0], "high": [1, 1]}),
    ((1, 14, 14, 32), (3, 3), 32, {"strides": [2, 2], "low": [1, 1], "high": [1, 1]}),
    ((1, 10, 9, 16), (5, 5), 32, same((5, 5))),
    ((1, 12, 11, 17), (3, 3), 15, {"dilations": [2, 3], **same((5, 7))}),
    ((2, 9, 9, 64), (1, 1), 48, {}),
    ((2, 9, 10, 20), (1, 1), 33, {"strides": [2, 2]}),
    ((1, 6, 6, 4), (1, 1), 3, {"strides": [3, 1], "low": [1, 0], "high": [0, 2]}),
    ((1, 6, 6, 12), (3, 3), 12, {"groups": 3, **same((3, 3))}),
    ((1, 6, 7, 64), (3, 3), 64, {"groups": 2, **same((3, 3))}),
    ((2, 9, 8, 35), (3, 3), 35, {"groups": 35, **same((3, 3))}),
    ((1, 9, 8, 16), (3, 3), 48, {"groups": 16, "strides": [2, 2]}),
    ((1, 11, 9, 5), (3, 3), 5, {"groups": 5, "strides": [2, 2], **same((3, 3))}),
    ((1, 12, 12, 20), (3, 3), 20, {"groups": 20, "strides": [2, 2], "high": [1, 1]}),
    ((2, 12, 14, 24), (5, 5), 24, {"groups": 24, **same((5, 5))}),
    ((1, 13, 15, 16), (5, 5), 16, {"groups": 16, "strides": [2, 2], **same((5, 5))}),
    ((1, 11, 12, 8), (7, 7), 8, {"groups": 8, **same((7, 7))}),
    ((1, 14, 13, 8), (7, 7), 8, {"groups": 8, "strides": [2, 2], **same((7, 7))}),
    ((1, 12, 11, 6), (3, 3), 12, {"groups": 6, "dilations": [2, 3], **same((5, 7))}),
    ((1, 11, 12, 9), (3, 2), 9, {"groups": 9, "strides": [3, 2], "dilations": [1, 4]}),
    ((2, 20, 6), (3,), 12, {"groups": 6, "low": [2]}),
    ((1, 5, 6, 9, 4), (2, 3, 3), 4, {"groups": 4, "strides": [2, 1, 2]}),
    ((0, 6, 6, 4), (3, 3), 4, {"groups": 4}),
    ((1, 5, 5, 3), (5, 3), 4, {"low": [4, 0], "high": [0, 2]}),
    ((1, 2, 2, 3), (5, 5), 4, {"low": [2, 2], "high": [2, 2]}),
    ((1, 3, 40, 2), (1, 7), 3, {"low": [0, 3], "high": [0, 3], "strides": [2, 5]}),
    ((1, 4, 5, 6, 3), (2, 3, 2), 4, {"low": [0, 1, 1], "high": [1, 1, 0]}),
    ((1, 5, 6, 7, 16), (3, 3, 3), 16, {"strides": [2, 1, 2], "dilations": [1, 2, 1]}),
    ((0, 6, 6, 3), (3, 3), 4, {}),
    ((2, 6, 6, 0), (3, 3), 4, {}),
    ((2, 6, 6, 3), (3, 3), 0, {}),
    # around the register tiles: 14 or 6 places, 16 or 32 filters, 14 or 6 channels
    ((1, 3, 13, 15), (3, 3), 31, same((3, 3))),
    ((1, 3, 15, 13), (3, 3), 32, same((3, 3))),
    ((2, 2, 29, 6), (1, 5), 16, same((1, 5))),
    ((1, 4, 28, 7), (3, 3), 17, {**same((3, 3)), "strides": [1, 2]}),
    ((1, 5, 5, 14), (5, 5), 49, same((5, 5))),
    ((1, 4, 3, 65), (2, 3), 8, {"low": [1, 2], "high": [0, 4]}),
    # residues of strides and dilations: with a common divisor, without taps
    ((1, 13, 12, 5), (3, 2), 7, {"strides": [4, 3], "dilations": [2, 3]}),
    ((1, 9, 17, 3), (2, 3), 5, {"strides": [3, 4], "dilations": [1, 2], "low": [2, 7]}),
    ((1, 2, 9, 4), (1, 2), 20, {"strides": [2, 5], "groups": 2, "high": [0, 5]}),
    # one window over whole axes, and points: products
    ((3, 5, 4, 6), (5, 4), 12, {}),
    ((2, 7, 5, 4), (1, 5), 9, {}),
    ((4, 1, 1, 17), (1, 1), 33, {}),
    ((2, 700, 3), (9,), 6, {"low": [4], "high": [4]}),
    # a result that is stored past the caches
    ((4, 320, 321, 1), (1, 1), 16, {}),
    # large enough to be cut into pieces
    ((1, 5000, 2), (7,), 24, {"low": [3], "high": [3], "strides": [2]}),
    ((4, 16, 16, 40), (5, 5), 72, {**same((5, 5)), "groups": 2}),
    ((3, 17, 19, 130), (3, 3), 65, {**same((3, 3)), "strides": [2, 2]}),
    ((1, 7, 7, 192), (3, 3), 160, same((3, 3))),
    ((4, 28, 28, 32), (3, 3), 48, same((3, 3))),
    ((2, 40, 40, 64), (1, 1), 96, {}),
    ((8, 28, 28, 1), (5, 5), 20, same((5, 5))),
    ((2, 32, 32, 64), (3, 3), 64, {"groups": 64, **same((3, 3))}),
    ((2, 33, 31, 40), (3, 3), 80, {"groups": 40, "strides": [2, 2], **same((3, 3))}),
    ((2, 56, 56, 64), (3, 3), 64, same((3, 3))),
    ((2, 14, 14, 256), (3, 3), 64, same((3, 3))),
]  # fmt: skip


def shared(x: tuple[int, ...], window: tuple[int, ...], own: dict[str, Any]) -> Any:
    """The attributes of all three ops, and the places of the result."""
    axes = len(window)
    attrs: dict[str, Any] = {
        "strides": [1] * axes,
        "dilations": [1] * axes,
        "low": [0] * axes,
        "high": [0] * axes,
        **own,
    }
    places = tuple(
        (size + low + high - dilation * (taps - 1) - 1) // stride + 1
        for size, low, high, dilation, taps, stride in zip(
            x[1:-1], attrs["low"], attrs["high"], attrs["dilations"], window,
            attrs["strides"], strict=True,
        )
    )  # fmt: skip
    return attrs, places


def three_passes(dtype: str, problem: Problem, kind: str) -> list[Case]:
    x, window, filters, own = problem
    attrs, places = shared(x, window, own)
    weight = (*window, x[-1] // attrs.get("groups", 1), filters)
    out = (x[0], *places, filters)
    to_x = {**attrs, "size": list(x[1:-1])}
    to_w = {**attrs, "window": list(window)}
    a, w, g = (dtype, x, kind), (dtype, weight), (dtype, out, kind)
    return [
        {"op": "conv", "inputs": [a, w], "attrs": attrs},
        {"op": "conv_grad_x", "inputs": [g, w], "attrs": to_x},
        {"op": "conv_grad_w", "inputs": [a, g], "attrs": to_w},
    ]


EPILOGUES: list[dict[str, Any]] = [
    {"bias": 1},
    {"bias": 1, "activation": "relu"},
    {"bias": 1, "residual": 1, "activation": "relu"},
    {"residual": 1, "activation": "sigmoid"},
    {"activation": "tanh"},
]


def with_epilogues(dtype: str, problem: Problem) -> list[Case]:
    x, window, filters, own = problem
    attrs, places = shared(x, window, own)
    weight = (*window, x[-1] // attrs.get("groups", 1), filters)
    out = (x[0], *places, filters)
    found: list[Case] = []
    for epilogue in EPILOGUES:
        inputs = [(dtype, x), (dtype, weight)]
        inputs += [(dtype, (filters,))] * epilogue.get("bias", 0)
        inputs += [(dtype, out)] * epilogue.get("residual", 0)
        found.append({"op": "conv", "inputs": inputs, "attrs": {**attrs, **epilogue}})
    for grad, kind in (
        ("relu", "normal"),
        ("sigmoid", "unit"),
        ("tanh", "signed_unit"),
    ):
        extra = {"size": list(x[1:-1]), "grad": grad}
        inputs = [(dtype, out), (dtype, weight), (dtype, x, kind)]
        found.append(
            {"op": "conv_grad_x", "inputs": inputs, "attrs": {**attrs, **extra}}
        )
    extra = {"window": list(window), "column_sum": 1}
    inputs = [(dtype, x), (dtype, out)]
    found.append({"op": "conv_grad_w", "inputs": inputs, "attrs": {**attrs, **extra}})
    return found


def work(problem: Problem) -> int:
    """Products, roughly."""
    x, window, filters, _ = problem
    return math.prod(x) * math.prod(window) * filters


CASES: list[Case] = [
    case
    for dtype in ("float32", "float64")
    for problem in PROBLEMS
    for case in (
        *three_passes(dtype, problem, "normal"),
        *(with_epilogues(dtype, problem) if work(problem) < 4e6 else ()),
    )
]
