"""Reading ``.npz`` files without trusting them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Arrays = npt.NDArray[np.uint8]
#: A shape to expect; None stands for any number.
Pattern = tuple[int | None, ...]


def read_npz(path: Path, expected: Mapping[str, Pattern]) -> dict[str, Arrays]:
    """The uint8 arrays of a file, in the shapes expected.

    Each array's header is checked against the bytes stored before memory is taken, and
    nothing is unpickled. Raises ValueError for a file with other content.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = {
                name: _read_member(archive, name, shape)
                for name, shape in expected.items()
            }
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the operating system's own words name the file
        raise ValueError(
            f"{path}: expected an .npz file with uint8 arrays "
            f"{_describe(expected)}, received one that cannot be read: {error}"
        ) from error
    _same_lengths(path, found)
    return found


def _read_member(archive: zipfile.ZipFile, name: str, expected: Pattern) -> Arrays:
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        shape, dtype = _read_header(member)
        if dtype != np.uint8 or len(shape) != len(expected):
            raise ValueError(f"array {name!r} is {dtype} {shape}")
        if any(
            want not in (None, size) for want, size in zip(expected, shape, strict=True)
        ):
            raise ValueError(f"array {name!r} has the shape {shape}")
        count = int(np.prod(shape, dtype=object))
        if not 0 <= count <= info.file_size:
            raise ValueError(f"array {name!r} of shape {shape} is cut short")
        data = member.read(count)
    if len(data) != count:
        raise ValueError(f"array {name!r} of shape {shape} is cut short")
    return np.frombuffer(bytearray(data), np.uint8).reshape(shape)


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"its array format is version {version}, not (1, 0)")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
    if fortran:
        raise ValueError("an array is stored column by column")
    return shape, dtype


def _same_lengths(path: Path, arrays: Mapping[str, Arrays]) -> None:
    """Images ``x...`` and labels ``y...`` of one set have to be equally many."""
    for name, array in arrays.items():
        labels = arrays.get("y" + name[1:])
        if name.startswith("x") and labels is not None and len(labels) != len(array):
            raise ValueError(
                f"{path}: expected as many labels as images, received {len(array)} "
                f"images and {len(labels)} labels"
            )


def _describe(expected: Mapping[str, Pattern]) -> str:
    return ", ".join(f"{name!r} {shape}" for name, shape in expected.items())
