"""The spine's figures table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from benchmarks import machine, report
from benchmarks.compare import Timing
from benchmarks.figures import accuracy, process, products, steps
from benchmarks.peers import missing_peers

#: float32 lanes of the widest bundle, by its name.
LANES = {"avx512": 16, "avx2": 8, "neon": 4, "baseline": 4, "ref": 1}


def run(parts: list[str], rounds: int, seeds: int) -> None:
    """Measure, print, store. `parts`: some of products, steps, process, accuracy."""
    from pydl import _core

    lacking = missing_peers()
    before = machine.describe()
    print(f"{before['processor']}, {before['cpus']} CPUs, load {before['load'][0]:.2f}")
    print("missing peers:", ", ".join(lacking) or "none")
    rows: list[report.Row] = []
    details: dict[str, Any] = {
        "machine": before,
        "missing": lacking,
        "limits": {},
        "timings": [],
    }
    for threads in (1, 2):
        limits = machine.limits(threads)
        details["limits"][threads] = limits
        print(f"{threads} thread(s): {limits}")
        lanes = LANES[_core.info()["isa"]]
        if "products" in parts:
            timings = products.measure(threads, rounds)
            rows += label(products.rows(timings, limits, lanes), threads)
            keep(timings, details)
        if "steps" in parts:
            timings = steps.measure(threads, rounds)
            rows += label(steps.rows(timings), threads)
            rows += label([steps.adam_share(threads, rounds)], threads)
            keep(timings, details)
    if "process" in parts:
        rows += [process.digits_script(rounds), *process.planning(rounds)]
        rows += [process.predict_row(rounds), *process.import_cost(rounds)]
        rows += [process.peak_memory(min(rounds, 3)), *process.sizes()]
    if "accuracy" in parts:
        rows += accuracy.rows("Keras-JAX" not in lacking, seeds)
    details["load after"] = machine.describe()["load"]
    print(report.table(rows))
    print("stored", report.store("spine", rows, details))


def label(rows: list[report.Row], threads: int) -> list[report.Row]:
    """Say how many threads the rows were measured with."""
    return [
        report.Row(**{**asdict(row), "what": f"{row.what} [{threads} thr]"})
        for row in rows
    ]


def keep(timings: dict[str, Timing], details: dict[str, Any]) -> None:
    """Note every median, and print them: the figures above are drawn from these."""
    for timing in timings.values():
        medians = {name: timing.median(name) for name in timing.rounds}
        details["timings"].append(
            {"case": timing.case, "threads": timing.threads, "seconds": medians,
             "errors": timing.errors}
        )  # fmt: skip
        cells = "  ".join(f"{name} {t * 1e6:.1f}" for name, t in medians.items())
        print(f"{timing.case} [{timing.threads}] us: {cells}")
        for name, error in timing.errors.items():
            print(f"  {name} failed: {error.strip().splitlines()[-1]}")
