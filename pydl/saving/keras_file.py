"""Whole models in Keras's ``.keras`` files, in both directions.

A zip archive of ``config.json`` (the model and what `compile` was given),
``metadata.json``, ``model.weights.h5`` (weights, and the state of the optimizer
under ``optimizer/vars``) and files of layers that write some, under ``assets/``.
"""

from __future__ import annotations

import datetime
import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pydl.objects.registration import custom_object_scope
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object
from pydl.saving import h5, own_state
from pydl.saving.atomic import write_atomically
from pydl.saving.walk import optimizers_of, saves_itself
from pydl.saving.weights import restore

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: The version of Keras whose format is written.
_KERAS_VERSION = "3.15.1"


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a model, what it was compiled with and its optimizer's state.

    The file is complete or not there at all, whenever the process ends.

    Args:
        model: a built model.
        filepath: where to; ends in ``.keras``.
        overwrite: replace a file that is there; if not, that is a FileExistsError.
        zipped: None or True: the file is an archive.
        **kwargs: none are known.

    Raises:
        ValueError: the name ends otherwise, or the model has no weights yet.

    >>> pydl.saving.save_model(model, "model.keras")
    """
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
    path = Path(filepath)
    if path.suffix != ".keras":
        raise ValueError(
            "Invalid filepath extension for saving. Please add a `.keras` extension, "
            "or use `model.export(filepath)` for a file that runs without Python. "
            f"Received: filepath={str(filepath)!r}"
        )
    if zipped is False:
        raise ValueError("zipped: expected None or True, received False")
    if not model.built:
        raise ValueError(
            f"save_model: model '{model.name}' has no weights yet: build it or call it "
            "first"
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"save_model: '{path}' exists and overwrite=False")
    entries = {
        _METADATA: json.dumps(_metadata()).encode(),
        _CONFIG: json.dumps(_config(model)).encode(),
        _WEIGHTS: _weights(model),
        **own_state.asset_files(model),
    }
    write_atomically(path, lambda temporary: _write(temporary, entries))


def _write(path: Path, entries: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def _metadata() -> dict[str, str]:
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return {"keras_version": _KERAS_VERSION, "date_saved": now}


def _config(model: Any) -> dict[str, Any]:
    config: dict[str, Any] = serialize_keras_object(model)
    compiled = model.get_compile_config() if hasattr(model, "compile") else None
    if compiled is not None:
        config["compile_config"] = serialize_keras_object(compiled)
    return config


def _weights(model: Any) -> bytes:
    import h5py

    groups = {**own_state.parts_of(model), **own_state.optimizers_by_group(model)}
    arrays = {name: v.numpy() for name, v in h5.names(model).items()}
    arrays |= {name: v.numpy() for name, v in _slots(model).items()}
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        h5.fill(file, arrays)
        h5.fill(file, own_state.collect(groups))
    return content.getvalue()


def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model of a ``.keras`` file, of pydl or of Keras.

    Args:
        filepath: the file.
        custom_objects: classes and functions by name, besides registered ones.
        compile: compile it as it was; the optimizer's state comes with it.
        safe_mode: accepted; nothing in a file is ever run.

    Raises:
        ValueError: there is no such file, it is damaged, or it holds classes that are
            not known.

    >>> model = pydl.saving.load_model("model.keras")
    """
    path = Path(filepath)
    if path.suffix != ".keras" or not path.is_file():
        raise ValueError(
            f"File not found: filepath={str(filepath)}. Please ensure the file is an "
            "accessible `.keras` zip file."
        )
    config, weights = _read(path)
    compiled = config.pop("compile_config", None)
    with custom_object_scope(custom_objects or {}):
        model = deserialize_keras_object(config)
        if compile and compiled:
            model.compile_from_config(compiled)
    if not model.built:
        raise ValueError(
            f"load_model: '{path}' does not say how model '{model.name}' was built: "
            "its class must define build(input_shape) or get_build_config()"
        )
    _load_state(model, path, weights, with_optimizers=bool(compile and compiled))
    return model


def _load_state(model: Any, path: Path, weights: bytes, with_optimizers: bool) -> None:
    variables, parts = h5.names(model), own_state.parts_of(model)
    slots: dict[str, Any] = {}
    optimizers: dict[str, Any] = {}
    if with_optimizers:
        for optimizer in optimizers_of(model).values():
            optimizer.build(model.trainable_variables)
        slots, optimizers = _slots(model), own_state.optimizers_by_group(model)
    shapes = {name: tuple(v.shape) for name, v in {**variables, **slots}.items()}
    groups = {**parts, **optimizers}
    datasets = h5.read_all(io.BytesIO(weights), path, shapes, groups)
    restore(model, variables, parts, datasets, path)
    if slots:
        _restore_optimizers(model, slots, datasets)
    own_state.restore(optimizers, datasets)
    with zipfile.ZipFile(path) as archive:
        own_state.load_assets(model, archive)


def _slots(model: Any) -> dict[str, Any]:
    """The state of the optimizers by the paths of datasets."""
    return {
        f"{name}/vars/{index}": variable
        for name, optimizer in optimizers_of(model).items()
        if not saves_itself(optimizer)
        for index, variable in enumerate(optimizer.variables)
    }


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """The configuration and the weights' file."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(_CONFIG))
            weights = archive.read(_WEIGHTS)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise ValueError(f"'{path}' is not a valid .keras file: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"'{path}' is not a valid .keras file: its config is no dict")
    return config, weights


def _restore_optimizers(
    model: Any, slots: dict[str, Any], datasets: dict[str, np.ndarray]
) -> None:
    for name, optimizer in optimizers_of(model).items():
        if saves_itself(optimizer):
            continue
        prefix = f"{name}/vars/"
        own = {key: slot for key, slot in slots.items() if key.startswith(prefix)}
        saved = {key for key in datasets if key.startswith(prefix)}
        fits = saved == set(own) and all(
            datasets[key].shape == tuple(slot.shape) for key, slot in own.items()
        )
        if not fits:
            warnings.warn(
                f"Skipping variable loading for optimizer '{optimizer.name}', because "
                f"it has {len(own)} variables whereas the saved optimizer has "
                f"{len(saved)} variables.",
                stacklevel=3,
            )
            continue
        for key, slot in own.items():
            slot.assign(datasets[key])
