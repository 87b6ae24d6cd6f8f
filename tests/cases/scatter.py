"""Problems for indices along an axis and for rows named by several indices."""

from __future__ import annotations

from typing import Any

from cases.shape import DTYPES, operand

Case = dict[str, Any]
Shape = tuple[int, ...]

# Shape of x, of the indices, axis.
ALONGS: tuple[tuple[Shape, Shape, int], ...] = (
    ((5,), (0,), 0),
    ((5,), (7,), 0),
    ((0,), (3,), 0),
    ((4, 0), (2, 0), 0),
    ((9, 10), (9, 1), 1),
    ((9, 10), (1, 4), 1),
    ((9, 10), (3, 10), 0),
    ((1, 10), (6, 4), 1),
    ((9, 17), (9, 33), 1),
    ((4, 5, 6), (4, 3, 6), 1),
    ((4, 5, 6), (1, 3, 6), 1),
    ((4, 5, 1), (4, 5, 7), 2),
    ((4, 5, 6), (2, 5, 1), 0),
    ((3, 4, 5, 6), (3, 1, 2, 1), 2),
    ((70, 300), (70, 200), 1),
    ((300, 130), (90, 130), 0),
)
# Shape of the value, of the indices, whose last axis is d.
NAMES: tuple[tuple[Shape, Shape], ...] = (
    ((5,), (1,)),
    ((5,), (7, 1)),
    ((5,), (0, 1)),
    ((), (3, 0)),
    ((4, 3), (5, 0)),
    ((4, 3), (6, 1)),
    ((4, 3), (6, 2)),
    ((4, 0), (6, 1)),
    ((0, 3), (6, 1)),
    ((9, 17), (2, 3, 1)),
    ((3, 4, 5), (7, 2)),
    ((3, 4, 5), (30, 3)),
    ((3, 4, 2, 2), (11, 2)),
    ((50, 784), (200, 1)),
    ((30, 20, 70), (900, 2)),
    ((40, 50), (9000, 2)),
)


def along_cases() -> list[Case]:
    """Every case with indices all in range, and with some outside it."""
    cases: list[Case] = []
    for shape, indices, axis in ALONGS:
        size = shape[axis]
        for index in ("int32", "int64"):
            for low, high in ((0, max(size, 1)), (-2, size + 2)):
                where = (index, indices, ("int", low, high))
                for dtype in DTYPES:
                    inputs = [operand(dtype, shape), where]
                    attrs: Case = {"axis": axis}
                    cases.append(
                        {"op": "take_along_axis", "inputs": inputs, "attrs": attrs}
                    )
                for dtype in ("float32", "float64"):
                    attrs = {"axis": axis, "size": size}
                    inputs = [operand(dtype, indices), where]
                    op = "take_along_axis_grad"
                    cases.append({"op": op, "inputs": inputs, "attrs": attrs})
    return cases


def named_cases() -> list[Case]:
    """Every case with names all in range, and with some outside it."""
    cases: list[Case] = []
    for shape, indices in NAMES:
        depth = indices[-1]
        least = min(shape[:depth], default=1)
        rows = indices[:-1] + shape[depth:]
        for index in ("int32", "int64"):
            for low, high in ((0, max(least, 1)), (-1, least + 2)):
                names = (index, indices, ("int", low, high))
                for dtype in DTYPES:
                    x, updates = operand(dtype, shape), operand(dtype, rows)
                    calls: list[tuple[str, list[Any], Case]] = [
                        ("gather_nd", [x, names], {}),
                        ("scatter_update", [x, names, updates], {}),
                    ]
                    if dtype != "bool":
                        attrs = {"shape": list(shape)}
                        calls.append(("scatter_nd", [names, updates], attrs))
                    for op, inputs, attrs in calls:
                        cases.append({"op": op, "inputs": inputs, "attrs": attrs})
    return cases


CASES: list[Case] = along_cases() + named_cases()
