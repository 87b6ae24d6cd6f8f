"""libpydl.so as ctypes sees it: what a C program calls, without a compiler."""

from __future__ import annotations

import ctypes as c
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import pydl

OK, INVALID, BAD_FILE, IO, NOT_FOUND, FAULT = 0, 1, 2, 4, 5, 6
LIBRARY = Path(pydl.__file__).with_name("libpydl.so")


class Tensor(c.Structure):
    """pydl_tensor."""

    _fields_ = [
        ("name", c.c_char_p),
        ("dtype", c.c_int),
        ("rank", c.c_int),
        ("shape", c.POINTER(c.c_int64)),
        ("bytes", c.c_int64),
        ("step", c.c_int64),
    ]


class Buffer(c.Structure):
    """pydl_input and pydl_output."""

    _fields_ = [("data", c.c_void_p), ("bytes", c.c_int64)]


class RowSizes(c.Structure):
    """pydl_row_sizes."""

    _fields_ = [("x", c.c_int64), ("y", c.c_int64), ("out", c.c_int64)]


def open_library() -> c.CDLL:
    library = c.CDLL(str(LIBRARY))
    for name in ("pydl_version", "pydl_last_error", "pydl_entry_name"):
        getattr(library, name).restype = c.c_char_p
    library.pydl_entry_name.argtypes = [c.c_void_p, c.c_int]
    library.pydl_load.argtypes = [c.c_char_p, c.c_void_p]
    library.pydl_free.argtypes = [c.c_void_p]
    library.pydl_free.restype = None
    library.pydl_save.argtypes = [c.c_void_p, c.c_char_p]
    library.pydl_predict.argtypes = [c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p]
    library.pydl_train.argtypes = [
        c.c_void_p, c.c_void_p, c.c_void_p, c.c_int64, c.POINTER(c.c_float),
    ]  # fmt: skip
    library.pydl_device_count.argtypes = [c.c_void_p]
    library.pydl_set_device.argtypes = [c.c_void_p, c.c_char_p]
    library.pydl_row_bytes.argtypes = [c.c_void_p, c.c_void_p]
    library.pydl_run.argtypes = [
        c.c_void_p, c.c_char_p, c.c_void_p, c.c_int, c.c_void_p, c.c_int, c.c_void_p,
    ]  # fmt: skip
    for name in ("pydl_entry_count", "pydl_state_count"):
        getattr(library, name).argtypes = [c.c_void_p]
    for name in ("pydl_input_count", "pydl_output_count"):
        getattr(library, name).argtypes = [c.c_void_p, c.c_char_p]
    library.pydl_state_info.argtypes = [c.c_void_p, c.c_int, c.c_void_p]
    for name in ("pydl_input_info", "pydl_output_info"):
        getattr(library, name).argtypes = [c.c_void_p, c.c_char_p, c.c_int, c.c_void_p]
    for name in ("pydl_get_tensor", "pydl_set_tensor"):
        getattr(library, name).argtypes = [
            c.c_void_p,
            c.c_char_p,
            c.c_void_p,
            c.c_int64,
        ]
    return library


def pointer(array: np.ndarray[Any, Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


class Model:
    """A pydl_model; `call` returns the status and the message."""

    def __init__(self, library: c.CDLL, handle: c.c_void_p) -> None:
        self.library, self.handle = library, handle

    def call(self, name: str, *args: Any) -> tuple[int, str]:
        status = int(getattr(self.library, name)(self.handle, *args))
        return status, "" if status == OK else last_error(self.library)

    def predict(self, x: np.ndarray[Any, Any], out: np.ndarray[Any, Any]) -> None:
        assert self.call("pydl_predict", pointer(x), len(x), pointer(out)) == (OK, "")

    def train(self, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
        loss = c.c_float()
        args = (pointer(x), pointer(y), len(x), c.byref(loss))
        assert self.call("pydl_train", *args) == (OK, "")
        return loss.value

    def get(self, name: str, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = np.empty_like(like)
        args = (name.encode(), pointer(out), out.nbytes)
        assert self.call("pydl_get_tensor", *args) == (OK, "")
        return out


def last_error(library: c.CDLL) -> str:
    return bytes(library.pydl_last_error()).decode()


@contextmanager
def load(library: c.CDLL, path: Path) -> Iterator[Model]:
    handle = c.c_void_p()
    status = library.pydl_load(str(path).encode(), c.byref(handle))
    assert status == OK, last_error(library)
    try:
        yield Model(library, handle)
    finally:
        library.pydl_free(handle)
