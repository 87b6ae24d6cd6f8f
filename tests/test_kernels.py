"""Every case of `tests/cases` on every kernel of this machine.

One test for each opcode and property: a loop over cases and candidates inside it. A
failure prints the case, which is all that is needed to run it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import harness
from harness import Case, Refused, all_cases, candidates, chosen_cases, opcodes
from pydl import _core
from tolerances import tolerances, worst

#: At most this many failures of one test are printed.
SHOWN = 5
#: Results at least this large are cut into pieces by some kernel.
LARGE = 32 * 1024

#: Kernels that need an operand the program only reads, which a single operation cannot
#: promise: `tests/runtime/test_derived.py` runs them in programs, for every ISA.
IN_PROGRAMS = frozenset({"gemm_panels"})

#: Kernels of GPUs that only large or 16-bit problems reach: see `tests/test_half.py`.
BY_HALVES = frozenset(
    (op, kernel)
    for op in ("conv", "conv_grad_x", "conv_grad_w")
    for kernel in ("gemm_wgmma", "conv_wgmma")
)

OPS = [op for op in opcodes() if op in all_cases()]


def check_all(op: str, check: Callable[[int, Case, str, str], str]) -> None:
    """Calls `check` for each case and candidate; fails with what it returned."""
    failures = []
    ran = set()
    idle = {
        (isa, kernel)
        for isa, kernel in candidates(op)
        if kernel not in IN_PROGRAMS and (op, kernel) not in BY_HALVES
    }
    for index, case, chosen in chosen_cases(op):
        for isa, kernel in candidates(op) if chosen else sorted(idle):
            try:
                problem = check(index, case, isa, kernel)
            except Refused as refused:
                problem = f"the reference refused: {refused}" if isa == "ref" else ""
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                ran.add((isa, kernel))
                idle.discard((isa, kernel))
            if problem:
                failures.append(f"{isa}:{kernel} {case}\n    {problem}")
    shown = "\n".join(failures[:SHOWN])
    assert not failures, f"{len(failures)} failures\n{shown}"
    here = sorted(pair for pair in ran if pair[1] in IN_PROGRAMS)
    assert not here, f"listed as reached in programs only: {here}"
    assert not idle, f"no case reaches {sorted(idle)}"


def compare(index: int, case: Case, got: list[np.ndarray], kernel: str = "") -> str:
    want = harness.oracle(case.op, index)
    allowed = tolerances(case.op, case.arrays(), case.attrs, want, kernel)
    if len(got) != len(want):
        return f"expected {len(want)} results, received {len(got)}"
    for number, (x, y, limit) in enumerate(zip(got, want, allowed, strict=True)):
        if problem := worst(x, y, limit):
            return f"result {number}: {problem}"
    return ""


def test_every_opcode_has_cases_and_a_reference() -> None:
    assert sorted(set(opcodes()) - set(all_cases())) == []
    assert sorted(set(all_cases()) - set(opcodes())) == []
    assert [op for op in opcodes() if not _core.kernels(op, "ref")] == []


@pytest.mark.skipif(
    "emulated" not in _core.info()["bundles"], reason="built without PYDL_EMULATION"
)
def test_every_opcode_has_a_device_kernel() -> None:
    """A device has no reference kernels to fall back to."""
    aliases = {"reshape"}
    own = {op for op in OPS for isa, _ in candidates(op) if isa == "emulated"}
    assert sorted(set(OPS) - own - aliases) == []


@pytest.mark.parametrize("op", OPS)
def test_values(op: str) -> None:
    """Against the oracle, poisoned outputs, edges intact, inputs unchanged."""

    def check(index: int, case: Case, isa: str, kernel: str) -> str:
        return compare(index, case, harness.run(case, isa, kernel), kernel)

    check_all(op, check)


@pytest.mark.parametrize("op", OPS)
def test_misaligned_operands(op: str) -> None:
    """One element off a 64-byte boundary: the same bits."""

    def check(index: int, case: Case, isa: str, kernel: str) -> str:
        aligned = harness.run(case, isa, kernel)
        moved = harness.run(case, isa, kernel, shift=1)
        same = [x.tobytes() == y.tobytes() for x, y in zip(aligned, moved, strict=True)]
        return "" if all(same) else "other bits one element further on"

    check_all(op, check)


@pytest.fixture
def threads() -> Iterator[None]:
    yield
    _core.set_threads(0)


def large(case: Case) -> bool:
    sizes = [x.nbytes for x in case.arrays()]
    shape = case.attrs.get("shape", [])
    return max([*sizes, int(np.prod(shape)) * 4], default=0) >= LARGE


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("op", OPS)
def test_same_bits_on_any_number_of_threads(op: str) -> None:
    """1, 2, 3 and 5 threads and a second run; small problems are never cut."""
    chosen = [case for case in all_cases()[op] if large(case)] or all_cases()[op][:3]
    chosen = chosen[:: harness.STEP]
    first: dict[tuple[str, str, str], bytes] = {}
    for count in (1, 2, 3, 5, 5):
        _core.set_threads(count)
        for case in chosen:
            for isa, kernel in candidates(op):
                try:
                    results = harness.run(case, isa, kernel)
                except Refused:
                    continue
                content = b"".join(x.tobytes() for x in results)
                key = (isa, kernel, str(case))
                assert first.setdefault(key, content) == content, (count, *key)


def aliases(case: Case) -> list[int]:
    """For each result the operand it may be placed on, or nothing."""
    family = dict(_core.opcodes())[case.op]
    if family == "optimizer" and "n" in case.attrs:
        skip = 1 + bool(case.attrs.get("has_scale")) + bool(case.attrs.get("has_decay"))
        n = case.attrs["n"]
        width = (len(case.inputs) - skip) // n if n else 0
        groups = [range(skip + i * width, skip + (i + 1) * width) for i in range(n)]
        return [k for group in groups for k in group if k != group[1]]
    if family == "rows" and case.op != "row_sums":
        tables = range(3 + bool(case.attrs.get("has_scale")), len(case.inputs))
        return list(tables)
    if family != "elementwise" or case.op == "cast":
        return []
    arrays = case.arrays()
    specs = [(x.dtype.name, x.shape) for x in arrays]
    (dtype, shape), *more = _core.infer(case.op, specs, case.attrs)
    same = [k for k, spec in enumerate(specs) if spec == (dtype, tuple(shape))]
    return same[:1] if not more else []


@pytest.mark.parametrize(
    "op", [op for op in OPS if any(aliases(case) for case in all_cases()[op])]
)
def test_in_place(op: str) -> None:
    """A result on its operand's memory: the same bits as elsewhere."""

    def check(index: int, case: Case, isa: str, kernel: str) -> str:
        if not (operands := aliases(case)):
            return ""
        want = harness.run(case, isa, kernel)
        arrays = [harness.placed(x, 0) for x in case.arrays()]
        outputs = [arrays[k] for k in operands]
        _core.run_op(op, arrays, case.attrs, outputs, isa=isa, kernel=kernel)
        pairs = zip(outputs, want, strict=True)
        return "" if all(x.tobytes() == y.tobytes() for x, y in pairs) else "other bits"

    check_all(op, check)


def test_forced_instruction_set() -> None:
    bundles = _core.info()["bundles"]
    assert bundles[-1] == "ref" and "baseline" in bundles
    forced = os.environ.get("PYDL_ISA")
    assert _core.info()["isa"] == (forced or bundles[0])
    x = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="avx9000"):
        _core.run_op("neg", [x], {}, isa="avx9000")
