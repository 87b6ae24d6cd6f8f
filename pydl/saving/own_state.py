"""State that parts of a model store and read by methods of their own, as in Keras.

`save_own_variables(store)` fills a group of the HDF5 file; `load_own_variables(store)`
gets it back as a dict of arrays. `save_assets(folder)` writes files that a ``.keras``
archive carries under ``assets/``; `load_assets(folder)` finds them again.
"""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pydl.saving.walk import optimizers_of, saves_itself, walk

_ASSETS = "assets"


def parts_of(model: Any) -> dict[str, Any]:
    """The parts that store their variables themselves, by the path of their group."""
    return {f"{path}vars/": part for path, part in walk(model) if saves_itself(part)}


def optimizers_by_group(model: Any) -> dict[str, Any]:
    """The model's optimizers that store their state themselves, by group."""
    return {
        f"{name}/vars/": optimizer
        for name, optimizer in optimizers_of(model).items()
        if saves_itself(optimizer)
    }


def collect(parts: dict[str, Any]) -> dict[str, np.ndarray]:
    """What the parts store, by the path of the dataset."""
    found: dict[str, np.ndarray] = {}
    for group, part in parts.items():
        store: dict[str, Any] = {}
        part.save_own_variables(store)
        for key, value in store.items():
            try:
                found[group + key] = _array(value)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{_label(part)}: save_own_variables: store[{key!r}]: expected an "
                    f"array or a number, received {value!r} ({error})"
                ) from None
    return found


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if array.dtype.kind == "O":
        raise TypeError("an array of Python objects")
    return array


def restore(
    parts: dict[str, Any], datasets: dict[str, np.ndarray], skip_mismatch: bool = False
) -> None:
    """Let the parts read what they stored.

    Raises ValueError naming the part whose method failed; the variables of all parts
    are as before then. With `skip_mismatch` that is a warning, for that part alone.
    """
    before = [
        (v, v.numpy().copy()) for part in parts.values() for v in _variables(part)
    ]
    for group, part in parts.items():
        store = {
            name.removeprefix(group): array
            for name, array in datasets.items()
            if name.startswith(group)
        }
        try:
            part.load_own_variables(store)
        except Exception as error:
            text = f"{_label(part)}: load_own_variables failed: {error}"
            if skip_mismatch:
                warnings.warn(text, stacklevel=2)
                continue
            for variable, value in before:
                variable.assign(value)
            raise ValueError(text) from error


def _variables(part: Any) -> list[Any]:
    found = part.own_variables if hasattr(part, "own_variables") else None
    return list(getattr(part, "variables", ()) if found is None else found)


def refuse(model: Any, file_format: str) -> None:
    """ValueError for a model with parts that a format without groups cannot serve:
    those that save themselves, unless they store nothing at all."""
    for group, part in parts_of(model).items():
        if not _variables(part) and not collect({group: part}):
            continue
        raise ValueError(
            f"{_label(part)} defines save_own_variables or load_own_variables, which "
            f"`{file_format}` files cannot serve: they hold named weights only. Use "
            "`.weights.h5` or `.keras`."
        )


def _label(part: Any) -> str:
    name = getattr(part, "name", None)
    kind = type(part).__name__
    return f"layer '{name}' ({kind})" if hasattr(part, "call") else f"{kind} '{name}'"


def asset_files(model: Any) -> dict[str, bytes]:
    """What the parts write as files, by the name in the archive."""
    found: dict[str, bytes] = {}
    for path, part in walk(model):
        if not _has(part, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            part.save_assets(folder)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    inside = file.relative_to(folder).as_posix()
                    found[f"{_ASSETS}/{path}{inside}"] = file.read_bytes()
    return found


def _has(part: Any, name: str) -> bool:
    return callable(getattr(type(part), name, None))


def load_assets(model: Any, archive: zipfile.ZipFile) -> None:
    """Let the parts read their files: each gets its folder, or None where the archive
    has files, but none of its own. ValueError names the part that failed."""
    readers = [pair for pair in walk(model) if _has(pair[1], "load_assets")]
    members = [i for i in archive.infolist() if i.filename.startswith(f"{_ASSETS}/")]
    if not readers or not members:
        return
    with _unpacked(archive, members) as root:
        for path, part in readers:
            folder = root / path
            try:
                part.load_assets(str(folder) if folder.is_dir() else None)
            except Exception as error:
                raise ValueError(
                    f"{_label(part)}: load_assets failed: {error}"
                ) from error


@contextmanager
def _unpacked(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]
) -> Iterator[Path]:
    """The members in a folder that goes afterwards; names that lead out of it, and
    members that grow a hundredfold beyond 256 MiB, are refused."""
    with tempfile.TemporaryDirectory() as folder:
        for info in members:
            name = PurePosixPath(info.filename)
            if ".." in name.parts or "\\" in info.filename or ":" in info.filename:
                raise ValueError(f"'{info.filename}' leads out of the archive")
            if info.file_size > max(1 << 28, 100 * info.compress_size):
                raise ValueError(f"'{info.filename}' is too large for what is stored")
            if info.is_dir():
                continue
            target = Path(folder, *name.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(info))
        yield Path(folder)
