"""The C example, built with a plain C compiler, on a model exported from Python."""

from __future__ import annotations

import ctypes as c
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl as keras
from capi.library import LIBRARY, OK, load, open_library, pointer
from pydl import _core
from pydl.datasets import digits

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "embed_c" / "digits.c"
COMPILER = shutil.which("cc")
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]

Array = np.ndarray[Any, Any]


def make_model() -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


def load_rows() -> tuple[Array, Array]:
    (x, y), _ = digits.load_data()
    return x.reshape(-1, 64).astype(np.float32) / 16, y.astype(np.int64)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None:
        pytest.skip("no C compiler")
    path = tmp_path_factory.mktemp("embed_c") / "digits"
    folder = str(LIBRARY.parent)
    command = [COMPILER, *FLAGS, f"-I{ROOT / 'csrc' / 'include'}", str(EXAMPLE)]
    link = [f"-L{folder}", "-lpydl", f"-Wl,-rpath,{folder}", "-o", str(path)]
    subprocess.run([*command, *link], check=True)
    return path


def run(program: Path, *args: Path) -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def write_rows(path: Path, x: Array, y: Array) -> None:
    pixels = np.rint(x * 16).astype(np.uint8)
    path.write_bytes(np.column_stack([pixels, y.astype(np.uint8)]).tobytes())


def test_the_program_classifies_trains_and_saves(program: Path, tmp_path: Path) -> None:
    exported, data, saved = (tmp_path / name for name in ("m.pydl", "rows", "out.pydl"))
    make_model().export(str(exported))
    x, y = load_rows()
    write_rows(data, x, y)
    before = exported.read_bytes()
    result = run(program, exported, data, saved)
    assert result.returncode == 0, result.stderr
    assert f"{len(x)} rows, accuracy" in result.stdout
    assert float(result.stdout.split("accuracy")[1].split(",")[1].split()[0]) > 0.8
    assert exported.read_bytes() == before
    again = run(program, saved, data, saved)
    assert again.returncode == 0, again.stderr


def test_the_program_draws_digits_of_its_own(program: Path, tmp_path: Path) -> None:
    exported = tmp_path / "m.pydl"
    make_model().export(str(exported))
    result = run(program, exported)
    assert result.returncode == 0, result.stderr
    assert "1000 rows" in result.stdout
    assert float(result.stdout.split("before, ")[1].split()[0]) > 0.95


def test_the_program_reports_errors(program: Path, tmp_path: Path) -> None:
    exported, data = tmp_path / "m.pydl", tmp_path / "rows"
    make_model().export(str(exported))
    x, y = load_rows()
    y[40] = 10
    write_rows(data, x, y)
    result = run(program, exported, data)
    assert result.returncode == 1
    assert "train: error 6: train: the label of row 40 is out of range" in result.stderr
    result = run(program, tmp_path / "missing")
    assert result.returncode == 1
    assert "load: error 4:" in result.stderr and "No such file" in result.stderr
    data.write_bytes(b"")
    result = run(program, exported, data)
    assert result.returncode == 1 and "expected rows of 65 bytes" in result.stderr
    cut = tmp_path / "cut.pydl"
    cut.write_bytes(exported.read_bytes()[:-1])
    result = run(program, cut)
    assert result.returncode == 1
    assert "load: error 2:" in result.stderr


def test_training_from_c_gives_the_bits_of_training_from_python(
    tmp_path: Path,
) -> None:
    model = make_model()
    path = tmp_path / "m.pydl"
    model.export(str(path))
    x, y = (rows[: 32 * 20] for rows in load_rows())
    loss = c.c_float()
    with load(open_library(), path) as native:
        args = (pointer(x), pointer(y), len(x), c.byref(loss))
        assert native.call("pydl_train", *args) == (OK, "")
        saved = tmp_path / "saved.pydl"
        assert native.call("pydl_save", str(saved).encode()) == (OK, "")
        out = np.empty((len(x), 10), np.float32)
        native.predict(np.ascontiguousarray(x), out)
    model.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0)
    trained = {
        array.tobytes() for array in _core.read_model(str(saved))[1] if array.size > 1
    }
    for weight in model.get_weights():
        assert weight.tobytes() in trained
    np.testing.assert_allclose(out, model.predict(x, verbose=0), rtol=1e-5, atol=1e-7)
