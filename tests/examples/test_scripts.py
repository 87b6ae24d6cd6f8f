"""Each example runs as its page says, on a few made-up images."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pydl
from pydl.datasets import cifar10

ROOT = Path(__file__).parents[2]
ALBUM = (
    "curves", "filters", "feature_maps", "confusion", "mistakes", "grad_cam",
)  # fmt: skip
SHAPES = {
    "mnist_lenet": (28, 28, 1),
    "cifar10_vgg": (32, 32, 3),
    "cifar10_resnet20": (32, 32, 3),
    "cifar10_googlenet": (32, 32, 3),
    "cifar10_alexnet": (32, 32, 3),
    "transfer_learning": (32, 32, 3),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in the formats of the real ones."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.savez(
        folder / "mnist.npz",
        x_train=rng.integers(0, 256, (40, 28, 28), np.uint8),
        y_train=np.arange(40, dtype=np.uint8) % 10,
        x_test=rng.integers(0, 256, (20, 28, 28), np.uint8),
        y_test=np.arange(20, dtype=np.uint8) % 10,
    )
    with zipfile.ZipFile(folder / "cifar10_jpeg.zip", "w") as archive:
        for name in cifar10.CLASSES:
            for part, count in (("train", 4), ("test", 2)):
                for number in range(count):
                    pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
                    out = io.BytesIO()
                    Image.fromarray(pixels).save(out, "PNG")
                    member = f"{part}/{name}/{number:04}.png"
                    archive.writestr(member, out.getvalue())
    return folder


def run(
    name: str, data: Path, folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYDL_DATA_DIR": str(data),
        **variables,
    }
    script = str(ROOT / "examples" / f"{name}.py")
    return subprocess.run(
        [sys.executable, "-W", "error", script, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip


def check_pictures(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        with Image.open(folder / f"{name}.png") as picture:
            assert min(picture.size) >= 60
            assert len(set(picture.convert("L").tobytes())) > 2  # something is drawn


@pytest.mark.parametrize("name", SHAPES)
def test_example(name: str, data: Path, tmp_path: Path) -> None:
    done = run(name, data, tmp_path, "--epochs", "1", "--rows", "20")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout and done.stderr == ""
    out = tmp_path / "out" / name
    result = (out / "result.txt").read_text(encoding="utf-8")
    assert result in done.stdout and "%" in result and "seed 0" in result
    check_pictures(out, ALBUM)
    model = pydl.saving.load_model(out / "model.keras")
    shape = SHAPES[name]
    guesses = model.predict(np.zeros((2, *shape), np.uint8), verbose=0)
    classes = 5 if name == "transfer_learning" else 10
    assert guesses.shape == (2, classes)
    np.testing.assert_allclose(guesses.sum(1), 1, rtol=1e-5)
    if name == "transfer_learning":
        check_pictures(out, ("comparison",))
        return
    with open(out / "curve.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    accuracy = "val_main_accuracy" if "main_loss" in row else "val_accuracy"
    assert {"epoch", "loss", accuracy, "seconds"} <= set(row)


def test_same_seed_same_weights(data: Path, tmp_path: Path) -> None:
    found = []
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        arguments = ("--epochs", "1", "--rows", "20", "--out", folder, "--seed", seed)
        done = run("mnist_lenet", data, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        model = pydl.saving.load_model(tmp_path / folder / "model.keras")
        found.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_resnet_ends_in_time(data: Path, tmp_path: Path) -> None:
    done = run("cifar10_resnet20", data, tmp_path, "--minutes", "0.05", "--rows", "20")
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "out" / "cifar10_resnet20" / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    seconds = [float(row["seconds"]) for row in rows]
    rates = [float(row["learning_rate"]) for row in rows]
    assert len(rows) >= 1 and (len(rows) == 1 or seconds[-2] < 3.0 <= seconds[-1])
    assert rates[-1] < 0.05 and max(rates) <= 0.1


def test_wrong_options_are_refused_before_training(data: Path, tmp_path: Path) -> None:
    done = run("mnist_lenet", data, tmp_path, "--rows", "0")
    assert done.returncode == 2 and "expected 1 or more, received 0" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--epochs", "1", "--minutes", "1"), "expected --epochs or --minutes"),
        (("--minutes", "0"), "--minutes: expected more than 0, received 0.0"),
    ],
)
def test_resnet_refuses(
    arguments: tuple[str, ...], message: str, data: Path, tmp_path: Path
) -> None:
    done = run("cifar10_resnet20", data, tmp_path, *arguments)
    assert done.returncode == 2 and message in done.stderr


def test_without_data_and_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    """Nobody listens at the proxy that downloads are to take."""
    done = run(
        "cifar10_vgg", tmp_path, tmp_path,
        HOME=str(tmp_path), https_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "cifar-10-python.tar.gz" in last and "PYDL_DATA_DIR" in last


def test_help(tmp_path: Path) -> None:
    done = run("mnist_lenet", tmp_path, tmp_path, "--help")
    assert done.returncode == 0 and "LeNet-5 learns handwritten digits" in done.stdout
