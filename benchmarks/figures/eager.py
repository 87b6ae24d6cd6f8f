"""What one small eager call costs: Python, the gate, the bound program, the kernel."""

from __future__ import annotations

from benchmarks.compare import compare
from benchmarks.figures.rearranging import RIVALS
from benchmarks.peers import PYDL
from benchmarks.report import Row


def rows(rounds: int) -> list[Row]:
    """The sum of two tensors of 8 elements: microseconds, and times PyTorch's."""
    timing = compare(["eager-add-8"], RIVALS, 1, rounds)["eager-add-8"]
    what = "eager add of two 8-element tensors"
    found = [Row(what, 3.0, timing.median(PYDL.name) * 1e6, "us", least=False)]
    for peer in RIVALS:
        if peer.module == "torch" and peer.name in timing.rounds:
            share = 1 / timing.ratio(peer.name)
            found.append(Row(what, 3.0, share, "x", peer.name, least=False))
    return found
