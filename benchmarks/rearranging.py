"""Sorting, scanning, gathering and moving elements: cases as data, calls by library.

Every library is timed as its users call it: one eager call on its own tensors, the
result in new memory. A transposition counts as one only when the elements have moved.
Tensors of some KB are left out: there the cost of a call is all (`figures/eager.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rearranging:
    """One call of an op. Those that gather have indices for a second operand."""

    family: str
    op: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    argument: Any = None  # k, axis, number of classes or permutation
    picked: tuple[int, ...] = ()  # the shape of the indices
    note: str = ""

    @property
    def name(self) -> str:
        sizes = "x".join(map(str, self.shape))
        words = [self.op, sizes, self.dtype, *([self.note] if self.note else [])]
        return "-".join(words)

    def operands(self) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        if self.op == "one_hot":
            return [rng.integers(0, self.argument, self.shape).astype(self.dtype)]
        if self.dtype.startswith("int"):
            x = rng.integers(-(2**31), 2**31, self.shape).astype(self.dtype)
        else:
            x = rng.standard_normal(self.shape).astype(self.dtype)
        if not self.picked:
            return [x]
        rows = self.shape[0 if self.op == "take" else self.argument]
        return [x, rng.integers(0, rows, self.picked)]


def _along(op: str, shape: tuple[int, ...], axis: int, note: str) -> Rearranging:
    return Rearranging(op, op, shape, argument=axis, note=note)


def _moved(perm: tuple[int, ...], *shapes: tuple[int, ...]) -> list[Rearranging]:
    note = "".join(map(str, perm))
    return [
        Rearranging("transpose", "transpose", shape, argument=perm, note=note)
        for shape in shapes
    ]


TOP_K = [
    Rearranging("top-k", "top_k", shape, argument=5)
    for shape in ((4096, 10), (1024, 1000), (64, 50_000), (50_000,))
]
SORTS = [
    Rearranging("sort", op, shape, dtype)
    for op in ("sort", "argsort")
    for dtype in ("float32", "int32")
    for shape in ((1_000_000,), (2048, 512), (16_384, 64))
]
CUMSUMS = [
    _along("cumsum", (1024, 1024), -1, "last"),
    _along("cumsum", (1024, 1024), 0, "first"),
    _along("cumsum", (1_000_000,), 0, "flat"),
    _along("cumsum", (10_000_000,), 0, "flat"),
    _along("cumsum", (256, 256), -1, "last"),
]
GATHERS = [
    Rearranging("gather", "take", (100_000, 64), picked=(4096,)),
    Rearranging("gather", "take", (10_000, 300), picked=(128, 64)),
    Rearranging("gather", "take", (1_000_000,), picked=(100_000,)),
    Rearranging(
        "gather", "take_along_axis", (1024, 1000), argument=1, picked=(1024, 100)
    ),
    Rearranging(
        "gather", "take_along_axis", (1000, 1024), argument=0, picked=(100, 1024)
    ),
]
ONE_HOTS = [
    Rearranging("one-hot", "one_hot", (4096,), "int64", classes, note=str(classes))
    for classes in (10, 1000)
]
TRANSPOSES = [
    *_moved(
        (1, 0), (256, 256), (1024, 1024), (4096, 4096), (100_000, 10), (10, 100_000)
    ),
    *_moved((0, 2, 1), (32, 64, 64), (64, 512, 256)),
    *_moved((0, 3, 1, 2), (8, 16, 16, 32), (32, 56, 56, 64), (32, 224, 224, 3)),
    *_moved((0, 2, 3, 1), (8, 32, 16, 16), (32, 64, 56, 56), (32, 3, 224, 224)),
]
REARRANGING = {
    case.name: case
    for case in [*TOP_K, *SORTS, *CUMSUMS, *GATHERS, *ONE_HOTS, *TRANSPOSES]
}


#: ``call(argument, *operands)`` of a library, by op.
Calls = dict[str, Callable[..., Any]]


def call_of(case: Rearranging, calls: Calls, operands: list[Any]) -> Callable[[], Any]:
    """The timed call of one library."""
    function = calls[case.op]
    return lambda: function(case.argument, *operands)
