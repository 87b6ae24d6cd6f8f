"""Interleaved runs: every library takes its turn in every round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.peers import PYDL, Peer, Worker

#: Seconds between turns: OpenMP threads of the last library spin on for up to 0.2 s.
SETTLE = 0.25


@dataclass
class Timing:
    """Seconds per step of each library, by round."""

    case: str
    threads: int
    rounds: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def ratio(self, name: str) -> float:
        """How many times longer `name` takes than pydl: the median over rounds."""
        pairs = zip(self.rounds[name], self.rounds[PYDL.name], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    def best_peer(self) -> str:
        """The fastest other library, "" when there is none."""
        others = [name for name in self.rounds if name != PYDL.name]
        return min(others, key=self.median, default="")


def compare(
    cases: Sequence[str],
    peers: Sequence[Peer],
    threads: int,
    rounds: int = 7,
    *,
    ours: Peer = PYDL,
    done: Callable[[Timing], None] | None = None,
) -> dict[str, Timing]:
    """Time pydl and the peers on every case. Peers without a case are left out.

    `ours`: pydl as a peer; its name must be that of `PYDL`. `done` sees every case as
    soon as it is timed.
    """
    workers = [Worker(peer, threads) for peer in (ours, *peers)]
    timings = {}
    try:
        for case in cases:
            timings[case] = _time_case(case, workers, threads, rounds)
            if done is not None:
                done(timings[case])
    finally:
        for worker in workers:
            worker.close()
    return timings


def _time_case(case: str, workers: list[Worker], threads: int, rounds: int) -> Timing:
    timing = Timing(case, threads)
    active = []
    for worker in workers:  # set up and warm
        answer = worker.time(case)
        if "seconds" in answer:
            active.append(worker)
        elif "error" in answer:
            timing.errors[worker.peer.name] = answer["error"]
    for _ in range(rounds):
        for worker in active:
            time.sleep(SETTLE)
            seconds = worker.time(case)["seconds"]
            timing.rounds.setdefault(worker.peer.name, []).append(seconds)
    return timing
