"""PYDL_ISA and the `isa` argument: a name that is not there is named in the error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pydl import _core

ROOT = Path(__file__).parents[2]
ONE_OP = "import pydl; pydl.ops.add([1.0], [2.0])"
COMPILED = """
import numpy as np
from pydl import models, layers
model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
model.predict(np.ones((1, 2), "float32"), verbose=0)
"""


def run_with(isa: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYDL_ISA": isa},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("code", [ONE_OP, COMPILED], ids=["one op", "a program"])
def test_unknown_name_in_the_environment(code: str) -> None:
    done = run_with("nope", code)
    assert done.returncode == 1
    names = " ".join(_core.info()["bundles"])
    said = f"instruction set 'nope' (PYDL_ISA) is not one of: {names}"
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("isa", ["", "ref"])
def test_known_names_in_the_environment(isa: str) -> None:
    code = "from pydl import _core; print(_core.info()['isa'])"
    done = run_with(isa, code)
    assert done.stdout.strip() == (isa or _core.info()["bundles"][0]), done.stderr


def test_unknown_name_as_an_argument() -> None:
    said = r"^instruction set 'nope' is not one of: .*\bref$"
    with pytest.raises(ValueError, match=said):
        _core.run_op("neg", [np.ones(2, "float32")], {}, isa="nope")
    with pytest.raises(ValueError, match=said):
        _core.kernels("neg", "nope")
