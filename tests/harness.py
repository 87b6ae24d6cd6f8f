"""One harness for every kernel: cases are data, the oracle is NumPy.

A case is ``{"op", "inputs", "attrs"}``; an input ``(dtype, shape)`` or
``(dtype, shape, kind)``. `tests/cases/` has the tables, a module for each op family.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cases
from numpy_reference import reference
from pydl import _core

Array = NDArray[Any]

#: Not run by a kernel: control of a plan, and an alias of its operand.
WITHOUT_KERNEL = frozenset({"if", "loop", "reshape"})
#: `PYDL_CASE_STEP=3`: every third case of an op, for slow builds. A kernel that none of
#: them reaches still gets the others.
STEP = int(os.environ.get("PYDL_CASE_STEP", "1"))
GUARD = 64
POISON = 0xA5


@dataclass(frozen=True)
class Case:
    """One problem, with a seed of its own."""

    op: str
    inputs: tuple[tuple[Any, ...], ...]
    attrs: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.op} inputs={list(self.inputs)} attrs={self.attrs}"

    def arrays(self) -> list[Array]:
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        return [make_array(rng, *spec) for spec in self.inputs]


@cache
def all_cases() -> dict[str, list[Case]]:
    """The cases of every opcode, by its name."""
    found: dict[str, list[Case]] = {}
    for module in pkgutil.iter_modules(cases.__path__):
        for entry in importlib.import_module(f"cases.{module.name}").CASES:
            case = Case(entry["op"], tuple(entry["inputs"]), entry["attrs"])
            found.setdefault(case.op, []).append(case)
    return found


def chosen_cases(op: str) -> Iterator[tuple[int, Case, bool]]:
    """The cases of an op by index: first those to run, then (False) the others."""
    cases = list(enumerate(all_cases()[op]))
    for index, case in cases[::STEP]:
        yield index, case, True
    for index, case in cases:
        if index % STEP:
            yield index, case, False


def opcodes() -> list[str]:
    """The opcodes a kernel can run."""
    return [name for name, _ in _core.opcodes() if name not in WITHOUT_KERNEL]


# -- inputs ---------------------------------------------------------------------------


def make_array(
    rng: np.random.Generator, dtype: str, shape: tuple[int, ...], kind: Any = None
) -> Array:
    """An array of the kind a case asks for."""
    shape = tuple(shape)
    if isinstance(kind, tuple) and kind[0] == "sorted":
        return np.sort(make_array(rng, dtype, shape, kind[1]), axis=-1)
    if isinstance(kind, tuple):
        _, low, high = kind
        return rng.integers(low, max(high, low + 1), shape).astype(dtype)
    if kind is None:
        kind = {"f": "normal", "b": "bool"}.get(np.dtype(dtype).kind, "small")
    return np.asarray(KINDS[kind](rng, shape, dtype)).astype(dtype).reshape(shape)


def special_values(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str
) -> Array:
    """Infinities, NaN, both zeros, extremes and subnormals among ordinary numbers."""
    info = np.finfo(dtype)
    values = np.array(
        [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 30.0, -30.0]
        + [info.max, info.min, info.tiny, -info.tiny, info.smallest_subnormal],
        dtype,
    )
    out = rng.choice(values, shape)
    ordinary = rng.random(shape) < 0.4
    return np.where(ordinary, rng.standard_normal(shape).astype(dtype), out)


def infinite_values(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str
) -> Array:
    """Ordinary numbers and, now and then, an infinity or NaN."""
    odd = rng.choice([np.inf, -np.inf, np.nan], shape)
    return np.where(rng.random(shape) < 0.05, odd, rng.standard_normal(shape))


def probabilities(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str
) -> Array:
    rows = rng.uniform(0.05, 1.0, shape)
    return rows / rows.sum(axis=-1, keepdims=True) if rows.size else rows


KINDS: dict[str, Any] = {
    "normal": lambda rng, shape, dtype: rng.standard_normal(shape),
    "far": lambda rng, shape, dtype: 1000 + rng.standard_normal(shape),
    "positive": lambda rng, shape, dtype: rng.uniform(0.1, 4.0, shape),
    "signed_unit": lambda rng, shape, dtype: rng.uniform(-1, 1, shape),
    "above_one": lambda rng, shape, dtype: rng.uniform(1, 20, shape),
    "spread": lambda rng, shape, dtype: rng.uniform(-8, 12, shape),
    "near_one": lambda rng, shape, dtype: rng.uniform(0.95, 1.05, shape),
    "powers": lambda rng, shape, dtype: 2.0 ** rng.integers(-30, 31, shape),
    "zeros_and_ones": lambda rng, shape, dtype: rng.random(shape) < 0.9,
    "unit": lambda rng, shape, dtype: rng.uniform(0.01, 0.99, shape),
    "probabilities": probabilities,
    "bool": lambda rng, shape, dtype: rng.random(shape) < 0.5,
    "small": lambda rng, shape, dtype: rng.integers(0, 20, shape),
    "special": special_values,
    "infinite": infinite_values,
    "factors": lambda rng, shape, dtype: rng.uniform(0.9, 1.1, shape),
    "seed": lambda rng, shape, dtype: rng.integers(0, 2**32, shape, np.uint32),
}


# -- running --------------------------------------------------------------------------


class Guarded:
    """An array inside a larger block whose edges must not change.

    `shift`: elements by which the array is off a 64-byte boundary.
    """

    def __init__(self, dtype: str, shape: tuple[int, ...], shift: int) -> None:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raw = np.full(size + 2 * GUARD + 64, POISON, np.uint8)
        start = GUARD + (-(raw.ctypes.data + GUARD)) % 64
        start += shift * np.dtype(dtype).itemsize
        self._raw, self._start, self._stop = raw, start, start + size
        inside = raw[start : start + size]
        inside[:] = 0xFF  # NaN in every float type
        self.array: Array = inside.view(dtype).reshape(shape)

    @property
    def intact(self) -> bool:
        edges = self._raw[: self._start], self._raw[self._stop :]
        return all(bool((edge == POISON).all()) for edge in edges)


def placed(array: Array, shift: int) -> Array:
    """A copy that starts `shift` elements off a 64-byte boundary."""
    block = Guarded(array.dtype.name, array.shape, shift)
    block.array[...] = array
    return block.array


def run(case: Case, isa: str, kernel: str = "", shift: int = 0) -> list[Array]:
    """Runs a case on poisoned outputs; fails on a byte written outside them.

    Raises `Refused` when this kernel does not take the case.
    """
    arrays = case.arrays()
    inputs = [placed(x, shift) for x in arrays]
    specs = [(x.dtype.name, x.shape) for x in inputs]
    results = [
        Guarded(dtype, tuple(shape), shift)
        for dtype, shape in _core.infer(case.op, specs, case.attrs)
    ]
    outputs = [result.array for result in results]
    try:
        _core.run_op(case.op, inputs, case.attrs, outputs, isa=isa, kernel=kernel)
    except ValueError as error:
        if kernel and "no kernel takes" in str(error):
            raise Refused(str(error)) from None
        raise
    assert all(result.intact for result in results), "wrote outside an output"
    assert np.longdouble(3) / 2 == 1.5, "left MMX registers in use: x87 is broken"
    for before, after in zip(arrays, inputs, strict=True):
        assert before.tobytes() == after.tobytes(), "wrote to an input"
    for out in outputs:
        if out.dtype == np.bool_:
            assert (out.view(np.uint8) <= 1).all(), "a bool that is neither 0 nor 1"
    return outputs


class Refused(Exception):
    """A candidate does not take this problem, and said why."""


@cache
def bundles() -> list[str]:
    """The bundles of this machine's processors, and "cuda" where there is a GPU.

    See conftest.py about the emulated one.
    """
    found: list[str] = list(_core.info()["bundles"])
    wanted = os.environ.get("PYDL_TEST_KERNELS_ON_CUDA", "1") != "0"
    return [*found, "cuda"] if wanted and _core.devices()["count"] else found


def candidates(op: str) -> Iterator[tuple[str, str]]:
    """(isa, kernel) of every candidate of this machine, each once."""
    reference_names = _core.kernels(op, "ref")
    for isa in bundles():
        names = _core.kernels(op, isa)
        if isa not in ("ref", "cuda"):
            names = names[: len(names) - len(reference_names)]
        for name in names:
            yield isa, name


@cache
def oracle(op: str, index: int) -> list[Array]:
    """NumPy's results for a case, computed once for all candidates."""
    case = all_cases()[op][index]
    results: list[Array] = reference(op, case.arrays(), case.attrs)
    return results
