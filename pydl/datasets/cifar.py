"""What the two CIFAR data sets share: archives of pickled rows."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pydl import config
from pydl.datasets.housing import Pair
from pydl.datasets.unpickling import read_pickle


def load_images(
    path: Path, train: Sequence[str], test: str, labels: str
) -> tuple[Pair, Pair]:
    """Images and labels of members of an archive, which is not unpacked.

    Raises ValueError for a file that is no such archive.
    """
    try:
        with tarfile.open(path) as archive:
            parts = [_read(archive, name, labels) for name in train]
            found = _read(archive, test, labels)
    except (tarfile.TarError, EOFError, KeyError, zlib.error) as error:
        raise ValueError(
            f"{path}: expected an archive with the files {train[0]} and {test}, "
            f"received one that cannot be read: {error}"
        ) from error
    x = np.concatenate([part[0] for part in parts])
    y = np.concatenate([part[1] for part in parts])
    return (x, y), found


def _read(archive: tarfile.TarFile, name: str, labels: str) -> Pair:
    member = archive.extractfile(name)
    if member is None:
        raise ValueError(f"{archive.name!r}: expected a file {name}")
    stored = read_pickle(member.read(), f"{archive.name!r}: {name}")
    y = np.asarray(stored[labels.encode()], "uint8").reshape(-1, 1)
    x = np.asarray(stored[b"data"], "uint8").reshape(len(y), 3, 32, 32)
    if config.image_data_format() == "channels_last":
        x = x.transpose(0, 2, 3, 1)
    return x, y
