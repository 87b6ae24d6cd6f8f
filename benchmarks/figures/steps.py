"""Whole training steps through `fit`, and the optimizer by itself."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import closing

from benchmarks.compare import Timing, compare
from benchmarks.peers import PEERS, PYDL, Worker
from benchmarks.report import Row


def measure(cases: Sequence[str], threads: int, rounds: int) -> dict[str, Timing]:
    return compare(cases, PEERS, threads, rounds)


def rows(
    timings: Mapping[str, Timing], bars: Mapping[str, tuple[float, float]]
) -> list[Row]:
    """`bars`: for each case, times the best of all and times PyTorch."""
    found = []
    for name, (best_bar, torch_bar) in bars.items():
        timing = timings[name]
        best = timing.best_peer()
        if best:
            found.append(Row(f"step {name}", best_bar, timing.ratio(best), "x", best))
        eager = [peer for peer in timing.rounds if peer.startswith("PyTorch eager")]
        for peer in eager:
            found.append(Row(f"step {name}", torch_bar, timing.ratio(peer), "x", peer))
    return found


def adam_share(threads: int, rounds: int) -> Row:
    """Adam moves 28 bytes a parameter; the in-place scale the same 280 MB."""
    cases = ("adam-10m", "scale-280mb")
    seconds: dict[str, list[float]] = {case: [] for case in cases}
    with closing(Worker(PYDL, threads)) as worker:
        for case in cases:
            worker.time(case)  # sets up and warms
        for _ in range(2 * rounds):
            for case in cases:
                seconds[case].append(worker.time(case)["seconds"])
    adam, scale = (statistics.median(seconds[case]) for case in cases)
    return Row("Adam on 10 M parameters against in-place scale", 0.9, scale / adam, "x")
