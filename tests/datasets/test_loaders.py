"""Loaders of data sets, on small files in the right format; none is downloaded."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydl import config
from pydl.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    files,
    imdb,
    reuters,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYDL_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(files, "cache_folder", lambda *_: tmp_path / "cache")
    return tmp_path


def test_houses(folder: Path) -> None:
    x, y = np.arange(2000.0).reshape(1000, 2), np.arange(1000.0)
    for name in ("boston_housing", "california_housing"):
        np.savez(folder / f"{name}.npz", x=x, y=y)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data()
    assert x_train.shape == (800, 2) and x_test.shape == (200, 2)
    assert sorted([*y_train, *y_test]) == y.tolist()
    np.testing.assert_array_equal(x_train[:, 0], y_train * 2)
    # The order of Keras: NumPy's RandomState(113) shuffles the row numbers.
    order = np.arange(1000)
    np.random.RandomState(113).shuffle(order)
    np.testing.assert_array_equal(y_train, order[:800])
    (small, _), _ = california_housing.load_data(version="small", test_split=0.5)
    assert len(small) == 300
    with pytest.raises(ValueError, match="version=medium"):
        california_housing.load_data(version="medium")
    with pytest.raises(ValueError, match="Invalid `test_split` argument: 1"):
        boston_housing.load_data(test_split=1)


def cifar_archive(path: Path, members: dict[str, Any]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            data = pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def cifar_batch(n: int, **labels: list[int]) -> dict[bytes, Any]:
    data = np.arange(n * 3072).reshape(n, 3072).astype("uint8")
    return {b"data": data, **{k.encode(): v for k, v in labels.items()}}


def test_cifar(folder: Path) -> None:
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    members = {f"cifar-10-batches-py/{n}": cifar_batch(2, labels=[1, 9]) for n in names}
    cifar_archive(folder / "cifar-10-python.tar.gz", members)
    (x, y), (x_test, y_test) = cifar10.load_data()
    assert x.shape == (10, 32, 32, 3) and x.dtype == np.uint8
    assert y.tolist() == [[1], [9]] * 5 and y_test.shape == (2, 1)
    assert x_test[0, 0, :3, 0].tolist() == [0, 1, 2]
    fine = cifar_batch(2, fine_labels=[99, 3], coarse_labels=[19, 0])
    cifar_archive(
        folder / "cifar-100-python.tar.gz",
        {f"cifar-100-python/{n}": fine for n in ("train", "test")},
    )
    config.set_image_data_format("channels_first")
    try:
        (x, y), _ = cifar100.load_data("coarse")
    finally:
        config.set_image_data_format("channels_last")
    assert x.shape == (2, 3, 32, 32) and y.tolist() == [[19], [0]]


def test_pickles_name_nothing_but_arrays(folder: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("run",))

    cifar_archive(
        folder / "cifar-10-python.tar.gz", {"cifar-10-batches-py/data_batch_1": Evil()}
    )
    with pytest.raises(ValueError, match="it names .*print"):
        cifar10.load_data()


def idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(header + array.tobytes())


def test_fashion_mnist(folder: Path) -> None:
    images = np.arange(3 * 784).reshape(3, 28, 28).astype("uint8")
    for part in ("train", "t10k"):
        idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        idx(folder / f"{part}-labels-idx1-ubyte.gz", np.array([1, 2, 9], "uint8"))
    (x, y), (x_test, _) = fashion_mnist.load_data()
    np.testing.assert_array_equal(x, images)
    assert y.tolist() == [1, 2, 9] and x_test.shape == (3, 28, 28)
    idx(folder / "train-images-idx3-ubyte.gz", images[0])
    with pytest.raises(ValueError, match="IDX file of uint8 with 3 axes"):
        fashion_mnist.load_data()


def lists(*rows: list[int]) -> np.ndarray:
    array = np.empty(len(rows), object)
    array[:] = rows
    return array


def test_words(folder: Path) -> None:
    x, y = lists([1, 2, 3], [4, 50], [6], [7, 8]), np.array([0, 1, 0, 1])
    np.savez(folder / "imdb.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    np.savez(folder / "reuters.npz", x=x, y=y)
    (x_train, y_train), (x_test, _) = imdb.load_data(num_words=10)
    rows = {tuple(row) for row in x_train}
    assert rows == {(1, 4, 5, 6), (1, 7, 2), (1, 9), (1, 2, 2)}
    assert sorted(y_train) == [0, 0, 1, 1] and len(x_test) == 4
    (x_train, _), _ = imdb.load_data(
        start_char=None, oov_char=None, index_from=0, skip_top=5, maxlen=3
    )
    assert {tuple(row) for row in x_train} == {(50,), (6,), (7, 8)} - {(50,)} | {()}
    (x_train, _), (x_test, _) = reuters.load_data(test_split=0.25)
    assert len(x_train) == 3 and len(x_test) == 1
    with pytest.raises(ValueError, match="Increase maxlen"):
        reuters.load_data(maxlen=1)
    (folder / "imdb_word_index.json").write_text(json.dumps({"the": 1}))
    assert imdb.get_word_index() == {"the": 1}
    assert len(reuters.get_label_names()) == 46


def test_without_network_the_error_says_where_to_put_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr(files.urllib.request, "urlopen", refuse)
    for load in (
        boston_housing.load_data,
        imdb.load_data,
        cifar10.load_data,
        fashion_mnist.load_data,
        reuters.get_word_index,
    ):
        with pytest.raises(OSError, match="no network.*put it at one of"):
            load()
