"""Data sets: content, search order, downloads and damaged files."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydl.datasets import digits, files, mnist

RNG = np.random.default_rng(0)


def small_mnist(path: Path) -> dict[str, np.ndarray]:
    arrays = {
        "x_train": RNG.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": RNG.integers(0, 10, 6, np.uint8),
        "x_test": RNG.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": RNG.integers(0, 10, 2, np.uint8),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return arrays


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another home and folder, no data folder, no network."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYDL_DATA_DIR", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def refuse(*_: Any, **__: Any) -> Any:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tmp_path / "home"


def test_digits() -> None:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1257, 8, 8) and x_test.shape == (540, 8, 8)
    assert x_train.dtype == y_test.dtype == np.uint8
    assert x_train.max() == 16 and set(y_train) == set(range(10)) == set(y_test)
    x, y = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
    assert x.sum() == 561718  # the sum scikit-learn's copy has
    np.testing.assert_array_equal(
        np.bincount(y), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    )


def test_digits_split_is_fixed() -> None:
    (x_train, y_train), _ = digits.load_data()
    (again, _), _ = digits.load_data()
    (other, _), _ = digits.load_data(seed=1)
    np.testing.assert_array_equal(x_train, again)
    assert not np.array_equal(x_train, other)
    # Written down so that no release of NumPy or pydl changes the split unnoticed.
    assert hashlib.sha256(y_train.tobytes()).hexdigest()[:16] == "638a0dd581054621"
    x_train[:] = 0  # the arrays are the caller's own


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2, float("nan")])
def test_digits_refuses_a_wrong_fraction(fraction: float) -> None:
    with pytest.raises(ValueError, match="0 <= test_fraction < 1, received"):
        digits.load_data(fraction)


@pytest.mark.parametrize("place", ["absolute", "relative", "PYDL_DATA_DIR"])
def test_mnist_is_found(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = small_mnist(tmp_path / "data" / "mnist.npz")
    path = "mnist.npz"
    if place == "absolute":
        path = str(tmp_path / "data" / "mnist.npz")
    elif place == "relative":
        monkeypatch.chdir(tmp_path / "data")
    else:
        monkeypatch.setenv("PYDL_DATA_DIR", str(tmp_path / "data"))
    (x_train, y_train), (x_test, y_test) = mnist.load_data(path)
    np.testing.assert_array_equal(x_train, arrays["x_train"])
    np.testing.assert_array_equal(y_train, arrays["y_train"])
    np.testing.assert_array_equal(x_test, arrays["x_test"])
    np.testing.assert_array_equal(y_test, arrays["y_test"])


def test_mnist_offline_says_what_to_do() -> None:
    with pytest.raises(OSError, match=r"Download https://.*mnist\.npz.*PYDL_DATA_DIR"):
        mnist.load_data()
    with pytest.raises(FileNotFoundError, match="no file 'other.npz'"):
        mnist.load_data("other.npz")


class Response(io.BytesIO):
    headers: dict[str, str] = {}


def remote(monkeypatch: pytest.MonkeyPatch, content: bytes, sha256: str) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Response(content))
    file = files.RemoteFile("mnist.npz", "https://example.com/mnist.npz", sha256)
    monkeypatch.setattr(mnist, "_FILE", file)


def test_download_is_kept(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = small_mnist(tmp_path / "source.npz")
    content = (tmp_path / "source.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    for answer in (content, b"asked again"):
        remote(monkeypatch, answer, digest)
        (x_train, _), _ = mnist.load_data()
        np.testing.assert_array_equal(x_train, arrays["x_train"])
    assert [p.name for p in (home / ".pydl" / "datasets").iterdir()] == ["mnist.npz"]


def test_altered_download_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote(monkeypatch, b"something else", "0" * 64)
    with pytest.raises(OSError, match="expected a file with SHA-256 0000"):
        mnist.load_data()
    assert list((home / ".pydl" / "datasets").iterdir()) == []


def header(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return out.getvalue()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    small_mnist(good)
    content = good.read_bytes()
    bad = tmp_path / "bad.npz"
    for cut in range(0, len(content), 97):
        bad.write_bytes(content[:cut])
        with pytest.raises(ValueError, match="bad.npz: expected an .npz file"):
            mnist.load_data(str(bad))


@pytest.mark.parametrize(
    ("shape", "descr", "message"),
    [
        ((10**9, 28, 28), "|u1", "cut short"),
        ((2**62, 28, 28), "|u1", "cut short"),
        ((-1, 28, 28), "|u1", "cut short"),
        ((6, 28), "|u1", r"is uint8 \(6, 28\)"),
        ((6, 8, 8), "|u1", "has the shape"),
        ((6, 28, 28), "<f4", "is float32"),
        ((6, 28, 28), "|O", "is object"),
    ],
)
def test_lying_headers_are_refused(
    tmp_path: Path, shape: tuple[int, ...], descr: str, message: str
) -> None:
    path = tmp_path / "lie.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", header(shape, descr) + bytes(64))
    with pytest.raises(ValueError, match=message):
        mnist.load_data(str(path))


def test_labels_have_to_be_as_many(tmp_path: Path) -> None:
    arrays = small_mnist(tmp_path / "mnist.npz")
    arrays["y_test"] = arrays["y_test"][:1]
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match="received 2 images and 1 labels"):
        mnist.load_data(str(tmp_path / "mnist.npz"))
