"""What this machine is, how busy it is, and what it can do at most."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NATIVE = Path(__file__).parent / "native"


def describe() -> dict[str, Any]:
    """Processor, system and load now."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "processor": model,
        "cpus": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "load": list(os.getloadavg()),
    }


def limits(threads: int) -> dict[str, float]:
    """Measured peaks of this many threads: gflops, scale_gbs, copy_gbs."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "limits"
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-pthread"]
        source = str(NATIVE / "limits.cpp")
        subprocess.run(["c++", *flags, source, "-o", str(program)], check=True)
        runs = [
            subprocess.run([program, str(threads)], check=True, capture_output=True)
            for _ in range(3)
        ]
    rows = [json.loads(run.stdout) for run in runs]
    return {key: max(row[key] for row in rows) for key in rows[0] if key != "threads"}
