"""Problems for take and take_grad: rows of every width, repeated and bad indices."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

# Table shape and index shape.
TAKES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((5,), ()),
    ((5,), (7,)),
    ((5, 3), (0,)),
    ((5, 0), (4,)),
    ((0, 3), (4,)),
    ((9, 16), (3, 4)),
    ((9, 17), (33,)),
    ((9, 4, 5), (2, 3)),
    ((50, 784), (200,)),
    ((1000, 64), (64, 20)),
    ((7, 2), (4200,)),
    ((300, 70), (500,)),
)
DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


def gather_cases() -> list[Case]:
    """Every case with indices all in range, and with some outside it."""
    cases: list[Case] = []
    for table, shape in TAKES:
        rows = table[0]
        for index in ("int32", "int64"):
            for low, high in ((0, max(rows, 1)), (-2, rows + 2)):
                indices = (index, shape, ("int", low, high))
                for dtype in DTYPES:
                    kind: Any = "bool" if dtype == "bool" else ("int", 0, 99)
                    inputs = [(dtype, table, kind), indices]
                    cases.append({"op": "take", "inputs": inputs, "attrs": {}})
                for dtype in ("float32", "float64"):
                    inputs = [(dtype, shape + table[1:]), indices]
                    attrs = {"rows": rows}
                    cases.append({"op": "take_grad", "inputs": inputs, "attrs": attrs})
    return cases


CASES: list[Case] = gather_cases()
