"""Hostile arguments, seeded: every op, cases of the tables bent out of shape.

    python tests/robust/fuzz.py COUNT SEED LOG

Writes each case to LOG before it runs, so that after a crash LOG tells which one it
was. Only ValueError, TypeError and MemoryError may come out of the native library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (names bfloat16 to NumPy)
import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from harness import all_cases, make_array  # noqa: E402
from pydl import _core  # noqa: E402

Spec = tuple[str, tuple[int, ...]]
Rng = np.random.Generator

SIZES = [0, 1, 2, 3, -1, -2, 7, 64, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1]
NUMBERS = [*SIZES, -(2**31), -(2**63), 2**64, 0.0, -1.5, 1e308, np.inf, -np.inf, np.nan]
OTHERS: list[Any] = [
    "",
    "relu",
    "float32",
    "\0",
    "add 0 1",
    None,
    [],
    [0],
    [-1],
    [0, 0],
]
OTHERS += [[2**62, 2**62], [1.5, np.nan], ["a"], {}, (), b"", True, list(range(100))]
STEPS = ["", ";", "add", "add 0", "add 0 99", "add 0 #x", "neg 1", "neg 0;" * 70]
#: Results up to this many bytes are computed, not only inferred.
RUN_BYTES = 1 << 22
DTYPES = _core.dtypes()


def pick(rng: Rng, values: list[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def bend_shape(rng: Rng, shape: tuple[int, ...]) -> tuple[int, ...]:
    new = list(shape)
    kind = int(rng.integers(4))
    if kind == 0 or not new:
        new.insert(int(rng.integers(len(new) + 1)), pick(rng, SIZES))
    elif kind == 1:
        del new[int(rng.integers(len(new)))]
    elif kind == 2:
        new[int(rng.integers(len(new)))] = pick(rng, SIZES)
    else:
        new = new * 3 if rng.random() < 0.3 else list(reversed(new))
    return tuple(new)


def bend_inputs(rng: Rng, inputs: list[Spec]) -> list[Spec]:
    new = list(inputs)
    kind = int(rng.integers(5))
    if kind == 0 or not new:
        new.append((pick(rng, DTYPES), (3,)))
    elif kind == 1:
        del new[int(rng.integers(len(new)))]
    else:
        at = int(rng.integers(len(new)))
        dtype, shape = new[at]
        if kind == 2:
            dtype = pick(rng, [*DTYPES, "", "complex64", "float33"])
        else:
            shape = bend_shape(rng, shape)
        new[at] = (dtype, shape)
    return new


def bend_attrs(rng: Rng, attrs: dict[str, Any]) -> dict[str, Any]:
    new = dict(attrs)
    name = pick(rng, [*new, "unknown", "axis", "shape"])
    kind = int(rng.integers(4))
    if kind == 0:
        new.pop(name, None)
    elif kind == 1 and isinstance(new.get(name), list) and new[name]:
        values = list(new[name])
        values[int(rng.integers(len(values)))] = pick(rng, NUMBERS)
        new[name] = values
    elif kind == 2:
        new[name] = pick(rng, OTHERS + STEPS)
    else:
        new[name] = pick(rng, NUMBERS)
    return new


def arrays_for(rng: Rng, inputs: list[Spec]) -> list[np.ndarray] | None:
    """Arrays of these specs, or None when they are too large or are no arrays."""
    sizes = [float(np.prod(shape, dtype=float)) for _, shape in inputs]
    for _, shape in inputs:  # what NumPy itself cannot make
        if len(shape) > 30 or not all(0 <= size < 2**31 for size in shape):
            return None
    if any(dtype not in DTYPES for dtype, _ in inputs) or sum(sizes) > RUN_BYTES / 8:
        return None
    arrays = [make_array(rng, dtype, shape) for dtype, shape in inputs]
    return [bend_array(rng, x) for x in arrays]


def bend_array(rng: Rng, x: np.ndarray) -> np.ndarray:
    """Mostly the array itself; sometimes one in an unusual layout."""
    kind = int(rng.integers(12))
    if kind == 0 and x.ndim:
        return np.repeat(x, 2, axis=-1)[..., ::2]  # not contiguous
    if kind == 1 and x.ndim:
        return x[::-1]  # negative stride
    if kind == 2 and x.dtype.itemsize > 1:
        raw = np.zeros(x.nbytes + 1, np.uint8)[1:]
        return raw.view(x.dtype).reshape(x.shape)  # not on an element boundary
    if kind == 3:
        return x.astype(x.dtype.newbyteorder())  # the other byte order
    if kind == 4:
        return np.broadcast_to(x, (2, *x.shape))
    if kind == 5 and x.dtype.kind == "f":
        return np.full_like(x, pick(rng, [np.nan, np.inf, -np.inf, 1e-40]))
    if kind == 6 and x.dtype.kind in "iu":
        return np.full_like(x, np.iinfo(x.dtype).max)
    return x


def attempt(call: Callable[[], Any]) -> Any:
    """What the call returns, or None when it refused politely."""
    try:
        return call()
    except (ValueError, TypeError, MemoryError) as error:
        if not str(error):
            raise AssertionError("an error without a message") from error
        return None


def one_case(rng: Rng, log: Any) -> bool:
    """Bends one case and runs it; true when it passed the gate."""
    op = pick(rng, [*all_cases(), "if", "loop", "nothing"])
    cases = all_cases().get(op)
    case = pick(rng, cases) if cases else None
    inputs: list[Spec] = [(i[0], tuple(i[1])) for i in case.inputs] if case else []
    attrs = dict(case.attrs) if case else {"skip": 1}
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.5:
            inputs = bend_inputs(rng, inputs)
        else:
            attrs = bend_attrs(rng, attrs)
    log.seek(0)
    log.truncate()
    log.write(f"{op} inputs={inputs} attrs={attrs}\n")
    log.flush()
    results = attempt(lambda: _core.infer(op, inputs, attrs))
    if results:
        attempt(lambda: _core.flops(op, inputs, results, attrs))
    if arrays := arrays_for(rng, inputs):
        sizes = [float(np.prod(shape, dtype=float)) for _, shape in results or []]
        if sum(sizes) * 8 <= RUN_BYTES:
            isa = pick(rng, _core.info()["bundles"])
            attempt(lambda: _core.run_op(op, arrays, attrs, isa=isa))
    return results is not None


def main(count: int, seed: int, log_path: str) -> None:
    rng = np.random.default_rng(seed)
    with open(log_path, "w") as log:
        passed = sum(one_case(rng, log) for _ in range(count))
    print(f"{count} cases, {passed} within the rules")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
