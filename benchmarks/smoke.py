"""Runs every pydl case once and prints its time; no peers, no verdicts."""

from __future__ import annotations

from benchmarks.cases import GEMMS, NETWORKS
from benchmarks.compare import compare
from benchmarks.conv_cases import CONVS
from benchmarks.figures.convolution import PYDL as IMAGES
from benchmarks.peers import PYDL
from benchmarks.stream_cases import STREAMS


def smoke() -> None:
    """Raises RuntimeError naming the first case that fails."""
    names = [*NETWORKS, *list(GEMMS)[:3], "adam-10m", *STREAMS]
    timings = compare(names, [], threads=1, rounds=1)
    images = [*list(CONVS)[:6], "lenet-128"]
    timings |= compare(images, [], threads=1, rounds=1, ours=IMAGES)
    for name, timing in timings.items():
        if timing.errors:
            raise RuntimeError(f"{name}: {timing.errors[PYDL.name]}")
        print(f"{name}: {timing.median(PYDL.name) * 1e6:.1f} us a step")
