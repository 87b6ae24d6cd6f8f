"""top-k, sort, cumsum, gather, one-hot, transpose against NumPy and PyTorch.

Eager calls on both sides: what a user of either library would time.
"""

from __future__ import annotations

from benchmarks.compare import Timing, compare
from benchmarks.peers import PEERS
from benchmarks.rearranging import REARRANGING
from benchmarks.report import Row

#: The libraries whose eager ops these are.
RIVALS = [
    peer for peer in PEERS if peer.module in ("numpy", "torch") and not peer.arguments
]


def measure(threads: int, rounds: int) -> dict[str, Timing]:
    return compare(list(REARRANGING), RIVALS, threads, rounds)


def rows(timings: dict[str, Timing]) -> list[Row]:
    """Of every family the case that does worst against the better library."""
    found = {}
    for name, case in REARRANGING.items():
        timing = timings[name]
        peer = timing.best_peer()
        if not peer:
            continue
        row = Row(
            f"{case.family}, eager, worst case",
            1.0, timing.ratio(peer), "x", f"{peer}, {name}",
        )  # fmt: skip
        kept = found.setdefault(case.family, row)
        if row.measured < kept.measured:
            found[case.family] = row
    return list(found.values())
