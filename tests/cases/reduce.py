"""Problems for the reduce family: every pattern of axes."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
# Shape and axes; no extreme is taken of nothing.
PATTERNS: tuple[tuple[tuple[int, ...], list[int]], ...] = (
    ((), []),
    ((7,), []),
    ((1,), [0]),
    ((7,), [0]),
    ((16,), [0]),
    ((17,), [0]),
    ((33,), [0]),
    ((1000,), [0]),
    ((100003,), [0]),
    ((6, 33), [0]),
    ((6, 33), [1]),
    ((6, 33), [0, 1]),
    ((6, 33), []),
    ((0, 5), [1]),
    ((5, 1), [1]),
    ((1, 5), [0]),
    ((128, 10), [0]),
    ((128, 10), [1]),
    ((1000, 70), [0]),
    ((700, 300), [0]),
    ((700, 300), [1]),
    ((3, 40000), [1]),
    ((4, 5, 6), [1]),
    ((4, 5, 6), [0, 2]),
    ((4, 5, 6), [0, 1]),
    ((4, 5, 6), [1, 2]),
    ((4, 5, 6), [0, 1, 2]),
    ((3, 17, 19, 5), [0, 1, 2]),
    ((3, 17, 19, 5), [1, 2]),
    ((3, 17, 19, 5), [0, 2, 3]),
)
NOTHING: tuple[tuple[tuple[int, ...], list[int]], ...] = (
    ((0,), [0]),
    ((0, 5), [0]),
    ((5, 0), [1]),
)
ARGMAX: tuple[tuple[tuple[int, ...], int], ...] = (
    ((1,), 0),
    ((33,), 0),
    ((128, 10), 1),
    ((6, 33), 0),
    ((6, 1000), 1),
    ((4, 5, 6), 1),
    ((4, 5, 6), 2),
    ((0, 3), 1),
)


def reduce_cases() -> list[Case]:
    """sum, mean, max and min."""
    cases: list[Case] = []

    def add(op: str, operand: tuple[Any, ...], axes: list[int], keepdims: int) -> None:
        attrs = {"axes": axes, "keepdims": keepdims}
        cases.append({"op": op, "inputs": [operand], "attrs": attrs})

    for index, (shape, axes) in enumerate(PATTERNS):
        for op in ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min"):
            for dtype in FLOATS:
                add(op, (dtype, shape), axes, index % 2)
            if op != "reduce_mean":
                for dtype in INTEGERS:
                    add(op, (dtype, shape, ("int", 0, 50)), axes, index % 2)
        for dtype in FLOATS:
            add("reduce_prod", (dtype, shape, "near_one"), axes, index % 2)
        for dtype in INTEGERS:
            add("reduce_prod", (dtype, shape, ("int", 1, 6)), axes, index % 2)
    for shape, axes in NOTHING:
        for dtype in FLOATS:
            add("reduce_prod", (dtype, shape), axes, 0)
            add("reduce_sum", (dtype, shape), axes, 0)
            add("reduce_mean", (dtype, shape), axes, 1)
    for dtype in FLOATS:  # no overflow on the way, and zeros
        add("reduce_prod", (dtype, (40, 9), "powers"), [0], 0)
        add("reduce_prod", (dtype, (9, 40), "powers"), [1], 0)
        add("reduce_prod", (dtype, (9, 40), "zeros_and_ones"), [1], 0)
    for op in ("reduce_max", "reduce_min"):
        for dtype in FLOATS:
            add(op, (dtype, (96,), "special"), [0], 0)
            add(op, (dtype, (12, 8), "special"), [0], 0)
            add(op, (dtype, (8, 12), "special"), [1], 0)
    return cases


def argmax_cases() -> list[Case]:
    """argmax with ties and NaN."""
    cases: list[Case] = []
    for shape, axis in ARGMAX:
        for dtype in FLOATS + INTEGERS:
            for kind in (("int", 0, 4), "special"):
                if kind == "special" and dtype not in FLOATS:
                    continue
                inputs, attrs = [(dtype, shape, kind)], {"axis": axis}
                cases.append({"op": "argmax", "inputs": inputs, "attrs": attrs})
    return cases


CASES: list[Case] = reduce_cases() + argmax_cases()
