"""The safetensors format: 8 bytes of header length, a JSON header, the data.

Read and written here, without the package of that name: a file is checked in full
before any of it is used.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (names bfloat16 to NumPy)
import numpy as np

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
    "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_NAMES = {name: code for code, name in _DTYPES.items()}
_MAX_HEADER = 100_000_000
_ALIGNMENT = 64


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays by name; the data starts at a multiple of 64 bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pydl"}}
    offset = 0
    for name, array in arrays.items():
        code = _NAMES.get(array.dtype.name)
        if code is None:
            raise ValueError(
                f"'{name}': dtype {array.dtype} cannot be written to safetensors"
            )
        end = offset + array.nbytes
        header[name] = {
            "dtype": code,
            "shape": array.shape,
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in arrays.values():
            little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            file.write(little.tobytes())


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, by name. ValueError says what is wrong with a bad one."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
        if not 2 <= length <= min(size - 8, _MAX_HEADER):
            raise _bad(path, f"its header claims {length} bytes, the file has {size}")
        header = _parse(path, file.read(length))
        data = file.read()
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    _check_layout(path, entries, len(data))
    return {name: _array(entry, data) for name, entry in entries.items()}


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise _bad(path, "a name stands twice in its header")
        return dict(pairs)

    try:
        header = json.loads(text, object_pairs_hook=unique)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _bad(path, f"its header is not JSON ({type(error).__name__})") from None
    if not isinstance(header, dict):
        raise _bad(path, "its header is not a JSON object")
    return header


def _check_layout(path: Path, entries: dict[str, Any], size: int) -> None:
    """Every entry well formed; together they cover the data without overlap or hole."""
    spans = []
    for name, entry in entries.items():
        problem = _entry_problem(entry)
        if problem:
            raise _bad(path, f"tensor {name!r}: {problem}")
        spans.append(tuple(entry["data_offsets"]))
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise _bad(
                path, f"its tensors overlap or leave a hole at byte {min(first, end)}"
            )
        end = last
    if end != size:
        raise _bad(path, f"its tensors need {end} bytes of data, it has {size}")


def _entry_problem(entry: Any) -> str:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return "expected dtype, shape and data_offsets"
    if entry["dtype"] not in _DTYPES:
        return f"unknown dtype {entry['dtype']!r}"
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _sizes(shape) or len(shape) > 32:
        return f"bad shape {shape!r}"
    if not _sizes(offsets) or len(offsets) != 2:
        return f"bad data_offsets {offsets!r}"
    expected = math.prod(shape) * np.dtype(_DTYPES[entry["dtype"]]).itemsize
    if offsets[1] - offsets[0] != expected:
        return (
            f"shape {tuple(shape)} needs {expected} bytes, data_offsets are {offsets}"
        )
    return ""


def _sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _array(entry: dict[str, Any], data: bytes) -> np.ndarray:
    dtype = np.dtype(_DTYPES[entry["dtype"]]).newbyteorder("<")
    count = math.prod(entry["shape"])
    array = np.frombuffer(data, dtype, count, entry["data_offsets"][0] if count else 0)
    return array.reshape(entry["shape"]).astype(dtype.newbyteorder("="), copy=False)


def _bad(path: Path, why: str) -> ValueError:
    return ValueError(f"'{path}' is not a valid safetensors file: {why}")
