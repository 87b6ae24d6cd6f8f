"""Keras's ``.weights.h5``: datasets such as ``layers/dense_1/vars/0``.

h5py is imported when a file is read or written. Links, external and virtual datasets
are refused: they would reach outside the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pydl.objects.naming import to_snake_case
from pydl.saving.names import numbered

#: Groups of a Keras file that hold other state than weights.
_KEPT_BY_KERAS = frozenset({"seed_generator", "optimizer", "_metrics", "metrics"})


def names(model: Any) -> dict[str, Any]:
    """``{path of the dataset: variable}``."""
    found: dict[str, Any] = {}
    _collect(model, "", found, set())
    return found


def _collect(layer: Any, prefix: str, found: dict[str, Any], seen: set[int]) -> None:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    for index, variable in enumerate(layer.own_variables):
        found[f"{prefix}vars/{index}"] = variable
    for name, sublayer in _sublayers(layer):
        _collect(sublayer, f"{prefix}{name}/", found, seen)


def _sublayers(layer: Any) -> Iterator[tuple[str, Any]]:
    """Sublayers by the path Keras gives them.

    Graphs' and stacks' lists of layers come first; else attributes by name, private
    ones last, a model's list of layers being one of them.
    """
    attributes = {k: v for k, v in vars(layer).items() if k != "_layers"}
    if hasattr(layer, "layers"):
        attributes["layers"] = layer.layers
    if layer.owns_layers_in_order:
        yield from _of_container("layers", layer.layers)
    for name in sorted(attributes, key=lambda name: (name.startswith("_"), name)):
        value = attributes[name]
        if _is_layer(value):
            yield name, value
        elif isinstance(value, (list, tuple, dict)):
            yield from _of_container(name, value)


def _of_container(path: str, container: Any) -> Iterator[tuple[str, Any]]:
    values = container.values() if isinstance(container, dict) else container
    held = [v for v in values if _is_layer(v) or isinstance(v, (list, tuple, dict))]
    kinds = [
        to_snake_case(type(v).__name__) if _is_layer(v) else "container" for v in held
    ]
    for name, value in zip(numbered(kinds), held, strict=True):
        if _is_layer(value):
            yield f"{path}/{name}", value
        else:
            yield from _of_container(f"{path}/{name}", value)


def _is_layer(value: Any) -> bool:
    return hasattr(value, "own_variables")


def optimizers_of(model: Any) -> dict[str, Any]:
    """The optimizers of a model by attribute, the compiled one first."""
    found = {"optimizer": getattr(model, "optimizer", None), **vars(model)}
    return {k: v for k, v in found.items() if hasattr(v, "apply_gradients")}


def write(path: Path, model: Any) -> None:
    """Write all weights."""
    import h5py

    with h5py.File(path, "w") as file:
        fill(file, names(model))


def fill(file: Any, variables: dict[str, Any]) -> None:
    """Write variables as datasets."""
    for name, variable in variables.items():
        dataset = file.create_dataset(name, data=variable.numpy())
        if variable.dtype == "bfloat16":  # two opaque bytes to HDF5; as Keras does
            dataset.attrs["dtype"] = "bfloat16"


def read(path: Path, model: Any, variables: dict[str, Any]) -> dict[str, np.ndarray]:
    """The datasets that belong to the model, and others that hold weights of layers."""
    shapes = {name: tuple(v.shape) for name, v in variables.items()}
    return select(read_all(path, path, shapes), model, variables)


def read_all(
    content: Any, path: Path, shapes: dict[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """All datasets of a file, given as a path or as an open one; `path` is for
    messages. Those that are not of a wanted name and shape are not read: zeros that
    take no memory stand for them."""
    import h5py

    try:
        file = h5py.File(content, "r")
    except OSError as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file: {error}") from None
    with file:
        found = _datasets(h5py, path, file, "")
        return {
            name: _content(dataset)
            if shapes.get(name) == dataset.shape
            else np.broadcast_to(np.float32(0), dataset.shape)
            for name, dataset in found
        }


def select(
    datasets: dict[str, np.ndarray], model: Any, variables: dict[str, Any]
) -> dict[str, np.ndarray]:
    """The datasets that hold weights: not the state of optimizers, metrics, seeds."""
    other = _KEPT_BY_KERAS | {
        name
        for name, value in vars(model).items()
        if hasattr(value, "apply_gradients") or hasattr(value, "update_state")
    }
    return {
        name: array
        for name, array in datasets.items()
        if name in variables or not other.intersection(name.split("/"))
    }


def _content(dataset: Any) -> np.ndarray:
    array = np.asarray(dataset[()])
    if dataset.attrs.get("dtype") == "bfloat16" and array.dtype.str == "|V2":
        return array.view("bfloat16")
    return array


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
