"""What ``import pydl`` loads, and does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Loaded when a feature needs them, never before.
LATER = (
    "rich h5py safetensors matplotlib cupy onnx PIL tensorboardX mpi4py pydot "
    "tensorflow keras torch jax sklearn urllib.request argparse"
).split()

EVERYTHING = """
for name in dir(pydl):
    getattr(pydl, name)
pydl.Sequential, pydl.layers.Dense, pydl.datasets.digits, pydl.ops.add
"""


def loaded(code: str) -> set[str]:
    """The modules a fresh interpreter has loaded after running some code."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    modules = loaded("import pydl")
    assert "pydl" in modules
    assert sorted(modules.intersection(LATER)) == []


def test_a_usual_script_loads_no_slow_part_of_the_standard_library() -> None:
    """Each would take a share of the time that a test of time, on a busy machine,
    would not notice."""
    usual = """
import pydl
pydl.Sequential, pydl.Model, pydl.layers.Dense, pydl.ops.matmul, pydl.losses.get
pydl.optimizers.Adam, pydl.metrics.Mean, pydl.callbacks.EarlyStopping
"""
    slow = "pathlib tempfile zipfile urllib.parse asyncio email random"
    more = loaded(usual) - loaded("import numpy, ml_dtypes")
    assert sorted(more.intersection(slow.split())) == []


def test_using_every_public_name_loads_nothing_optional() -> None:
    numpy = loaded("import numpy, ml_dtypes")
    modules = loaded("import pydl" + EVERYTHING)
    assert "pydl.layers" in modules
    assert sorted((modules - numpy).intersection(LATER) - {"urllib.request"}) == []


@pytest.mark.parametrize("module", ["h5py", "safetensors", "rich"])
def test_works_without(module: str) -> None:
    """A missing optional module does not keep the rest from being imported."""
    block = f"sys.modules[{module!r}] = None\nimport pydl"
    assert "pydl.layers" in loaded(block + EVERYTHING)


def test_importing_twice_is_one_module() -> None:
    code = "import pydl, pydl as keras\nassert keras is pydl and keras.Sequential"
    assert "pydl.models" in loaded(code)


@pytest.mark.parametrize("package", ["layers", "optimizers", "callbacks", "utils"])
def test_dir_names_what_is_not_loaded_yet(package: str) -> None:
    """What a shell offers after the dot."""
    code = f"import pydl.{package} as p; print(*sorted(set(p.__all__) - set(dir(p))))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
