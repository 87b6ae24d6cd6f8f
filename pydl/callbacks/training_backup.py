"""The content of a backup: every variable, generator, position and callback's state.

One ``.npz`` file without pickles: arrays, and under "state" the rest as JSON.
"""

from __future__ import annotations

import json
import random as python_random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pydl import random
from pydl.optimizers import Optimizer
from pydl.runtime.variable import Variable
from pydl.saving.atomic import write_atomically

Kept = dict[str, Any]


class BackupError(ValueError):
    """A backup that cannot be read or belongs to another training."""


def gather(fitting: Any, epoch: int, epoch_ended: bool) -> Kept:
    """Everything `restore` needs. `epoch`: the one to go on with."""
    arrays: dict[str, np.ndarray] = {}
    for group, variables in _groups(fitting).items():
        for index, variable in enumerate(variables):
            arrays[f"{group}/{index}"] = _plain(variable.numpy())
    state = {
        "epoch": epoch,
        "position": fitting.position(epoch_ended),
        "callbacks": [
            [type(c).__name__, c.get_state()] for c in fitting.callbacks.callbacks
        ],
        "logs": fitting.state.logs,
        "python": python_random.getstate(),
        "numpy": list(np.random.get_state()),
    }
    text = json.dumps(_without_arrays(state, arrays)).encode()
    arrays["state"] = np.frombuffer(text, np.uint8)
    return arrays


def write(path: Path, kept: Kept) -> None:
    """Write a backup, whole or not at all."""

    def fill(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            np.savez(file, **kept)

    write_atomically(path, fill)


def read(path: Path) -> Kept:
    """The content of a backup. BackupError if the file is damaged."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        state = json.loads(arrays.pop("state").tobytes())
        return {"arrays": arrays, "state": _with_arrays(state, arrays)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BackupError(f"'{path}' is not a readable backup: {error}") from None


def restore(fitting: Any, kept: Kept, path: Path) -> int:
    """Put everything back; returns the epoch to go on with. Nothing is changed if the
    backup is not one of this model and these callbacks: BackupError says why."""
    state, arrays = kept["state"], kept["arrays"]
    groups = _groups(fitting)
    if not state["position"]["done"]:  # metrics start over, and may not exist yet
        groups.pop("metrics")
    _check(groups, arrays, state, fitting, path)
    for group, variables in groups.items():
        for index, variable in enumerate(variables):
            array = arrays[f"{group}/{index}"]
            variable.assign(array.view(variable.buffer.dtype))
    fitting.resume(state["position"])
    for callback, (_, remembered) in zip(
        fitting.callbacks.callbacks, state["callbacks"], strict=True
    ):
        callback.set_state(remembered)
    fitting.state.logs = state["logs"]
    version, words, gauss = state["python"]
    python_random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(state["numpy"]))
    return int(state["epoch"])


def _groups(fitting: Any) -> dict[str, list[Variable]]:
    """All variables there are, by kind."""
    training = fitting.state
    model = training.model
    optimizers = {id(training.optimizer): training.optimizer}
    optimizers |= {id(v): v for v in vars(model).values() if isinstance(v, Optimizer)}
    metrics = [v for metric in model.metrics for v in metric.variables]
    layers = (model, *model._flatten_layers())
    seeds = [g.state for layer in layers for g in layer._seed_generators]
    skipped = {id(v) for v in (*metrics, *seeds)}
    generators = [random.global_seed_generator(), random._defaults]
    return {
        "model": [v for v in model.variables if id(v) not in skipped],
        "optimizers": [v for o in optimizers.values() for v in o.variables],
        "metrics": metrics,
        "seeds": list({id(v): v for v in seeds}.values()),
        "generators": [g.state for g in generators if g is not None],
    }


def _check(
    groups: dict[str, list[Variable]], arrays: Kept, state: Kept, fitting: Any,
    path: Path,
) -> None:  # fmt: skip
    names = [name for name, _ in state["callbacks"]]
    found = [type(callback).__name__ for callback in fitting.callbacks.callbacks]
    if names != found:
        raise BackupError(
            f"'{path}' was made with the callbacks {names}, expected {found}: pass the "
            "same ones, or delete it to start over"
        )
    for group, variables in groups.items():
        count = sum(name.startswith(f"{group}/") for name in arrays)
        shapes = [arrays.get(f"{group}/{i}") for i in range(len(variables))]
        fits = all(
            array is not None and array.shape == tuple(variable.shape)
            for array, variable in zip(shapes, variables, strict=True)
        )
        if count != len(variables) or not fits:
            raise BackupError(
                f"'{path}' belongs to another model: its {group} have {count} "
                f"variables, expected {len(variables)} of the model's shapes. Delete "
                "it to start over."
            )


def _plain(array: np.ndarray) -> np.ndarray:
    """The array in a dtype that NumPy's files know: bfloat16 as its bits."""
    return array.view(np.uint16) if array.dtype.kind == "V" else array


def _without_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Plain data with references in place of arrays, which go to `arrays`."""
    if isinstance(value, np.ndarray):
        name = f"state/{len(arrays)}"
        arrays[name] = _plain(value)
        return {"__array__": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _without_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(item, arrays) for item in value]
    return value


def _with_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"__array__"}:
            return arrays[value["__array__"]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    return value
