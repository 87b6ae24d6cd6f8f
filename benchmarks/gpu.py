"""Everything a GPU has to show, in one go: ``python -m benchmarks.gpu``.

Builds for the GPU that is here, runs every test on it, looks for races and stray
accesses with compute-sanitizer, then times kernels and whole training steps against
PyTorch, cuBLAS and CuPy where they are installed (PYDL_PEERS names another Python that
has them). Takes under ten minutes. Each part is a process of its own with a time
limit: one that fails or hangs does not stop the others. Writes dated tables and a
picture to benchmarks/results/ and prints the verdicts last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import gpu_cases, machine, report
from benchmarks.compare import Timing, compare
from benchmarks.figures import cuda
from benchmarks.peers import GPU_PEERS, GPU_PYDL, ROOT, missing_peers

#: Seconds for all parts together.
BUDGET = 590.0
THREADS = 8
#: Real GPUs, unless the environment asks for the emulation.
DEVICES = {"PYDL_CUDA": os.environ.get("PYDL_CUDA") or "on"}
EMULATED = DEVICES["PYDL_CUDA"] == "emulated"
#: Every kernel by its problem table, the runtime, and what users do on top of them.
#: Tests that compare the bits of two machines are not among them.
KERNEL_TESTS = [
    "tests/test_kernels.py", "tests/test_half.py", "tests/test_public_kernels.py"
]  # fmt: skip
RUNTIME_TESTS = [
    "tests/runtime/test_device.py", "tests/runtime/test_devices.py",
    "tests/training/test_fit_device.py", "tests/capi/test_device.py",
]  # fmt: skip
MODEL_TESTS = [
    "tests/training", "tests/models", "tests/layers", "tests/optimizers",
    "tests/callbacks", "tests/saving", "tests/metrics", "tests/losses",
    "tests/test_random.py", "--deselect=tests/training/test_export.py",
]  # fmt: skip
#: Named by `--into`: what a timing part found so far.
GROUPS: dict[str, tuple[list[str], list[str]]] = {
    "products": (list(gpu_cases.PRODUCTS), ["PyTorch eager", "CuPy"]),
    "streams": (list(gpu_cases.STREAMS), ["PyTorch eager", "CuPy"]),
    "steps": (list(gpu_cases.STEPS), [peer.name for peer in GPU_PEERS]),
}


@dataclass
class Part:
    """One process. `skip` says why it is left out, "" runs it."""

    name: str
    command: list[str]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)
    skip: str = ""


@dataclass
class Outcome:
    """How a part ended: "ok", "failed", "hung" or "skipped"."""

    name: str
    state: str
    seconds: float = 0.0
    note: str = ""
    output: str = ""

    def line(self) -> str:
        return f"{self.state:8} {self.seconds:6.1f} s  {self.name}  {self.note}"


def run_part(part: Part, left: float) -> Outcome:
    """Run a part, at most as long as it may and as time is left."""
    if part.skip or left < 5:
        return Outcome(part.name, "skipped", note=part.skip or "no time left")
    print(f"-- {part.name}", flush=True)
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            part.command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, **part.environment}, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(timeout=min(part.limit, left))
            state = "ok" if code == 0 else "failed"
        except subprocess.TimeoutExpired:
            state = "hung"
        finally:  # what it has started goes with it
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.seek(0)
        output = log.read()
    seconds = time.perf_counter() - start
    last = output.strip().splitlines()[-1:] or [""]
    outcome = Outcome(part.name, state, seconds, last[0][:160], output[-20_000:])
    print(outcome.line(), flush=True)
    if state != "ok":
        print("\n".join(f"   | {line}" for line in output.splitlines()[-15:]))
    return outcome


# -- the parts ------------------------------------------------------------------------


def build_parts(again: bool) -> list[Part]:
    """Configure and build for this GPU only, unless the library is there."""
    built = any((ROOT / "pydl").glob("libpydl_cuda*.so")) and not again
    skip = "built already (--build builds again)" if built else ""
    skip = skip or ("the emulation is used" if EMULATED else "")
    found = architecture()
    if not found and not again:
        skip = skip or "nvidia-smi finds no GPU (--build builds all the same)"
    for tool in ("cmake", "nvcc"):
        if shutil.which(tool) is None:
            skip = skip or f"{tool} is not on the PATH"
    one = f"-DPYDL_CUDA_ARCHITECTURES={found or '90a-real'}"
    python = f"-DPython_EXECUTABLE={sys.executable}"
    return [
        Part(
            "configure", ["cmake", "--preset", "cuda", one, python, *pybind11()], 60,
            skip=skip,
        ),
        Part(
            "build", ["cmake", "--build", "--preset", "cuda", f"-j{os.cpu_count()}"],
            300, skip=skip,
        ),
    ]  # fmt: skip


def architecture() -> str:
    """That of the first GPU, as CMake names it: "90a-real"; "" where there is none."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return ""
    query = [smi, "--query-gpu=compute_cap", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    match = re.match(r"(\d+)\.(\d+)", done.stdout)
    if match is None:
        return ""
    number = int(match[1] + match[2])
    return f"{number}{'a' if number >= 90 else ''}-real"


def pybind11() -> list[str]:
    """Where CMake finds it, when it is a package of this Python."""
    try:
        import pybind11
    except ImportError:
        return []
    return [f"-Dpybind11_DIR={pybind11.get_cmake_dir()}"]


def pytest_part(name: str, tests: Sequence[str], limit: float, **extra: str) -> Part:
    environment = {**DEVICES, **extra}
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests
    ]  # fmt: skip
    return Part(name, command, limit, environment)


def test_parts() -> list[Part]:
    native = ROOT / "build" / "cuda" / "pydl_native_tests"
    return [
        Part(
            "native tests", [str(native)], 60, DEVICES,
            "" if native.exists() else f"{native.relative_to(ROOT)} is not built",
        ),
        pytest_part("tests of kernels", KERNEL_TESTS, 120),
        pytest_part("tests of the runtime", RUNTIME_TESTS, 90),
        pytest_part("tests of models", MODEL_TESTS, 90, PYDL_DEVICE="cuda"),
    ]  # fmt: skip


def sanitizer_parts() -> list[Part]:
    """Each tool over a share of the problem tables; all kernels are reached."""
    tool = shutil.which("compute-sanitizer")
    skip = "" if tool else "compute-sanitizer is not on the PATH"
    parts = []
    for kind in ("memcheck", "racecheck", "initcheck", "synccheck"):
        direct = {"PYDL_CASE_STEP": "25", "PYDL_CUDA_GRAPHS": "0"}
        inner = pytest_part(kind, KERNEL_TESTS[:1], 45, **direct)
        options = ["--tool", kind, "--error-exitcode", "9", "--target-processes", "all"]
        inner.command = [tool or "compute-sanitizer", *options, *inner.command]
        inner.skip = skip
        parts.append(inner)
    return parts


def timing_parts(folder: Path) -> list[Part]:
    limits = {"products": 90.0, "streams": 60.0, "steps": 150.0}
    parts = [
        Part(
            f"timing {name}",
            [
                sys.executable, "-m", "benchmarks.gpu", "--part", name,
                "--into", str(folder / f"{name}.json"),
            ],
            limit, DEVICES,
        )
        for name, limit in limits.items()
    ]  # fmt: skip
    script = ROOT / "benchmarks" / "scripts" / "first_step.py"
    first = Part(
        "first step", [sys.executable, str(script)], 60,
        {"PYTHONPATH": str(ROOT), **DEVICES},
    )  # fmt: skip
    return [*parts, first]


# -- inside a timing part -------------------------------------------------------------


def time_group(name: str, path: Path, rounds: int) -> None:
    """Time the cases of a group, keeping what is done after each."""
    cases, wanted = GROUPS[name]
    lacking = missing_peers(GPU_PEERS)
    peers = [p for p in GPU_PEERS if p.name in wanted and p.name not in lacking]
    peers = [] if gpu_cases.SMOKE else peers
    found: dict[str, Any] = {"rounds": {}, "errors": {}}

    def done(timing: Timing) -> None:
        found["rounds"][timing.case] = timing.rounds
        found["errors"][timing.case] = timing.errors
        path.write_text(json.dumps(found))
        cells = [f"{n} {timing.median(n) * 1e6:.1f}" for n in timing.rounds]
        print(f"{timing.case} us: {', '.join(cells)}", flush=True)
        for peer, error in timing.errors.items():
            print(f"  {peer} failed: {error.strip().splitlines()[-1]}", flush=True)

    compare(cases, peers, THREADS, rounds, ours=GPU_PYDL, done=done)
    failed = [case for case, errors in found["errors"].items() if "pydl" in errors]
    if failed:
        raise SystemExit(f"pydl failed in {', '.join(failed)}")


# -- together -------------------------------------------------------------------------


def correctness(outcomes: Sequence[Outcome]) -> float | None:
    """Per cent of the tests that passed; a part without a count has none."""
    passed = failed = 0
    for outcome in outcomes:
        if outcome.state == "skipped":
            continue
        counts = dict(
            (kind, int(number))
            for number, kind in re.findall(
                r"(\d+) (passed|failed|errors?)", outcome.note
            )
        )
        good = counts.pop("passed", int(outcome.state == "ok"))
        bad = sum(counts.values())
        passed += good
        failed += bad or int(outcome.state != "ok")
    return 100.0 * passed / (passed + failed) if passed + failed else None


def collect(folder: Path, outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """Seconds by case and library, and the single numbers, that the parts left."""
    rounds: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        part = json.loads(path.read_text())
        rounds.update(part["rounds"])
        errors.update({case: e for case, e in part["errors"].items() if e})
    found: dict[str, float] = {}
    tests = [outcome for name, outcome in outcomes.items() if "tests" in name]
    share = correctness(tests)
    if share is not None:
        found["correct"] = share
    first = outcomes.get("first step")
    match = re.search(r"first step ms: ([\d.]+)", first.output) if first else None
    if match is not None:
        found["first step ms"] = float(match[1])
    return {"seconds": cuda.settle(rounds), "found": found, "errors": errors}


def describe() -> dict[str, Any]:
    """The machine with its GPUs, asked in another process."""
    code = "import json, pydl._core as c; d = c.devices(); print(json.dumps([d, "
    code += "[c.device_info(f'cuda:{i}') for i in range(d['count'])]]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60, env={**os.environ, **DEVICES},
    )  # fmt: skip
    known = json.loads(done.stdout) if done.returncode == 0 else [{}, []]
    missing = known[0].get("missing") or done.stderr.strip()[-300:]
    return {**machine.describe(), "gpus": known[1], "missing": missing}


def run_all(options: argparse.Namespace) -> int:
    start = time.perf_counter()
    outcomes: dict[str, Outcome] = {}

    def run(parts: Sequence[Part]) -> None:
        for part in parts:
            left = BUDGET - (time.perf_counter() - start)
            outcomes[part.name] = run_part(part, left)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        groups: dict[str, Callable[[], list[Part]]] = {
            "build": lambda: build_parts(options.build),
            "tests": test_parts,
            "timing": lambda: timing_parts(folder),
            "sanitizer": sanitizer_parts,
        }
        run(groups["build"]())
        found = describe()
        if not found["gpus"]:
            print(f"No GPU can be used: {found['missing']}")
            return 1
        for group in options.only or list(groups)[1:]:
            run(groups[group]())
        results = collect(folder, outcomes)
    return conclude(outcomes, found, results)


def conclude(
    outcomes: dict[str, Outcome], found: dict[str, Any], results: dict[str, Any]
) -> int:
    """Store everything, print the verdicts. 1 where a part failed."""
    rows = cuda.rows(results["seconds"], results["found"])
    parts = [
        {"name": o.name, "state": o.state, "seconds": o.seconds, "note": o.note}
        for o in outcomes.values()
    ]
    details = {"machine": found, "parts": parts, **results}
    path = "nothing" if gpu_cases.SMOKE else report.store("gpu", rows, details)
    print("\n" + "\n".join(outcome.line() for outcome in outcomes.values()))
    gpus = ", ".join(gpu["name"] for gpu in found["gpus"])
    print(f"\n{gpus}; stored {path}\n")
    print(report.table(rows))
    bad = [o.name for o in outcomes.values() if o.state in ("failed", "hung")]
    missed = [row.what for row in rows if not row.good]
    print(f"\nparts that failed: {', '.join(bad) or 'none'}")
    print(f"figures missed: {len(missed)} of {len(rows)} measured")
    return int(bool(bad))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--build", action="store_true", help="build even if built")
    parser.add_argument(
        "--only", nargs="+", choices=["tests", "timing", "sanitizer"],
        help="these groups only; all unless given",
    )  # fmt: skip
    parser.add_argument(
        "--smoke", action="store_true",
        help="tiny problems over the emulation: does the script run?",
    )  # fmt: skip
    parser.add_argument("--part", choices=list(GROUPS), help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.smoke:  # everything reads it while it is imported: once more, then
        environment = {**os.environ, "PYDL_GPU_SMOKE": "1", "PYDL_CUDA": "emulated"}
        command = [sys.executable, "-m", "benchmarks.gpu", "--only", "timing"]
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=False
        ).returncode
    if options.part:
        time_group(options.part, options.into, options.rounds)
        return 0
    return run_all(options)


if __name__ == "__main__":
    sys.exit(main())
