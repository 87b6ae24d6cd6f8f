"""Reading zip files of images in folders named after their classes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from posixpath import basename, splitext
from typing import Any

import numpy as np

from pydl.datasets.npz import Arrays

#: Formats that are decoded, by the suffixes files of them have.
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
#: No image of a data set of small pictures takes more; a forged size might.
_MOST_BYTES = 1 << 20


def read_zip(
    path: Path, parts: Sequence[str], classes: Sequence[str], size: tuple[int, int]
) -> list[tuple[Arrays, Arrays]]:
    """Images and labels of the members ``part/class/name.jpg`` (or ``.png``).

    Classes take turns: the first image of each class by name, the second of each, and
    so on, so that any stretch of rows holds all classes.

    Args:
        path: the zip file, which is not unpacked.
        parts: its outer folders, ``("train", "test")``.
        classes: the folders in each; the position is the label.
        size: height and width every image has to have.

    Returns:
        For each part the images ``(n, height, width, 3)`` and labels ``(n, 1)``, uint8.

    Raises ValueError for a file with other content, ImportError without Pillow.
    """
    image = _pillow()
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, parts, classes)
            return [_read(archive, members[part], size, image) for part in parts]
    except (zipfile.BadZipFile, ValueError) as error:
        raise ValueError(
            f"{path}: expected a zip file of images of {size[0]} x {size[1]} pixels in "
            f"{parts[0]}/{classes[0]} and so on, received one that cannot be read: "
            f"{error}"
        ) from error


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "images are decoded by Pillow, which is not installed: "
            "pip install pydl[data]"
        ) from error
    return Image


def _members(
    archive: zipfile.ZipFile, parts: Sequence[str], classes: Sequence[str]
) -> dict[str, list[tuple[int, zipfile.ZipInfo]]]:
    """(label, member) of each part, in the order of rows."""
    labels = {name: label for label, name in enumerate(classes)}
    found: dict[str, list[tuple[int, zipfile.ZipInfo]]] = {part: [] for part in parts}
    for info in archive.infolist():
        part, _, rest = info.filename.partition("/")
        folder, _, name = rest.partition("/")
        known = part in found and folder in labels and "/" not in name
        if known and _suffix(name) in _FORMATS:
            found[part].append((labels[folder], info))
    for part, members in found.items():
        missing = set(labels.values()).difference(label for label, _ in members)
        if missing:
            raise ValueError(f"it has no images in {part}/{classes[min(missing)]}")
        members.sort(key=lambda item: (_stem(item[1].filename), item[0]))
    return found


def _suffix(name: str) -> str:
    return splitext(name)[1].lower()


def _stem(name: str) -> str:
    return splitext(basename(name))[0]


def _read(
    archive: zipfile.ZipFile,
    members: Sequence[tuple[int, zipfile.ZipInfo]],
    size: tuple[int, int],
    image: Any,
) -> tuple[Arrays, Arrays]:
    x = np.empty((len(members), *size, 3), np.uint8)
    for row, (_, info) in enumerate(members):
        try:
            x[row] = _decode(archive, info, size, image)
        except Exception as error:  # damaged images fail in many ways
            raise ValueError(f"{info.filename}: {error}") from error
    y = np.array([label for label, _ in members], np.uint8).reshape(-1, 1)
    return x, y


def _decode(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: tuple[int, int], image: Any
) -> Any:
    if info.file_size > _MOST_BYTES:
        raise ValueError(f"it has {info.file_size} bytes")
    kind = _FORMATS[_suffix(info.filename)]
    # Opening reads the header alone; the pixels wait until the size is known.
    with image.open(io.BytesIO(archive.read(info)), formats=[kind]) as picture:
        width, height = picture.size
        if (height, width) != size:
            raise ValueError(f"it has {height} x {width} pixels")
        return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
