"""The language's figures table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import LANGUAGE_MLPS
from benchmarks.figures import eager, embedding, rearranging, steps, streams
from benchmarks.figures.session import Session

#: case -> (times the best of all, times PyTorch)
BARS = {"wide-256": (1.2, 2.5), "autoencoder-128": (1.4, 2.8)}

#: part -> (what times it, what makes rows of the timings)
MEASURED: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "steps": (
        lambda threads, rounds: steps.measure(list(LANGUAGE_MLPS), threads, rounds),
        lambda timings: steps.rows(timings, BARS),
    ),
    "streams": (streams.measure, streams.rows),
    "rearranging": (rearranging.measure, rearranging.rows),
    "embedding": (embedding.measure, embedding.rows),
}
PARTS = (*MEASURED, "eager")


def run(parts: list[str], rounds: int, seeds: int, counts: list[int]) -> None:
    """Measure, print, store. `parts`: some of `PARTS`; `counts`: of threads."""
    session = Session("language")
    for threads in counts:
        session.limits(threads)
        for part, (measure, rows) in MEASURED.items():
            if part in parts:
                timings = measure(threads, rounds)
                session.add(rows(timings), threads)
                session.keep(timings)
    if "eager" in parts:
        session.add(eager.rows(rounds))
    session.finish()
