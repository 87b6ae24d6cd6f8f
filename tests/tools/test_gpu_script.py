"""`benchmarks.gpu`: parts that fail or hang do not stop the rest, and its verdicts."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("benchmarks.gpu", reason="the benchmarks are not installed")

from benchmarks import gpu  # noqa: E402
from benchmarks.figures import cuda  # noqa: E402
from benchmarks.gpu_cases import PRODUCTS, STEPS, STREAMS, WIDE  # noqa: E402


def python(code: str, limit: float = 20, **extra: Any) -> gpu.Part:
    return gpu.Part("part", [sys.executable, "-c", code], limit, **extra)


def test_how_parts_end(capsys: pytest.CaptureFixture[str]) -> None:
    good = gpu.run_part(python("print('one'); print('12 passed')"), 60)
    assert (good.state, good.note) == ("ok", "12 passed")
    bad = gpu.run_part(python("raise SystemExit('no')"), 60)
    assert (bad.state, bad.note) == ("failed", "no")
    assert "   | no" in capsys.readouterr().out
    left_out = gpu.run_part(python("", skip="nvcc is not on the PATH"), 60)
    assert (left_out.state, left_out.note) == ("skipped", "nvcc is not on the PATH")
    assert gpu.run_part(python(""), 1).note == "no time left"


def test_a_part_that_hangs_ends_with_all_it_started(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    code = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(noted)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )
    start = time.perf_counter()
    assert gpu.run_part(python(code, limit=3), 60).state == "hung"
    assert time.perf_counter() - start < 20
    for _ in range(100):  # until the system has noticed
        status = Path(f"/proc/{noted.read_text()}/status")
        if not status.exists() or "Z (zombie)" in status.read_text():
            return
        time.sleep(0.05)
    os.kill(int(noted.read_text()), 9)
    pytest.fail("what the part had started is still there")


def outcome(note: str, state: str = "ok") -> gpu.Outcome:
    return gpu.Outcome("tests", state, note=note)


def test_correctness_counts_tests() -> None:
    assert gpu.correctness([]) is None
    assert gpu.correctness([outcome("", "skipped")]) is None
    assert gpu.correctness([outcome("30 passed in 2 s"), outcome("")]) == 100
    notes = [outcome("2 failed, 5 passed, 1 skipped, 1 error in 2 s", "failed")]
    assert gpu.correctness(notes) == 100 * 5 / 8
    assert gpu.correctness([outcome("30 passed"), outcome("killed", "hung")]) < 100


def timings(ours: float, peers: dict[str, float]) -> dict[str, dict[str, float]]:
    cases = [*PRODUCTS, *STREAMS, *STEPS]
    return {case: {"pydl": ours, **peers} for case in cases}


def test_figures_are_ratios_to_the_best_peer_of_their_kind() -> None:
    peers = {
        "PyTorch eager": 6.0, "PyTorch CUDA graphs": 1.5, "PyTorch compiled": 0.5,
        "JAX lax.scan": 1.0, "CuPy": 3.0,
    }  # fmt: skip
    seconds = timings(1.0, peers)
    rows = cuda.rows(seconds, {"correct": 100.0, "first step ms": 120.0})
    assert len(rows) == len(cuda.FIGURES)
    verdicts = {row.what.partition(",")[0]: (row.measured, row.good) for row in rows}
    assert verdicts["bf16 GEMM 4096 against cuBLAS"] == (3.0, True)
    assert verdicts["8192-8192-8192 MLP"] == (0.5, False)
    assert verdicts["first fit call to first finished step"] == (120.0, False)
    steps = [row for row in rows if row.what.startswith("steps of the spine")]
    assert [(row.measured, row.good) for row in steps] == [
        (6.0, True), (1.5, True), (1.0, False)
    ]  # fmt: skip
    (share,) = [row for row in rows if "bandwidth" in row.what]
    least = min(n for name, n in STREAMS.items() if name != "copy")
    fastest_copy = 0.5  # of all libraries
    assert share.measured == pytest.approx(least / STREAMS["copy"] * fastest_copy)


def test_what_was_not_measured_is_no_row() -> None:
    assert cuda.rows({}, {}) == []
    seconds = timings(1.0, {})  # no peer
    assert [row.unit for row in cuda.rows(seconds, {})] == [""]
    del seconds["softmax"]["pydl"]
    assert cuda.rows(seconds, {}) == []
    partly = {"mlp-128": {"pydl": 1.0, "PyTorch eager": 9.0}}
    assert cuda.rows(partly, {}) == []


def test_the_table_says_what_is_unmeasured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cuda, "RESULTS", tmp_path)
    cuda.show()
    text = capsys.readouterr().out
    assert text.count("  unmeasured") == len(cuda.FIGURES)
    assert "measured: nothing yet" in text
    wide = f'{{"seconds": {{"{WIDE.name}": {{"pydl": 1.0, "PyTorch compiled": 2.0}}}}}}'
    (tmp_path / "2026-01-01-gpu.json").write_text(wide)
    cuda.show()
    text = capsys.readouterr().out
    assert text.count("  unmeasured") == len(cuda.FIGURES) - 1
    assert "measured: 2026-01-01-gpu.json" in text
