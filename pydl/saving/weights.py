"""Weights in files: ``.safetensors``, or Keras's ``.weights.h5``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pydl.saving import h5, own_state, safetensors_file
from pydl.saving.atomic import write_atomically
from pydl.saving.names import weight_names


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write a model's weights; the ending of the name chooses the format."""
    path = Path(filepath)
    file_format = _format_of(path)
    if not model.built:
        raise ValueError(
            f"save_weights: model '{model.name}' has no weights yet: build it or call "
            "it first"
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"save_weights: '{path}' exists and overwrite=False")
    if file_format == "h5":
        write_atomically(path, lambda temporary: h5.write(temporary, model))
        return
    own_state.refuse(model, ".safetensors")
    arrays = {name: variable.numpy() for name, variable in weight_names(model).items()}
    write_atomically(path, lambda temporary: safetensors_file.write(temporary, arrays))


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Read a model's weights. Nothing is written unless all of them fit."""
    path = Path(filepath)
    file_format = _format_of(path)
    if not path.is_file():
        raise FileNotFoundError(f"load_weights: there is no file '{path}'")
    if not model.built:
        raise ValueError(
            f"load_weights: model '{model.name}' has no weights yet: build it or call "
            "it first"
        )
    if file_format == "h5":
        variables, parts = h5.names(model), own_state.parts_of(model)
        shapes = {name: tuple(v.shape) for name, v in variables.items()}
        datasets = h5.read_all(path, path, shapes, parts)
        restore(model, variables, parts, datasets, path, skip_mismatch)
        return
    own_state.refuse(model, ".safetensors")
    _assign(
        model, weight_names(model), safetensors_file.read(path), path, skip_mismatch
    )


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


def _format_of(path: Path) -> str:
    name = path.name
    if name.endswith(".safetensors"):
        return "safetensors"
    if name.endswith(".weights.h5"):
        return "h5"
    raise ValueError(
        "weights files end in `.safetensors` or `.weights.h5`. Received: "
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
