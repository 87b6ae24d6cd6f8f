"""The language's figures table."""

from __future__ import annotations

from benchmarks.cases import LANGUAGE_MLPS
from benchmarks.figures import steps
from benchmarks.figures.session import Session

PARTS = ("steps",)

#: case -> (times the best of all, times PyTorch)
BARS = {"wide-256": (1.2, 2.5), "autoencoder-128": (1.4, 2.8)}


def run(parts: list[str], rounds: int, seeds: int) -> None:
    """Measure, print, store. `parts`: some of `PARTS`."""
    session = Session("language")
    for threads in (1, 2):
        session.limits(threads)
        if "steps" in parts:
            timings = steps.measure(list(LANGUAGE_MLPS), threads, rounds)
            session.add(steps.rows(timings, BARS), threads)
            session.keep(timings)
    session.finish()
