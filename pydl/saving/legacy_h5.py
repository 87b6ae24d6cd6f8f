"""Weights in the ``.h5`` files of Keras 1 and 2, as published networks have them.

A group for each layer; the attribute ``layer_names`` of the root (or of the group
``model_weights`` in a file of a whole model) has their order, ``weight_names`` of each
group that of its datasets. An attribute that is too long for HDF5 goes on in others:
``layer_names0``, ``layer_names1``, ... Of layers inside a layer the weights that are
trained come first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydl.saving import h5

#: The group that a file of a whole model has its weights in.
_WHOLE = "model_weights"


def load(
    model: Any, path: Path, skip_mismatch: bool = False, by_name: bool = False
) -> None:
    """Read a model's weights. Nothing is written unless all of them fit.

    Args:
        model: a built model.
        path: the file.
        skip_mismatch: leave out layers with another number of weights, and weights of
            another shape.
        by_name: match layers by name, and leave out those that are not in both; else
            the layers that have weights are matched in their order.
    """
    with h5.opened(path, path) as file:
        found = dict(h5.datasets(path, file))  # refuses links
        stored = _stored(path, file)
        pairs = _by_name(model, stored) if by_name else _by_order(model, stored, path)
        matches, problems = _matched(pairs, found)
        if problems and not skip_mismatch:
            shown = "\n".join(f"  {text}" for text in problems[:10])
            more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
            raise ValueError(
                f"load_weights: '{path}' does not fit model '{model.name}':\n"
                f"{shown}{more}\nNothing was changed."
            )
        arrays = [(v, h5.content_of(dataset)) for v, dataset in matches]
    for variable, array in arrays:
        variable.assign(array)


def _stored(path: Path, file: Any) -> dict[str, list[str]]:
    """The names of the datasets of each layer, in the file's order."""
    root, prefix = file, ""
    if not {"layer_names", "layer_names0"} & set(file.attrs) and _WHOLE in file:
        root, prefix = file[_WHOLE], f"{_WHOLE}/"
    stored = {}
    for layer in _names(path, root, "layer"):
        if layer not in root:
            raise ValueError(f"'{path}': there is no group '{prefix}{layer}'")
        names = _names(path, root[layer], "weight")
        stored[layer] = [f"{prefix}{layer}/{name}" for name in names]
    return stored


def _names(path: Path, group: Any, what: str) -> list[str]:
    """The texts of an attribute, and of those that go on with it."""
    key, attributes = f"{what}_names", group.attrs
    keys = [key] if key in attributes else []
    while not (keys and keys[0] == key) and f"{key}{len(keys)}" in attributes:
        keys.append(f"{key}{len(keys)}")
    if not keys:
        raise ValueError(
            f"'{path}' is not a file of weights of Keras 1 or 2: '{group.name}' has no "
            f"attribute '{key}'"
        )
    texts = [text for part in keys for text in attributes[part]]
    return [t.decode() if isinstance(t, bytes) else str(t) for t in texts]


def weights_of(layer: Any) -> list[Any]:
    """A layer's weights in the order these files have."""
    parts = _parts(layer)
    first = [v for part in parts for v in part._trainable_variables]
    rest = [v for part in parts for v in part._non_trainable_variables]
    return list({id(v): v for v in (*first, *rest)}.values())


def _parts(layer: Any) -> list[Any]:
    return [layer, *(part for inner in layer._layers for part in _parts(inner))]


def _by_name(model: Any, stored: dict[str, list[str]]) -> list[tuple[Any, list[str]]]:
    return [
        (layer, stored[layer.name]) for layer in model.layers if layer.name in stored
    ]


def _by_order(
    model: Any, stored: dict[str, list[str]], path: Path
) -> list[tuple[Any, list[str]]]:
    """The layers that have weights, with those of the file."""
    weighty = [layer for layer in model.layers if weights_of(layer)]
    filled = [names for names in stored.values() if names]
    if len(weighty) != len(filled):
        raise ValueError(
            f"Layer count mismatch when loading weights from '{path}'. Model "
            f"'{model.name}' expected {len(weighty)} layers with weights, found "
            f"{len(filled)} in the file."
        )
    return list(zip(weighty, filled, strict=True))


def _matched(
    pairs: list[tuple[Any, list[str]]], found: dict[str, Any]
) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Variables with their datasets, and what does not fit."""
    matches = []
    problems = []
    for layer, names in pairs:
        variables = weights_of(layer)
        if len(variables) != len(names):
            problems.append(
                f"layer '{layer.name}': expected {len(variables)} weights, received "
                f"{len(names)}: {names}"
            )
            continue
        for variable, name in zip(variables, names, strict=True):
            problem = _problem(variable, found.get(name))
            if problem is None:
                matches.append((variable, found[name]))
            else:
                problems.append(
                    f"layer '{layer.name}', weight '{variable.name}' (in the file "
                    f"'{name}'): {problem}"
                )
    return matches, problems


def _problem(variable: Any, dataset: Any) -> str | None:
    """Why a dataset cannot be the content of a variable."""
    expected = f"expected shape {tuple(variable.shape)}, received"
    if dataset is None:
        return f"{expected} nothing"
    if tuple(dataset.shape) != tuple(variable.shape):
        return f"{expected} shape {tuple(dataset.shape)}"
    if dataset.dtype.kind not in "fiu":
        return f"expected numbers, received dtype {dataset.dtype}"
    return None
