"""Weights in files: ``.safetensors``, or Keras's ``.weights.h5`` and ``.json``."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pydl.saving import h5, legacy_h5, own_state, safetensors_file, shards
from pydl.saving.atomic import write_atomically
from pydl.saving.names import weight_names


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
) -> None:
    """Write a model's weights; the ending of the name chooses the format.

    Args:
        model: a built model.
        filepath: ends in ``.safetensors``, ``.weights.h5`` or ``.weights.json``.
        overwrite: replace a file that is there; if not, that is a FileExistsError.
        max_shard_size: GiB of each of several ``.weights.h5`` files, for a name that
            ends in ``.weights.json``, which is their map.

    Raises:
        ValueError: another ending, a model without weights, an array that is larger
            than a file may be.
    """
    path = Path(filepath)
    if max_shard_size is not None and path.name.endswith(".weights.h5"):
        warnings.warn(
            "Saving sharded weights requires `*.json` as the extension. The original "
            f"path: {path} will be renamed to {path.with_suffix('.json')}.",
            stacklevel=2,
        )
        path = path.with_suffix(".json")
    file_format = _format_of(path)
    if (file_format == "shards") != (max_shard_size is not None):
        raise ValueError(
            "save_weights: `.weights.json` and `max_shard_size` go together, received "
            f"filepath={str(path)!r} and max_shard_size={max_shard_size}"
        )
    _check_built("save_weights", model)
    if path.exists() and not overwrite:
        raise FileExistsError(f"save_weights: '{path}' exists and overwrite=False")
    if file_format == "safetensors":
        own_state.refuse(model, ".safetensors")
        named = {name: v.numpy() for name, v in weight_names(model).items()}
        write_atomically(path, lambda file: safetensors_file.write(file, named))
    elif max_shard_size is None:
        write_atomically(path, lambda file: h5.write(file, model))
    else:
        shards.write(path, h5.arrays_of(model), max_shard_size)


def load_weights(
    model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False
) -> None:
    """Read a model's weights, of a file of weights or of a ``.keras`` file. Nothing is
    written unless all of them fit.

    Other files that end in ``.h5`` or ``.hdf5`` are those of Keras 1 and 2; `by_name`
    is for them.
    """
    path = Path(filepath)
    file_format = _readable_format(path)
    if by_name and file_format != "legacy":
        raise ValueError(
            "load_weights: by_name=True is for the `.h5` files of Keras 1 and 2. "
            f"Received: filepath={str(path)!r}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"load_weights: there is no file '{path}'")
    _check_built("load_weights", model)
    if file_format == "legacy":
        legacy_h5.load(model, path, skip_mismatch, by_name)
        return
    if file_format == "safetensors":
        own_state.refuse(model, ".safetensors")
        arrays = safetensors_file.read(path)
        _assign(model, weight_names(model), arrays, path, skip_mismatch)
        return
    variables, parts = h5.names(model), own_state.parts_of(model)
    shapes = {name: tuple(v.shape) for name, v in variables.items()}
    if file_format == "shards":
        datasets = shards.read(path, shapes, parts)
    else:
        content = _from_archive(path) if file_format == "keras" else path
        datasets = h5.read_all(content, path, shapes, parts)
    restore(model, variables, parts, datasets, path, skip_mismatch)


def _check_built(name: str, model: Any) -> None:
    if not model.built:
        raise ValueError(
            f"{name}: model '{model.name}' has no weights yet: build it or call it "
            "first"
        )


def _from_archive(path: Path) -> io.BytesIO:
    try:
        with zipfile.ZipFile(path) as archive:
            return io.BytesIO(archive.read("model.weights.h5"))
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise ValueError(f"'{path}' is not a valid .keras file: {error}") from None


def restore(
    model: Any,
    variables: dict[str, Any],
    parts: dict[str, Any],
    datasets: dict[str, np.ndarray],
    path: Path,
    skip_mismatch: bool = False,
) -> None:
    """Give variables, and parts that read their state themselves, the datasets of a
    ``.h5`` file. Nothing is written unless all fit."""
    arrays = h5.select(datasets, model, variables, parts)
    _assign(
        model, variables, arrays, path, skip_mismatch,
        lambda: own_state.restore(parts, datasets, skip_mismatch),
    )  # fmt: skip


def _assign(
    model: Any,
    variables: dict[str, Any],
    arrays: dict[str, np.ndarray],
    path: Path,
    skip_mismatch: bool,
    others: Callable[[], None] = lambda: None,
) -> None:
    """Give variables the arrays of their names, when all fit, after `others` did."""
    problems = _problems(variables, arrays)
    if problems and not skip_mismatch:
        shown = "\n".join(f"  {text}" for text in list(problems.values())[:10])
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(
            f"load_weights: '{path}' does not fit model "
            f"'{model.name}':\n{shown}{more}\nNothing was changed."
        )
    others()
    for name, variable in variables.items():
        if name not in problems:
            variable.assign(arrays[name])


def _readable_format(path: Path) -> str:
    """The format of a file to read; there are some that are not written."""
    if path.suffix == ".keras":
        return "keras"
    if path.suffix in (".h5", ".hdf5") and not path.name.endswith(".weights.h5"):
        return "legacy"
    return _format_of(path)


def _format_of(path: Path) -> str:
    name = path.name
    if name.endswith(".safetensors"):
        return "safetensors"
    if name.endswith(".weights.h5"):
        return "h5"
    if name.endswith(".weights.json"):
        return "shards"
    raise ValueError(
        "weights files end in `.safetensors` or `.weights.h5` (`.weights.json` for "
        "several of these). Received: "
        f"filepath={str(path)!r}"
    )


def _problems(
    variables: dict[str, Any], arrays: dict[str, np.ndarray]
) -> dict[str, str]:
    """What does not fit, by name."""
    problems = {}
    for name, variable in variables.items():
        layer = variable.path.rpartition("/")[0] or variable.path
        shape = tuple(variable.shape)
        if name not in arrays:
            problems[name] = (
                f"'{name}' (layer '{layer}'): expected {shape}, missing in the file"
            )
        elif arrays[name].shape != shape:
            problems[name] = (
                f"'{name}' (layer '{layer}'): expected shape {shape}, received shape "
                f"{arrays[name].shape}"
            )
        elif ("float" in arrays[name].dtype.name) != ("float" in str(variable.dtype)):
            problems[name] = (
                f"'{name}' (layer '{layer}'): expected dtype {variable.dtype}, "
                f"received dtype {arrays[name].dtype}"
            )
    for name in arrays:
        if name not in variables:
            problems[name] = (
                f"'{name}': not in the model, found in the file with shape "
                f"{arrays[name].shape}"
            )
    return problems
