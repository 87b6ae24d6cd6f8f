"""Keras's ``.weights.h5``: datasets such as ``layers/dense_1/vars/0``.

h5py is imported when a file is read or written. Links, external and virtual datasets
are refused: they would reach outside the file.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pydl.saving import own_state
from pydl.saving.walk import saves_itself, walk

#: Groups of a Keras file that hold other state than weights.
_KEPT_BY_KERAS = frozenset({"seed_generator", "optimizer", "_metrics", "metrics"})


def names(model: Any) -> dict[str, Any]:
    """``{path of the dataset: variable}``, less those of parts that save themselves."""
    return {
        f"{path}vars/{index}": variable
        for path, part in walk(model)
        if hasattr(part, "own_variables") and not saves_itself(part)
        for index, variable in enumerate(part.own_variables)
    }


def write(path: Path, model: Any) -> None:
    """Write all weights."""
    import h5py

    with h5py.File(path, "w") as file:
        fill(file, arrays_of(model))


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    """``{path of the dataset: content}`` of all weights."""
    arrays = {name: variable.numpy() for name, variable in names(model).items()}
    return arrays | own_state.collect(own_state.parts_of(model))


def fill(file: Any, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as datasets."""
    for name, array in arrays.items():
        dataset = file.create_dataset(name, data=array)
        if array.dtype.name == "bfloat16":  # two opaque bytes to HDF5; as Keras does
            dataset.attrs["dtype"] = "bfloat16"


def read_all(
    content: Any,
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    groups: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """All datasets of a file, given as a path or as an open one; `path` is for
    messages. Those that are not of a wanted name and shape, and not in one of the
    groups, are not read: zeros that take no memory stand for them."""
    whole = tuple(groups)
    with opened(content, path) as file:
        return {
            name: content_of(dataset)
            if shapes.get(name) == dataset.shape
            or (name.startswith(whole) and _is_stored(path, name, dataset))
            else np.broadcast_to(np.float32(0), dataset.shape)
            for name, dataset in datasets(path, file)
        }


def opened(content: Any, path: Path) -> Any:
    """The open file; ValueError unless it is an HDF5 file."""
    import h5py

    try:
        return h5py.File(content, "r")
    except OSError as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file: {error}") from None


def select(
    found: dict[str, np.ndarray],
    model: Any,
    variables: dict[str, Any],
    groups: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """The datasets that hold weights of layers: not the state of optimizers, metrics,
    seeds, and not what stands in one of the groups."""
    other = _KEPT_BY_KERAS | {
        name
        for name, value in vars(model).items()
        if hasattr(value, "apply_gradients") or hasattr(value, "update_state")
    }
    return {
        name: array
        for name, array in found.items()
        if name in variables
        or not (name.startswith(tuple(groups)) or other.intersection(name.split("/")))
    }


def _is_stored(path: Path, name: str, dataset: Any) -> bool:
    """True; ValueError for a dataset that would fill memory from next to no bytes."""
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > max(1 << 32, 1000 * dataset.id.get_storage_size()):
        raise ValueError(f"'{path}': dataset '{name}' is too large for what is stored")
    return True


def content_of(dataset: Any) -> np.ndarray:
    """A dataset as an array."""
    array = np.asarray(dataset[()])
    if dataset.attrs.get("dtype") == "bfloat16" and array.dtype.str == "|V2":
        return array.view("bfloat16")
    return array


def datasets(path: Path, group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``(name, dataset)`` of all datasets below a group; ValueError for links and for
    datasets that reach into other files."""
    import h5py

    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(
                f"'{path}': '{prefix}{key}' is a link, which is not allowed"
            )
        item = group[key]
        if isinstance(item, h5py.Group):
            yield from datasets(path, item, f"{prefix}{key}/")
        elif item.is_virtual or item.external:
            raise ValueError(
                f"'{path}': dataset '{prefix}{key}' reaches into other files, which "
                "is not allowed"
            )
        else:
            yield f"{prefix}{key}", item
