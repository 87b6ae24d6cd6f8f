"""Training a table that is looked up: what a step's time grows with.

A row that is not in a cache takes longer than one that is, however it is updated: the
tables of 10 k rows (2.5 MB, slots not counted) stay in caches, those of 1 M (256 MB) do
not, and each of their rows stands in another page. So a hundred times the table may
cost up to `TABLE_BAR` times the step; a dense update would cost a hundred times.
"""

from __future__ import annotations

from benchmarks.cases import LOOKUPS, TABLES, Lookup
from benchmarks.compare import Timing, compare
from benchmarks.peers import Peer
from benchmarks.report import Row

TORCH = Peer("PyTorch eager, sparse", "torch_worker.py", "torch")
OPTIMIZERS = ("sgd", "adagrad", "adam")
SMALL, LARGE = TABLES[0], TABLES[-1]
#: A hundred times the table; four times the rows, whose activations and gradients of 4
#: MB each no longer fit a core's cache.
TABLE_BAR, ROWS_BAR = 3.0, 6.0


def measure(threads: int, rounds: int) -> dict[str, Timing]:
    """One optimizer after the other: the tables of all would need too much memory."""
    timings: dict[str, Timing] = {}
    for optimizer in OPTIMIZERS:
        names = [name for name, c in LOOKUPS.items() if c.optimizer == optimizer]
        timings |= compare(names, (TORCH,), threads, rounds)
    return timings


def rows(timings: dict[str, Timing]) -> list[Row]:
    """The ratios of step times, and PyTorch's time over ours."""
    found = []
    for optimizer in OPTIMIZERS:
        near, far = Lookup(optimizer, SMALL), Lookup(optimizer, LARGE)
        more = Lookup(optimizer, LARGE, 16_384)
        for what, over, under, bar in (
            ("1 M rows against 10 k", far, near, TABLE_BAR),
            ("batch 16,384 against 4,096", more, far, ROWS_BAR),
        ):
            ratio = _ours(timings[over.name]) / _ours(timings[under.name])
            found.append(
                Row(f"embedding {optimizer}, {what}", bar, ratio, "x", least=False)
            )
        for name in (near.name, far.name, more.name):
            timing = timings[name]
            if TORCH.name in timing.rounds:
                ratio = timing.ratio(TORCH.name)
                found.append(Row(f"step {name}", 1.0, ratio, "x", TORCH.name))
    return found


def _ours(timing: Timing) -> float:
    return timing.median("pydl")
