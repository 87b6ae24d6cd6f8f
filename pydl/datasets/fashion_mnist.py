"""Fashion-MNIST: 70,000 images of clothes of 28 x 28 pixels."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair

_ROOT = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load_data() -> tuple[Pair, Pair]:
    """The data set of H. Xiao, K. Rasul and R. Vollgraf (2017).

    The four files are looked for in ``PYDL_DATA_DIR``, then in the cache, to which they
    are downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images as uint8 arrays of shape
        ``(60000, 28, 28)`` and ``(10000, 28, 28)``, labels 0 to 9 as uint8 arrays.
    """
    train, test = (
        (_read(f"{part}-images", 3), _read(f"{part}-labels", 1))
        for part in ("train", "t10k")
    )
    return train, test


def _read(what: str, rank: int) -> np.ndarray:
    name = f"{what}-idx{rank}-ubyte.gz"
    path = RemoteFile(name, _ROOT + name).locate(name)
    return read_idx(path, rank)


def read_idx(path: Path, rank: int) -> np.ndarray:
    """The bytes of a gzipped IDX file, whose header must say so."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    start = 4 + 4 * rank
    shape = tuple(int(n) for n in np.frombuffer(data[4:start], ">u4"))
    known = data[:4] == bytes([0, 0, 8, rank]) and len(shape) == rank
    if not known or len(data) - start != int(np.prod(shape, dtype=object)):
        raise ValueError(
            f"{path}: expected an IDX file of uint8 with {rank} axes, received one "
            f"that begins with {data[:4]!r} and has {len(data)} bytes"
        )
    return np.frombuffer(bytearray(data[start:]), np.uint8).reshape(shape)
