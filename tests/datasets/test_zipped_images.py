"""CIFAR-10 from a zip file of images: order, search order, damaged files."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pydl import config
from pydl.datasets import cifar10, files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of one's own, no home, no network."""
    monkeypatch.setenv("PYDL_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(files, "cache_folder", lambda *_: tmp_path / "cache")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr(files.urllib.request, "urlopen", refuse)
    return tmp_path


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def plain(value: int, size: tuple[int, int] = (32, 32)) -> bytes:
    return encoded(np.full((*size, 3), value, np.uint8))


def store(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def whole(train: int = 3, test: int = 2) -> dict[str, bytes]:
    """Images of one grey each: ten times the label, plus the number."""
    members = {"train/": b"", "train/bird/": b"", "readme.txt": b"words"}
    for label, name in reversed(list(enumerate(cifar10.CLASSES))):
        for part, count in (("train", train), ("test", test)):
            for number in reversed(range(count)):
                place = f"{part}/{name}/{number:04}.png"
                members[place] = plain(10 * label + number)
    return members


def test_classes_take_turns_in_the_official_numbering(folder: Path) -> None:
    store(folder / "cifar10_jpeg.zip", whole())
    (x, y), (x_test, y_test) = cifar10.load_data()
    assert x.shape == (30, 32, 32, 3) and x_test.shape == (20, 32, 32, 3)
    assert x.dtype == y.dtype == np.uint8
    assert y.ravel().tolist() == [*range(10)] * 3 and y_test.shape == (20, 1)
    numbers = np.repeat(np.arange(3), 10)
    expected = (10 * y.ravel() + numbers)[:, None, None, None]
    np.testing.assert_array_equal(x, np.broadcast_to(expected, x.shape))
    x[:] = 0  # the arrays are the caller's own


def test_jpeg_and_grey_images_become_three_channels(folder: Path) -> None:
    members = whole(1, 1)
    ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    del members["train/cat/0000.png"]
    members["train/cat/0000.JPG"] = encoded(ramp, "JPEG")
    store(folder / "cifar10_jpeg.zip", members)
    (x, _), _ = cifar10.load_data()
    for channel in range(3):
        difference = x[3, :, :, channel].astype(int) - ramp
        assert np.abs(difference).max() <= 6  # JPEG loses a little


def test_channels_first(folder: Path) -> None:
    store(folder / "cifar10_jpeg.zip", whole(1, 1))
    config.set_image_data_format("channels_first")
    try:
        (x, _), (x_test, _) = cifar10.load_data()
    finally:
        config.set_image_data_format("channels_last")
    assert x.shape == x_test.shape == (10, 3, 32, 32)


@pytest.mark.parametrize("place", ["absolute", "relative", "PYDL_DATA_DIR"])
def test_a_zip_of_any_name_is_found(
    place: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = folder / "other"
    other.mkdir()
    path = store(other / "mine.zip", whole(1, 1))
    if place == "relative":
        monkeypatch.chdir(other)
    elif place == "PYDL_DATA_DIR":
        monkeypatch.setenv("PYDL_DATA_DIR", str(other))
    name = str(path) if place == "absolute" else "mine.zip"
    (x, _), _ = cifar10.load_data(path=name)
    assert len(x) == 10


def test_nothing_at_hand_and_no_network(folder: Path) -> None:
    with pytest.raises(OSError, match=r"no network.*tar\.gz.*PYDL_DATA_DIR"):
        cifar10.load_data()
    with pytest.raises(FileNotFoundError, match=r"no file 'mine\.zip'"):
        cifar10.load_data("mine.zip")


def test_the_archive_comes_before_the_zip(folder: Path) -> None:
    store(folder / "cifar10_jpeg.zip", whole(1, 1))
    (folder / "cifar-10-python.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"expected an archive with the files"):
        cifar10.load_data()
    (x, _), _ = cifar10.load_data("cifar10_jpeg.zip")
    assert len(x) == 10


def changed(**members: bytes | None) -> dict[str, bytes]:
    """Ten images a part with some put in (or, None, taken out)."""
    found: dict[str, Any] = whole(1, 1)
    for name, content in members.items():
        found[f"train/dog/{name}"] = content
    return {name: content for name, content in found.items() if content is not None}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (changed(**{"0000.png": None}), "no images in train/dog"),
        (changed(**{"0000.png": b""}), r"train/dog/0000\.png: "),
        (changed(**{"0000.png": plain(1)[:60]}), r"train/dog/0000\.png: "),
        (changed(**{"0000.png": b"GIF89a" + bytes(40)}), r"train/dog/0000\.png: "),
        (
            changed(**{"0001.png": plain(1, (32, 28))}),
            r"0001\.png: it has 32 x 28 pixels",
        ),
        (changed(**{"0001.png": plain(1, (9000, 9))}), "it has 9000 x 9 pixels"),
        (changed(**{"0000.jpg": plain(1)}), r"train/dog/0000\.jpg: "),
        (changed(**{"0001.png": bytes(2**20 + 1)}), "it has 1048577 bytes"),
    ],
)
def test_other_content_is_refused(
    folder: Path, members: dict[str, bytes], message: str
) -> None:
    store(folder / "cifar10_jpeg.zip", members)
    expected = rf"cifar10_jpeg\.zip: expected a zip file of images .*{message}"
    with pytest.raises(ValueError, match=expected):
        cifar10.load_data()


def test_a_zip_cut_short_is_refused(folder: Path) -> None:
    content = store(folder / "whole.zip", whole(1, 1)).read_bytes()
    for cut in (0, 10, len(content) // 2, len(content) - 1):
        (folder / "cut.zip").write_bytes(content[:cut])
        with pytest.raises(ValueError, match=r"cut\.zip: expected a"):
            cifar10.load_data("cut.zip")


def test_without_pillow_the_error_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(folder / "cifar10_jpeg.zip", whole(1, 1))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install pydl\[data\]"):
        cifar10.load_data()
