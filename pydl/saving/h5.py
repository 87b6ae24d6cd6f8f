"""Keras's ``.weights.h5``: ``layers/<layer>/vars/<number>`` datasets.

h5py is imported when a file is read or written. Links, external and virtual datasets
are refused: they would reach outside the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydl.saving.names import named_sublayers


def names(model: Any) -> dict[str, Any]:
    """``{path of the dataset: variable}``."""
    found: dict[str, Any] = {}
    _collect(model, "", found, set())
    return found


def _collect(layer: Any, prefix: str, found: dict[str, Any], seen: set[int]) -> None:
    seen.add(id(layer))
    for index, variable in enumerate(layer.own_variables):
        found[f"{prefix}vars/{index}"] = variable
    for sublayer, name in named_sublayers(layer):
        if id(sublayer) not in seen:
            _collect(sublayer, f"{prefix}layers/{name}/", found, seen)


def write(path: Path, model: Any) -> None:
    """Write all weights."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, variable in names(model).items():
            file.create_dataset(name, data=variable.numpy())


def read(path: Path, variables: dict[str, Any]) -> dict[str, np.ndarray]:
    """The datasets that belong to the model, and others that hold weights of layers."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file: {error}") from None
    with file:
        arrays: dict[str, np.ndarray] = {}
        for name, dataset in _datasets(h5py, path, file, ""):
            variable = variables.get(name)
            if variable is not None and dataset.shape != tuple(variable.shape):
                arrays[name] = np.broadcast_to(
                    np.float32(0), dataset.shape
                )  # to be reported
            elif variable is not None:
                arrays[name] = np.asarray(dataset[()])
            elif name.startswith(("layers/", "vars/")) and "seed_generator" not in name:
                arrays[name] = np.broadcast_to(np.float32(0), dataset.shape)
        return arrays


def _datasets(h5py: Any, path: Path, group: Any, prefix: str) -> Any:
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(
                f"'{path}': '{prefix}{key}' is a link, which is not allowed"
            )
        item = group[key]
        if isinstance(item, h5py.Group):
            yield from _datasets(h5py, path, item, f"{prefix}{key}/")
        elif item.is_virtual or item.external:
            raise ValueError(
                f"'{path}': dataset '{prefix}{key}' reaches into other files, which "
                "is not allowed"
            )
        else:
            yield f"{prefix}{key}", item
