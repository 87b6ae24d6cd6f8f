"""The command line, as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import pydl
from pydl import _core
from pydl.cli import main, output
from pydl.cli.info import driver_release

ROOT = Path(__file__).parents[2]


def run(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, "-m", "pydl", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for word in (pydl.__version__, "baseline", "ref", "threads", "GPU", "build type"):
        assert word in text
    assert "\x1b" not in text


@pytest.mark.skipif(not _core.devices()["count"], reason="no device")
def test_info_of_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    name = _core.device_info("cuda:0")["name"]
    for word in ("GPU cuda:0", name, "GiB free", "driver", "library", "CuPy"):
        assert word in text
    lines = [line.split() for line in text.splitlines()]
    assert ["CUDA", "runtime", _core.devices()["runtime"]] in lines


def test_info_reads_the_release_of_the_driver(tmp_path: Path) -> None:
    file = tmp_path / "version"
    assert driver_release(file) == ""
    file.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release\n"
        "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
    )
    assert driver_release(file) == "580.82.07"
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54  Fri\n")
    assert driver_release(file) == "550.54"


def test_info_says_why_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDL_CUDA", "off")
    done = run("info")
    assert done.returncode == 0
    assert "none: PYDL_CUDA=off: GPUs are not used" in done.stdout


def test_train_digits_and_inspect(tmp_path: Path) -> None:
    """From nothing to a saved model that can be looked into."""
    done = run("train", "digits", "--epochs", "15", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-2:]
    accuracy = float(last[0].split("%")[0])
    assert accuracy > 95, done.stdout
    assert "Total params" in done.stdout and "inspect digits.pydl" in last[1]
    assert "\x1b" not in done.stdout + done.stderr
    again = run("train", "digits", "--epochs", "15", "--out", "b.pydl", folder=tmp_path)
    assert (tmp_path / "b.pydl").read_bytes() == (tmp_path / "digits.pydl").read_bytes()
    assert again.returncode == 0
    shown = run("inspect", "digits.pydl", "--code", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for word in ("state", "(64, 128)", "entry 'predict", "entry 'train_step", "input"):
        assert word in shown.stdout


def test_train_mnist_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (256, 28, 28), np.uint8),
        "y_train": rng.integers(0, 10, 256, np.uint8),
        "x_test": rng.integers(0, 256, (64, 28, 28), np.uint8),
        "y_test": rng.integers(0, 10, 64, np.uint8),
    }
    np.savez(tmp_path / "data.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    command = [
        "train",
        "mnist",
        "--path",
        "data.npz",
        "--epochs",
        "1",
        "--out",
        "m.pydl",
    ]
    assert main(command) == 0
    assert (tmp_path / "m.pydl").stat().st_size > 4 * 784 * 512


def test_inspect_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.safetensors"
    arrays = {"dense/kernel": np.zeros((3, 4), np.float32), "n": np.zeros((), np.int64)}
    save_file(arrays, path, metadata={"made by": "a test"})
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    for word in ("dense/kernel", "(3, 4)", "F32", "I64", "made by"):
        assert word in text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff" * 64,
        (8).to_bytes(8, "little") + b"notjson!",
        (2**62).to_bytes(8, "little") + b"{}",
    ],
)
def test_inspect_of_something_else(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.pydl"
    path.write_bytes(content)
    assert main(["inspect", str(path)]) == 1
    assert "x.pydl" in capsys.readouterr().err


def test_inspect_of_a_plan_that_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = {"__metadata__": {"plan": json.dumps({"format": "pydl-plan"})}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (tmp_path / "x.pydl").write_bytes(len(text).to_bytes(8, "little") + text)
    assert main(["inspect", str(tmp_path / "x.pydl")]) == 1
    assert capsys.readouterr().err.startswith("pydl: ")


def test_wrong_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "missing.pydl")]) == 1
    assert "missing.pydl" in capsys.readouterr().err
    for arguments in ([], ["fly"], ["train", "cats"], ["info", "more"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


@pytest.mark.parametrize("epochs", ["0", "-3"])
def test_impossible_epochs(epochs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "digits", "--epochs", epochs])
    assert "epochs" in capsys.readouterr().err


def test_table_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    output.print_table("a title", ("x", "y"), [("[red]", 1)])
    text = capsys.readouterr().out
    assert "a title" in text and "[red]" in text  # shown as it is, not as a colour


def test_sizes_in_words() -> None:
    sizes = (0, 1023, 1536, 5 << 20, 3 << 30)
    words = [output.bytes_text(size) for size in sizes]
    assert words == ["0 bytes", "1023 bytes", "1.5 KiB", "5.0 MiB", "3.0 GiB"]
