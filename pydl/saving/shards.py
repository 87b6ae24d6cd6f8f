"""Weights in several HDF5 files, with a map: Keras's ``.weights.json``.

``model.weights.json`` says which of ``model_00000.weights.h5``, ... hold a layer's
group: ``{"metadata": {"total_size": bytes}, "weight_map": {"/layers/dense/vars":
name or names}}``.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pydl.saving import h5
from pydl.saving.atomic import write_atomically


def write(path: Path, arrays: dict[str, np.ndarray], most: float) -> None:
    """Write arrays in files of at most `most` GiB, and the map, which comes last.

    Raises ValueError for an array that is larger than a file may be.
    """
    shards = _filled(arrays, most * 1024**3)
    places: dict[str, list[str]] = {}
    for index, shard in enumerate(shards):
        name = f"{path.stem.replace('.weights', '')}_{index:05}.weights.h5"
        write_atomically(path.with_name(name), partial(_fill, shard))
        for key in shard:
            known = places.setdefault(f"/{key.rpartition('/')[0]}", [])
            if name not in known:
                known.append(name)
    content = {
        "metadata": {"total_size": sum(array.nbytes for array in arrays.values())},
        "weight_map": {k: v[0] if len(v) == 1 else v for k, v in places.items()},
    }
    write_atomically(path, partial(_write_text, json.dumps(content, indent=4)))


def _filled(arrays: dict[str, np.ndarray], most: float) -> list[dict[str, np.ndarray]]:
    """The arrays in order, cut where the next one would not fit."""
    shards: list[dict[str, np.ndarray]] = [{}]
    size = 0
    for name, array in arrays.items():
        if array.nbytes > most:
            raise ValueError(
                f"The size of {name} is {array.nbytes} bytes which exceeds the maximum "
                f"shard size of {int(most)} bytes. You can increase the "
                "`max_shard_size` parameter to accommodate the size."
            )
        size += array.nbytes
        if size > most:
            shards.append({})
            size = array.nbytes
        shards[-1][name] = array
    return shards


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _fill(arrays: dict[str, np.ndarray], path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        h5.fill(file, arrays)


def read(path: Path, shapes: dict[str, Any], groups: Any) -> dict[str, np.ndarray]:
    """The datasets of all files, as `h5.read_all` gives those of one."""
    try:
        places = json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()
        listed = [[v] if isinstance(v, str) else v for v in places]
        names = sorted({name for part in listed for name in part})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"'{path}' is not a map of weights: {error!r}") from None
    found: dict[str, np.ndarray] = {}
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or name == "..":
            raise ValueError(f"'{path}': {name!r} is not the name of a file beside it")
        found |= h5.read_all(path.with_name(name), path.with_name(name), shapes, groups)
    return found
