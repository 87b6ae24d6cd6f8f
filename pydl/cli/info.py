"""``info``: what this build is and what it found on this machine."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from pydl import _core
from pydl.cli.output import bytes_text, print_table


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    command = commands.add_parser("info", help="version, kernels, threads, build")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prints one table."""
    print_table("pydl", ("what", "value"), rows(_core.info()))


def device_rows() -> list[tuple[str, object]]:
    """One line for each GPU, or why there is none."""
    found = _core.devices()
    if not found["count"]:
        return [("GPU", f"none: {found['missing']}"), *cuda_rows(found)]
    lines: list[tuple[str, object]] = []
    for index in range(found["count"]):
        device = _core.device_info(f"cuda:{index}")
        major, minor = device["compute_capability"]
        lines.append(
            (
                f"GPU {device['device']}",
                f"{device['name']} ({major}.{minor}), {device['processors']} "
                f"processors, {bytes_text(device['free_bytes'])} of "
                f"{bytes_text(device['total_bytes'])} free",
            )
        )
    lines += cuda_rows(found)
    lines.append(("  library", found["library"] or "the emulation, no real GPU"))
    lines.append(("  CuPy", cupy_text()))
    return lines


def cuda_rows(found: dict[str, Any]) -> list[tuple[str, object]]:
    """The versions of CUDA on both sides; none where pydl's own library is missing."""
    if not found["runtime"]:
        return []
    release = driver_release(DRIVER) if found["filler"] != "emulated" else ""
    driver = f"for CUDA {found['driver']}" if found["driver"] else "none"
    return [
        ("  CUDA runtime", found["runtime"]),
        ("  driver", f"{release}, {driver}" if release else driver),
    ]


#: Where the kernel says which driver it has loaded.
DRIVER = Path("/proc/driver/nvidia/version")


def driver_release(path: Path) -> str:
    """The driver's own number, such as "580.82.07"; "" where there is none."""
    with contextlib.suppress(OSError):
        if match := re.search(r"\s(\d{3,}\.[\d.]+)\s", path.read_text()):
            return match[1]
    return ""


def cupy_text() -> str:
    """The version of CuPy, without loading it."""
    for name in ("cupy-cuda13x", "cupy-cuda12x", "cupy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    return "not installed: tensors on a GPU are arrays of pydl's own"


def rows(found: dict[str, Any]) -> list[tuple[str, object]]:
    """The lines of the table."""
    forced = os.environ.get("PYDL_ISA")
    chosen = f"{found['isa']} (PYDL_ISA)" if forced else found["isa"]
    return [
        ("version", found["version"]),
        ("Python", platform.python_version()),
        ("machine", f"{platform.machine()}, {platform.system()}"),
        ("kernels", chosen),
        ("kernels available", ", ".join(found["bundles"])),
        ("threads", found["threads"]),
        ("  CPUs in the affinity mask", found["affinity_threads"]),
        ("  cgroup quota", found["cgroup_threads"] or "none"),
        (
            "  PYDL_NUM_THREADS, OMP_NUM_THREADS",
            found["environment_threads"] or "unset",
        ),
        *device_rows(),
        ("arena pool", bytes_text(found["arena_pool_bytes"])),
        ("compiler", found["compiler"]),
        ("build type", found["build_type"]),
        ("sanitizers", found["sanitize"] or "none"),
    ]
