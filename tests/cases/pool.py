"""Pooling: windows that overlap, leave places out, stick out; one to three axes."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

#: x, window, strides, low, high.
PROBLEMS: list[tuple[tuple[int, ...], list[int], list[int], list[int], list[int]]] = [
    ((1, 1, 1), [1], [1], [0], [0]),
    ((2, 9, 3), [3], [2], [1], [1]),
    ((2, 300, 2), [257], [20], [0], [3]),
    ((2, 4, 4, 1), [2, 2], [2, 2], [0, 0], [0, 0]),
    ((1, 5, 7, 3), [2, 2], [2, 2], [0, 0], [1, 1]),
    ((2, 9, 8, 17), [3, 3], [2, 2], [0, 0], [1, 1]),
    ((1, 9, 9, 16), [3, 3], [1, 1], [1, 1], [1, 1]),
    ((1, 9, 9, 33), [2, 2], [2, 2], [0, 0], [0, 0]),
    ((1, 7, 11, 5), [2, 3], [3, 4], [0, 0], [0, 0]),
    ((1, 6, 6, 4), [3, 3], [2, 1], [2, 0], [0, 2]),
    ((1, 5, 5, 64), [5, 5], [1, 1], [0, 0], [0, 0]),
    ((1, 4, 5, 6, 3), [2, 2, 3], [2, 1, 3], [0, 1, 0], [0, 0, 0]),
    ((0, 4, 4, 3), [2, 2], [2, 2], [0, 0], [0, 0]),
    ((2, 4, 4, 0), [2, 2], [2, 2], [0, 0], [0, 0]),
    ((2, 32, 32, 32), [2, 2], [2, 2], [0, 0], [0, 0]),
    ((2, 33, 31, 40), [3, 3], [2, 2], [1, 1], [1, 1]),
    ((3, 28, 28, 6), [2, 2], [2, 2], [0, 0], [0, 0]),
    ((2, 11, 10, 20), [2, 2], [3, 2], [0, 0], [0, 0]),
    ((1, 13, 12, 6), [3, 3], [2, 2], [1, 0], [0, 1]),
    ((2, 7, 9, 24), [3, 3], [3, 3], [1, 2], [1, 0]),
    ((1, 24, 23, 6), [3, 3], [1, 1], [1, 1], [1, 1]),
    ((2, 7, 7, 48), [7, 7], [7, 7], [0, 0], [0, 0]),
    ((1, 600, 3), [300], [300], [0], [0]),
]


def cases(dtype: str, problem: Any, kind: str) -> list[Case]:
    x, window, strides, low, high = problem
    attrs = {"window": window, "strides": strides, "low": low, "high": high}
    places = [
        (size + a + b - w) // s + 1
        for size, a, b, w, s in zip(x[1:-1], low, high, window, strides, strict=True)
    ]
    out = (x[0], *places, x[-1])
    taps = 1
    for w in window:
        taps *= w
    index = ("uint8" if taps <= 256 else "int32", out, ("integers", 0, taps))
    back = {**attrs, "size": list(x[1:-1])}
    found: list[Case] = [
        {"op": "max_pool", "inputs": [(dtype, x, kind)], "attrs": attrs},
        {"op": "max_pool_grad", "inputs": [(dtype, out, kind), index], "attrs": back},
    ]
    for count in (0, 1):
        counted = {"count_padding": count}
        found += [
            {
                "op": "avg_pool",
                "inputs": [(dtype, x, kind)],
                "attrs": {**attrs, **counted},
            },
            {
                "op": "avg_pool_grad",
                "inputs": [(dtype, out, kind)],
                "attrs": {**back, **counted},
            },
        ]
    return found


CASES: list[Case] = [
    case
    for dtype in ("float32", "float64")
    for problem in PROBLEMS
    for kind in ("normal", "infinite", "small")
    for case in cases(dtype, problem, kind)
] + [
    # indices of no place of the window
    {
        "op": "max_pool_grad",
        "inputs": [
            (dtype, (2, 4, 4, channels)),
            ("uint8", (2, 4, 4, channels), ("integers", 0, 256)),
        ],
        "attrs": {
            "window": [3, 3],
            "strides": strides,
            "low": [0, 0],
            "high": [1, 1],
            "size": [3 * strides[0] + 2, 3 * strides[1] + 2],
        },
    }
    for dtype in ("float32", "float64")
    for channels in (5, 16)
    for strides in ([2, 2], [3, 3])
]
