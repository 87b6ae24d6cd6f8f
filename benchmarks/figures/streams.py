"""Ops that move memory, against what memory gives: a copy or a read of the same bytes.

The bytes of an op are those it must move: operands read once, results written once. The
limit is measured by ``native/streams.cpp`` in turn with the op, for the same footprint
(so in the same level of the caches) and the same number of threads.
"""

from __future__ import annotations

from benchmarks.compare import Timing, compare
from benchmarks.peers import PEERS, Peer
from benchmarks.report import Row
from benchmarks.stream_cases import STREAMS, Stream

BAR = 0.85
LIMIT = Peer("limit", "limit_worker.py", "numpy")
#: Shown, without a bar: below 0 every share is good.
INFORMATION = frozenset({"layer_norm_grad", "mse"})


def measure(threads: int, rounds: int) -> dict[str, Timing]:
    peers = [peer for peer in PEERS if peer.module in ("numpy", "torch", "jax")]
    peers = [p for p in peers if not p.arguments and not p.environment]
    return compare(list(STREAMS), [LIMIT, *peers], threads, rounds)


def rows(timings: dict[str, Timing]) -> list[Row]:
    """Each case's share of its limit; the peers' in words."""
    return [_row(STREAMS[name], timing) for name, timing in timings.items()]


def _row(case: Stream, timing: Timing) -> Row:
    limit = timing.median(LIMIT.name)
    others = [name for name in timing.rounds if name not in ("pydl", LIMIT.name)]
    words = [f"{name} {limit / timing.median(name):.2f}" for name in others]
    words.append(f"{case.limit} {case.bytes / limit / 1e9:.0f} GB/s")
    bar = 0.0 if case.op in INFORMATION else BAR
    share = timing.ratio(LIMIT.name)
    return Row(f"{case.name}, share of bandwidth", bar, share, "", ", ".join(words))
