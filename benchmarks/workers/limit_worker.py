"""The machine itself: plain copies and reads of the bytes that an op must move."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from serve import serve_seconds

from benchmarks.machine import NATIVE
from benchmarks.stream_cases import STREAMS


def build() -> Path:
    program = Path(tempfile.mkdtemp()) / "streams"
    flags = ["-O3", "-march=native", "-pthread"]
    source = str(NATIVE / "streams.cpp")
    subprocess.run(["c++", *flags, source, "-o", str(program)], check=True)
    return program


streams = subprocess.Popen(
    [build(), os.environ["OMP_NUM_THREADS"]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
)  # fmt: skip


def seconds(name: str) -> float | None:
    """Of one pass over the bytes of a case."""
    case = STREAMS.get(name)
    if case is None or streams.stdin is None or streams.stdout is None:
        return None
    streams.stdin.write(f"{case.limit} {case.bytes}\n")
    streams.stdin.flush()
    return float(streams.stdout.readline())


serve_seconds(seconds)
