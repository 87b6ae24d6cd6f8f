"""Problems for the sort family: rows of every length, many equals, NaN."""

from __future__ import annotations

from typing import Any

from cases.cumulative import NUMBERS

Case = dict[str, Any]
Shape = tuple[int, ...]

SHAPES: tuple[Shape, ...] = (
    (0,),
    (1,),
    (2,),
    (3, 0),
    (0, 3),
    (3, 5),
    (2, 16),
    (2, 3, 33),
    (3, 127),
    (3, 128),
    (3, 129),
    (2, 700),
    (7000,),
    (40, 300),
    (33, 15),
    (37, 10),
    (16, 63),
    (19, 65),
    (33, 17),
    (17, 64),
    (9, 512),
    (8, 1025),
)
KEPT = (0, 1, 2, 5, 8, 9, 40, 128, 300)
# Shapes of sorted and of the values.
SEARCHES: tuple[tuple[Shape, Shape], ...] = (
    ((0,), (5,)),
    ((1,), (5,)),
    ((5,), ()),
    ((7,), (0,)),
    ((8,), (3, 5)),
    ((100,), (77,)),
    ((4, 9), (4, 6)),
    ((2, 3, 10), (2, 3, 17)),
    ((3000,), (20000,)),
)


def contents(dtype: str) -> list[Any]:
    """Kinds of operands: many equals, and for floats all sorts of values."""
    if dtype.startswith("float"):
        return ["normal", "special", ("int", -3, 4)]
    low = 0 if dtype.startswith("u") else -100
    return [("int", low, 120), ("int", 0, 4)]


def sort_cases() -> list[Case]:
    """sort, argsort, top_k, searchsorted."""
    cases: list[Case] = []

    def add(op: str, inputs: list[Any], **attrs: Any) -> None:
        cases.append({"op": op, "inputs": inputs, "attrs": attrs})

    for dtype in NUMBERS:
        for kind in contents(dtype):
            for shape in SHAPES:
                x = (dtype, shape, kind)
                add("sort", [x])
                add("argsort", [x])
                for k in KEPT:
                    if k <= shape[-1]:
                        add("top_k", [x], k=k)
            for rows, values in SEARCHES:
                for right in (0, 1):
                    inputs = [(dtype, rows, ("sorted", kind)), (dtype, values, kind)]
                    add("searchsorted", inputs, right=right)
    return cases


CASES: list[Case] = sort_cases()
