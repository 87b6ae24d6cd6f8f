"""ResNet-50 in a process of its own: planning its training step, peak memory."""

from __future__ import annotations

import sys

from benchmarks.figures.process import SCRIPTS, run
from benchmarks.peers import peers_python
from benchmarks.report import Row


def _measured(python: str, *arguments: str) -> tuple[float, float]:
    """Megabytes, and seconds of the first step beyond a later one."""
    command = [python, str(SCRIPTS / "resnet50.py"), *arguments]
    megabytes, seconds = run(command).split()
    return float(megabytes), float(seconds)


def rows(rounds: int) -> list[Row]:
    ours = [_measured(sys.executable, "pydl") for _ in range(rounds)]
    eager, _ = _measured(peers_python(), "torch")
    _, compiling = _measured(peers_python(), "torch", "--compile")
    megabytes = min(memory for memory, _ in ours)
    planning = min(seconds for _, seconds in ours)
    return [
        Row(
            "building the ResNet-50 training plan",
            0.4, planning, " s", f"torch.compile {compiling:.1f} s", False,
        ),
        Row(
            "peak memory of the ResNet-50 step",
            0.7, megabytes / eager, "x",
            f"PyTorch {eager:.0f} MB, pydl {megabytes:.0f} MB", False,
        ),
    ]  # fmt: skip
