"""Problems for the shape family: moving, filling and one-hot."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
# Shape and permutation.
TRANSPOSES: tuple[tuple[tuple[int, ...], list[int]], ...] = (
    ((), []),
    ((5,), [0]),
    ((0, 3), [1, 0]),
    ((1, 9), [1, 0]),
    ((7, 9), [1, 0]),
    ((16, 16), [1, 0]),
    ((33, 65), [1, 0]),
    ((128, 300), [1, 0]),
    ((63, 64), [1, 0]),
    ((129, 15), [1, 0]),
    ((17, 130), [1, 0]),
    ((2, 1100), [1, 0]),
    ((3, 77), [1, 0]),
    ((4, 66), [1, 0]),
    ((1100, 2), [1, 0]),
    ((77, 3), [1, 0]),
    ((66, 4), [1, 0]),
    ((20_000, 3), [1, 0]),
    ((5, 9_000), [1, 0]),
    ((4, 5, 6), [0, 2, 1]),
    ((4, 5, 6), [2, 0, 1]),
    ((4, 5, 6), [1, 0, 2]),
    ((4, 5, 6), [2, 1, 0]),
    ((2, 17, 19, 3), [0, 3, 1, 2]),
    ((2, 3, 17, 19), [0, 2, 3, 1]),
    ((2, 3, 2, 2, 3, 2, 2, 3), [7, 0, 6, 1, 5, 2, 4, 3]),
)
BROADCASTS: tuple[tuple[tuple[int, ...], list[int]], ...] = (
    ((), []),
    ((), [3, 5]),
    ((5,), [4, 5]),
    ((4, 1), [4, 5]),
    ((1, 5), [2, 4, 5]),
    ((4, 1, 5), [4, 3, 5]),
    ((1,), [0]),
    ((300,), [130, 300]),
    ((130, 1), [130, 300]),
)
# Shapes and axis.
CONCATENATIONS: tuple[tuple[tuple[tuple[int, ...], ...], int], ...] = (
    (((5,),), 0),
    (((5,), (0,), (3,)), 0),
    (((4, 3), (2, 3)), 0),
    (((4, 3), (4, 1), (4, 7)), 1),
    (((2, 3, 4), (2, 5, 4)), 1),
    (((130, 200), (130, 57)), 1),
    (((3, 2),) * 20, 1),
)
# Shape, begin, end, stride.
SLICES: tuple[tuple[tuple[int, ...], list[int], list[int], list[int]], ...] = (
    ((), [], [], []),
    ((9,), [2], [7], [1]),
    ((9,), [1], [9], [3]),
    ((9,), [4], [4], [1]),
    ((6, 33), [1, 0], [5, 33], [1, 1]),
    ((6, 33), [0, 3], [6, 31], [1, 2]),
    ((6, 33), [5, 32], [6, 33], [1, 1]),
    ((4, 5, 6), [0, 1, 2], [4, 5, 6], [2, 3, 1]),
    ((300, 200), [3, 7], [299, 200], [2, 1]),
)
# Shape, low, high, value.
PADS: tuple[tuple[tuple[int, ...], list[int], list[int], float], ...] = (
    ((), [], [], 0.0),
    ((5,), [2], [3], 1.0),
    ((5,), [0], [0], 1.0),
    ((0,), [2], [1], 7.0),
    ((3, 4), [1, 2], [0, 3], 2.0),
    ((2, 9, 9, 3), [0, 1, 1, 0], [0, 1, 1, 0], 0.0),
    ((130, 200), [1, 0], [1, 57], 3.0),
)


# Shape of the indices and depth.
HOT = (((), 3), ((0,), 4), ((17,), 10), ((4, 5), 1), ((9,), 0))


def operand(dtype: str, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Values that fit every dtype."""
    if dtype == "bool":
        return (dtype, shape, "bool")
    if dtype.startswith("float"):
        return (dtype, shape)
    return (dtype, shape, ("int", 0, 99))


def move_cases() -> list[Case]:
    """transpose, broadcast_to, concatenate, slice, pad."""
    cases: list[Case] = []

    def add(op: str, inputs: list[Any], **attrs: Any) -> None:
        cases.append({"op": op, "inputs": inputs, "attrs": attrs})

    for dtype in DTYPES:
        for shape, perm in TRANSPOSES:
            add("transpose", [operand(dtype, shape)], perm=perm)
        for shape, target in BROADCASTS:
            add("broadcast_to", [operand(dtype, shape)], shape=target)
        for shapes, axis in CONCATENATIONS:
            add("concatenate", [operand(dtype, s) for s in shapes], axis=axis)
        for shape, begin, end, stride in SLICES:
            add("slice", [operand(dtype, shape)], begin=begin, end=end, stride=stride)
        for shape, low, high, value in PADS:
            fill = min(value, 1.0) if dtype == "bool" else value
            add("pad", [operand(dtype, shape)], low=low, high=high, value=fill)
    return cases


def made_cases() -> list[Case]:
    """full and one_hot."""
    cases: list[Case] = []
    for dtype in DTYPES:
        for shape in ([], [0], [5], [33, 7], [300, 300]):
            attrs: Case = {"shape": shape, "dtype": dtype, "value": 1.0}
            cases.append({"op": "full", "inputs": [], "attrs": attrs})
        for index in ("int32", "int64"):
            for shape, depth in HOT:
                attrs = {"depth": depth, "dtype": dtype}
                inputs = [(index, shape, ("int", -1, depth + 1))]
                cases.append({"op": "one_hot", "inputs": inputs, "attrs": attrs})
    for value in (-2.5, float("inf"), float("nan")):
        attrs = {"shape": [19], "dtype": "float32", "value": value}
        cases.append({"op": "full", "inputs": [], "attrs": attrs})
    return cases


CASES: list[Case] = move_cases() + made_cases()
