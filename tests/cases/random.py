"""Problems for the random family; the reference kernels define every bit."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

SHAPES: tuple[list[int], ...] = (
    [],
    [0],
    [1],
    [3],
    [4],
    [5],
    [15],
    [16],
    [63],
    [64],
    [65],
    [67],
    [129],
    [7, 11],
    [300, 401],
)
#: dtype, low and high of whole numbers.
INTEGERS = (
    ("int8", -128, 128),
    ("int16", -5, 9),
    ("int32", 0, 10),
    ("int32", -(2**31), 2**31),
    ("int64", -3, 2**40),
    ("int64", -(2**63), 2**63 - 1),
    ("uint8", 0, 256),
    ("uint16", 7, 8),
    ("uint32", 0, 2**32),
)
SEED = ("uint32", (2,), "seed")


def random_cases() -> list[Case]:
    """Every generator and dropout rate over lengths and dtypes."""
    cases: list[Case] = []
    for dtype in ("float32", "float64"):
        for shape in SHAPES:
            for low, high in ((0.0, 1.0), (-2.0, 3.0)):
                attrs: Case = {"shape": shape, "dtype": dtype, "low": low, "high": high}
                cases.append({"op": "random_uniform", "inputs": [SEED], "attrs": attrs})
            for op in ("random_normal", "truncated_normal"):
                for mean, stddev in ((0.0, 1.0), (1.0, 0.05)):
                    attrs = {"shape": shape, "dtype": dtype}
                    attrs |= {"mean": mean, "stddev": stddev}
                    cases.append({"op": op, "inputs": [SEED], "attrs": attrs})
            for rate in (0.0, 0.2, 0.5, 0.999):
                inputs = [(dtype, tuple(shape)), SEED]
                attrs = {"rate": rate}
                cases.append({"op": "dropout", "inputs": inputs, "attrs": attrs})
        cases.append(
            {
                "op": "dropout",
                "inputs": [(dtype, (96,), "special"), SEED],
                "attrs": {"rate": 0.5},
            }
        )
    for dtype, low, high in INTEGERS:
        for shape in SHAPES:
            attrs = {"shape": shape, "dtype": dtype, "low": low, "high": high}
            cases.append({"op": "random_integers", "inputs": [SEED], "attrs": attrs})
    return cases


CASES: list[Case] = random_cases()
