"""One run of a figures table: what the machine is, the rows, every median, the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks import machine, report
from benchmarks.compare import Timing
from benchmarks.peers import missing_peers


class Session:
    """Collects rows and medians, prints them as they come, and stores them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lacking = missing_peers()
        self.rows: list[report.Row] = []
        found = machine.describe()
        self.details: dict[str, Any] = {
            "machine": found,
            "missing": self.lacking,
            "limits": {},
            "timings": [],
        }
        print(
            f"{found['processor']}, {found['cpus']} CPUs, load {found['load'][0]:.2f}"
        )
        print("missing peers:", ", ".join(self.lacking) or "none")

    def limits(self, threads: int) -> dict[str, float]:
        """What the machine can do now, with so many threads."""
        limits = machine.limits(threads)
        self.details["limits"][threads] = limits
        print(f"{threads} thread(s): {limits}")
        return limits

    def add(self, rows: list[report.Row], threads: int = 0) -> None:
        """Rows of the table; `threads`: how many they were measured with."""
        mark = f" [{threads} thr]" if threads else ""
        self.rows += [replace(row, what=row.what + mark) for row in rows]

    def keep(self, timings: Mapping[str, Timing]) -> None:
        """The medians that rows are drawn from."""
        for timing in timings.values():
            medians = {name: timing.median(name) for name in timing.rounds}
            self.details["timings"].append(
                {"case": timing.case, "threads": timing.threads, "seconds": medians,
                 "errors": timing.errors}
            )  # fmt: skip
            cells = "  ".join(f"{name} {t * 1e6:.1f}" for name, t in medians.items())
            print(f"{timing.case} [{timing.threads}] us: {cells}")
            for name, error in timing.errors.items():
                print(f"  {name} failed: {error.strip().splitlines()[-1]}")

    def finish(self) -> None:
        """Print the table and store it."""
        self.details["load after"] = machine.describe()["load"]
        print(report.table(self.rows))
        print("stored", report.store(self.name, self.rows, self.details))
