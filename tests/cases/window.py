"""Problems for flip, dynamic_slice and dynamic_update_slice."""

from __future__ import annotations

from typing import Any

from cases.shape import DTYPES, operand

Case = dict[str, Any]

# Shape and axes.
FLIPS: tuple[tuple[tuple[int, ...], list[int]], ...] = (
    ((), []),
    ((5,), []),
    ((0, 3), [0, 1]),
    ((1, 7), [0]),
    ((33,), [0]),
    ((7, 9), [0]),
    ((7, 9), [1]),
    ((6, 16), [0, 1]),
    ((3, 4, 5), [1]),
    ((3, 4, 5), [0, 2]),
    ((130, 300), [1]),
    ((130, 304), [0]),
    ((2, 3, 2, 2, 3, 2, 2, 3), [0, 3, 5, 7]),
)
# Shape and sizes of the window.
WINDOWS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((9,), (4,)),
    ((9,), (0,)),
    ((9,), (9,)),
    ((0, 3), (0, 2)),
    ((6, 33), (3, 17)),
    ((6, 33), (6, 1)),
    ((4, 5, 6), (1, 5, 3)),
    ((4, 5, 6), (4, 2, 6)),
    ((300, 200), (170, 200)),
    ((130, 300), (130, 150)),
)


def window_cases() -> list[Case]:
    """Starts inside and far outside."""
    cases: list[Case] = []
    for dtype in DTYPES:
        for shape, axes in FLIPS:
            inputs = [operand(dtype, shape)]
            cases.append({"op": "flip", "inputs": inputs, "attrs": {"axes": axes}})
        for shape, sizes in WINDOWS:
            for low, high in ((0, 4), (-(2**62), 2**62)):
                start = ("int64", (len(shape),), ("int", low, high))
                x = operand(dtype, shape)
                attrs = {"sizes": list(sizes)}
                cases.append(
                    {"op": "dynamic_slice", "inputs": [x, start], "attrs": attrs}
                )
                inputs = [x, operand(dtype, sizes), start]
                cases.append(
                    {"op": "dynamic_update_slice", "inputs": inputs, "attrs": {}}
                )
    return cases


CASES: list[Case] = window_cases()
