"""Reading pickles of arrays, lists and numbers, and nothing else."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

#: What a pickle may name: the parts NumPy arrays are made of.
_ALLOWED = {
    ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
}  # fmt: skip


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        module = module.replace("numpy.core", "numpy._core")
        return super().find_class(module, name)


def read_pickle(data: bytes, what: str) -> Any:
    """The content of a pickle of plain data; ValueError for anything else."""
    try:
        return _Plain(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:
        raise ValueError(
            f"{what}: expected a pickle of arrays, lists and numbers, received one "
            f"that cannot be read: {error}"
        ) from error


def read_object_npz(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` file, arrays of lists among them."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in names:
            stream = io.BytesIO(archive.read(f"{name}.npy"))
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                header = np.lib.format.read_array_header_2_0
            shape, _, dtype = header(stream)
            if dtype.hasobject:
                value = read_pickle(stream.read(), f"{path}: {name}")
            else:
                value = np.frombuffer(stream.read(), dtype)
            found[name] = np.asarray(value).reshape(shape)
    return found
