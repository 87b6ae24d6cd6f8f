"""Problems for cumsum and cumprod: lines and rows of every length."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

# Shape and axis.
SHAPES: tuple[tuple[tuple[int, ...], int], ...] = (
    ((0,), 0),
    ((1,), 0),
    ((3, 0), 0),
    ((5,), 0),
    ((16,), 0),
    ((33,), 0),
    ((1000,), 0),
    ((9, 7), 0),
    ((9, 7), 1),
    ((5, 64), 1),
    ((4, 5, 6), 1),
    ((600, 3), 0),
    ((300, 140), 0),
    ((130, 300), 1),
    ((2, 40, 300), 1),
)
NUMBERS = (
    *("float32", "float64", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32"),
)
EXTREMES = (((40,), 0), ((5, 33), 1), ((33, 5), 0))


def cumulative_cases() -> list[Case]:
    """Both directions; integers that wrap; infinities and NaN."""
    cases: list[Case] = []
    for op in ("cumsum", "cumprod"):
        for shape, axis in SHAPES:
            for dtype in NUMBERS:
                for reverse in (0, 1):
                    x: tuple[Any, ...] = (dtype, shape, ("int", 0, 99))
                    if dtype.startswith("float"):
                        x = (dtype, shape, "factors" if op == "cumprod" else "normal")
                    attrs = {"axis": axis, "reverse": reverse}
                    cases.append({"op": op, "inputs": [x], "attrs": attrs})
    for shape, axis in EXTREMES:
        for dtype in ("float32", "float64"):
            inputs = [(dtype, shape, "infinite")]
            cases.append({"op": "cumsum", "inputs": inputs, "attrs": {"axis": axis}})
    return cases


CASES: list[Case] = cumulative_cases()
