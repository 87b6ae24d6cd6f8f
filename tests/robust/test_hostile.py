"""No argument crashes the process: fuzzing in a process of its own, and known lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydl import _core

#: Cases to run; for a long hunt: PYDL_FUZZ=1000000 python -m pytest tests/robust
COUNT = int(os.environ.get("PYDL_FUZZ", "4000"))


@pytest.mark.parametrize("seed", [0, 1])
def test_hostile_arguments(seed: int, tmp_path: Path) -> None:
    log = tmp_path / "last_case.txt"
    script = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", script, str(COUNT // 2), str(seed), log],
        capture_output=True,
        text=True,
        check=False,
    )
    last = log.read_text() if log.exists() else ""
    assert done.returncode == 0, f"last case: {last}{done.stdout}{done.stderr[-3000:]}"
    assert "within the rules" in done.stdout


X = np.ones((3, 4), np.float32)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([X[::2]], None, "contiguous"),
        ([X.astype(">f4")], None, "plain dtype"),
        ([X.astype(complex)], None, "plain dtype"),
        ([np.array(["a"])], None, "plain dtype"),
        ([X], [np.ones((3, 4), np.float64)], "float32"),
        ([X], [np.ones(3, np.float32)], "bytes|shape"),
        ([X], [], "output"),
        ([X], [X.copy(), X.copy()], "output"),
        ([], None, "operand"),
        ([X, X], None, "operand"),
    ],
)
def test_wrong_buffers(inputs: list[Any], outputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.run_op("neg", inputs, {}, outputs)


def test_read_only_output() -> None:
    out = np.ones((3, 4), np.float32)
    out.setflags(write=False)
    with pytest.raises(ValueError, match="writable"):
        _core.run_op("neg", [X], {}, [out])


def test_operands_off_their_element_boundary_are_refused() -> None:
    raw = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(X.shape)
    with pytest.raises(ValueError, match="aligned|boundary"):
        _core.run_op("neg", [raw], {})
    with pytest.raises(ValueError, match="aligned|boundary"):
        _core.run_op("neg", [X], {}, [raw])


@pytest.mark.parametrize("shape", [(2**62, 2**62), (2**40, 2**40), (-5,), (1,) * 9])
def test_impossible_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="neg"):
        _core.infer("neg", [("float32", shape)], {})
