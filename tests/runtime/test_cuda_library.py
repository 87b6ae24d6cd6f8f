"""libpydl_cuda.so as a file: what it shows and needs, and that it loads anywhere."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).parents[2]
LIBRARY = Path(
    os.environ.get("PYDL_CUDA_LIBRARY")
    or Path(pydl.__file__).parent / "libpydl_cuda.so"
)
pytestmark = pytest.mark.skipif(
    not LIBRARY.exists(), reason="this build has no CUDA library (PYDL_CUDA)"
)
#: The release's limit, for all architectures.
MOST_BYTES = 60_000_000


def listed(tool: str, *options: str) -> list[str]:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    command = [tool, *options, str(LIBRARY)]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()


def test_one_symbol_is_shown() -> None:
    symbols = [line.split()[-1] for line in listed("nm", "-D", "--defined-only")]
    assert symbols == ["pydl_cuda_table"]


def test_needs_no_library_of_nvidias() -> None:
    needed = [line for line in listed("readelf", "-d") if "NEEDED" in line]
    assert needed and not [line for line in needed if "cuda" in line or "nv" in line]
    assert not [line for line in needed if "libpydl" in line]


def test_is_not_too_large() -> None:
    assert LIBRARY.stat().st_size <= MOST_BYTES


def test_another_version_is_refused() -> None:
    table = ctypes.CDLL(str(LIBRARY)).pydl_cuda_table
    table.restype = ctypes.c_void_p
    table.argtypes = [ctypes.c_void_p]
    assert table(None) is None
    assert table(ctypes.create_string_buffer(b"\xff" * 64)) is None


def test_loads_without_a_driver() -> None:
    """On a machine without a GPU the reason is said; on others there is one."""
    code = """
from pydl import _core
found = _core.devices()
assert found["count"] or "no GPU can be used" in found["missing"], found
"""
    environment = {**os.environ, "PYDL_CUDA": "", "PYDL_CUDA_LIBRARY": str(LIBRARY)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
