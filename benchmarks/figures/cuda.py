"""The CUDA backend's figures: measured by `python -m benchmarks.gpu`, or predicted.

A row that no GPU has measured yet shows what to expect and how that was calculated, and
says that it is unmeasured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu_cases import STREAMS, WIDE
from benchmarks.report import RESULTS, Row

#: case -> library -> seconds
Seconds = Mapping[str, Mapping[str, float]]
EAGER, GRAPHS, COMPILED = "PyTorch eager", "PyTorch CUDA graphs", "PyTorch compiled"
CUBLAS = (EAGER, "CuPy")
SPINE = ("mlp-128", "mlp-32", "digits-32")


@dataclass(frozen=True)
class Figure:
    """One line of the table. `measure` gives (value, peer or case), None where the
    timings lack it."""

    what: str
    bar: float
    unit: str
    predicted: float
    arithmetic: str
    measure: Callable[[Seconds, Mapping[str, Any]], tuple[float, str] | None]
    least: bool = True

    def row(self, seconds: Seconds, found: Mapping[str, Any]) -> Row | None:
        """The figure as measured, None where it was not."""
        got = self.measure(seconds, found)
        if got is None:
            return None
        return Row(self.what, self.bar, got[0], self.unit, got[1], self.least)

    def cells(self) -> list[str]:
        """The figure as predicted."""
        sign = ">=" if self.least else "<="
        value = f"({self.predicted:.3g}{self.unit})"
        return [
            self.what, f"{sign} {self.bar:g}{self.unit}", value, "", "unmeasured"
        ]  # fmt: skip


def against(case: str, *peers: str) -> Any:
    """How many times longer than pydl the fastest of some peers takes."""

    def measure(seconds: Seconds, found: Any) -> tuple[float, str] | None:
        times = seconds.get(case, {})
        others = [name for name in peers if name in times]
        if "pydl" not in times or not others:
            return None
        best = min(others, key=times.__getitem__)
        return times[best] / times["pydl"], f"{best}, {case}"

    return measure


def worst(cases: tuple[str, ...], *peers: str) -> Any:
    """`against` for the case where it is least. All must be there."""

    def measure(seconds: Seconds, found: Any) -> tuple[float, str] | None:
        each = [against(case, *peers)(seconds, found) for case in cases]
        ratios = [ratio for ratio in each if ratio is not None]
        return min(ratios) if len(ratios) == len(cases) else None

    return measure


def bandwidth_share(seconds: Seconds, found: Any) -> tuple[float, str] | None:
    """The least share of the best copy that a kernel limited by memory reaches."""
    copies = seconds.get("copy", {})
    if not copies or any("pydl" not in seconds.get(name, {}) for name in STREAMS):
        return None
    best = STREAMS["copy"] / min(copies.values())
    shares = [
        (STREAMS[name] / seconds[name]["pydl"] / best, name)
        for name in STREAMS
        if name != "copy"
    ]
    return min(shares)


def noted(key: str) -> Any:
    """A number that a part of the script left under this name."""
    return lambda seconds, found: (found[key], "") if key in found else None


FIGURES = (
    Figure(
        "correctness of every kernel and of training runs", 100, " %", 100,
        "every case passes over the emulation; the tensor-core kernels' index "
        "arithmetic passes its unit tests",
        noted("correct"),
    ),
    *(
        Figure(
            f"bf16 GEMM {n} against cuBLAS", 1.0, "x", predicted,
            arithmetic, against(f"gemm-{n}-bf16", *CUBLAS),
        )
        for n, predicted, arithmetic in (
            (4096, 1.0, "137 GFLOP of operands read as they lie; 256 tiles of 256 x "
             "256 by 66 pairs of SMs are 3.9 waves (97 % full), each half of B fetched "
             "once for both; cuBLAS has the same tiles"),
            (8192, 1.0, "1100 GFLOP; 1024 tiles, 15.5 waves (97 % full), limited by "
             "power near 780 TFLOP/s as cuBLAS is: 1.41 ms"),
        )
    ),
    Figure(
        "float32-accurate GEMM 4096 against cuBLAS sgemm", 1.8, "x", 2.2,
        "six bfloat16 products for one: 700 / 6 = 117 TFLOP/s, against 52 of the 67 "
        "TFLOP/s of multiply-adds",
        against("gemm-4096-fp32", *CUBLAS),
    ),
    Figure(
        "TF32 GEMM 4096, operands K-major, against cuBLAS", 0.95, "x", 0.95,
        "half of bfloat16's rate, 495 TFLOP/s at most; the same pipeline and tiles",
        against("gemm-4096-tf32", *CUBLAS),
    ),
    Figure(
        "elementwise, reductions, softmax, optimizer, dropout: share of a copy's "
        "bandwidth, worst", 0.85, "", 0.88,
        "one pass, 16-byte accesses, 4 in flight a thread: 132 x 2048 x 64 bytes are "
        "17 MB, more than latency x bandwidth (0.7 us x 4.3 TB/s = 3 MB)",
        bandwidth_share,
    ),
    Figure(
        "steps of the spine's MLPs against PyTorch eager, worst", 5.0, "x", 10,
        "about 25 kernels of 2 us in a graph, 50 us, against 60 launches of 8 us",
        worst(SPINE, EAGER),
    ),
    Figure(
        "steps of the spine's MLPs against PyTorch with CUDA graphs, worst", 1.2, "x",
        1.3, "15 to 25 fused kernels a step against 35 to 40, 1.5 to 2 us each",
        worst(SPINE, GRAPHS),
    ),
    Figure(
        "steps of the spine's MLPs against JAX scan, worst", 1.2, "x", 1.3,
        "as CUDA graphs; a while node's pass costs 3 us against 10 of XLA's host loop",
        worst(SPINE, "JAX lax.scan"),
    ),
    Figure(
        "8192-8192-8192 MLP, bf16, batch 8,192, against torch.compile", 1.0, "x", 1.0,
        "5.5 TFLOP at 770 TFLOP/s: 7.1 ms; Adam over 134 M parameters 0.9 ms; weights "
        "to bfloat16 and their gradients back, 1.6 GB, 0.4 ms",
        against(WIDE.name, COMPILED),
    ),
    Figure(
        "first fit call to first finished step, MLP", 100, " ms", 40,
        "trace and plan 10 ms, bind 1 ms, copying 80 MB through pinned memory 20 ms",
        noted("first step ms"), least=False,
    ),
)  # fmt: skip


def newest() -> Path | None:
    """The last results of a GPU."""
    return max(RESULTS.glob("*-gpu.json"), default=None)


def rows(seconds: Seconds, found: Mapping[str, Any]) -> list[Row]:
    """The figures that were measured."""
    made = [figure.row(seconds, found) for figure in FIGURES]
    return [row for row in made if row is not None]


def show() -> None:
    """Print the whole table: measured where a result is stored, else predicted."""
    path = newest()
    stored = json.loads(path.read_text()) if path is not None else {}
    seconds, found = stored.get("seconds", {}), stored.get("found", {})
    lines = [["figure", "bar", "value", "peer", "verdict"]]
    notes = []
    for figure in FIGURES:
        row = figure.row(seconds, found)
        lines.append(row.cells() if row is not None else figure.cells())
        if row is None:
            notes.append(f"  {figure.what}: {figure.arithmetic}")
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    for line in lines:
        cells = (c.ljust(w) for c, w in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
    print(f"measured: {path.name if path is not None else 'nothing yet'}")
    if notes:
        print("Unmeasured: in brackets what to expect of an H200, counted so:")
        print("\n".join(notes))


def settle(timings: Mapping[str, Mapping[str, list[float]]]) -> dict[str, Any]:
    """Medians of rounds, by case and library."""
    from statistics import median

    return {
        case: {name: median(times) for name, times in rounds.items()}
        for case, rounds in timings.items()
    }
