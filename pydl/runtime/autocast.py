"""The dtype in which float variables are read inside a layer's call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydl.runtime.variable import Variable


class _Scope(threading.local):
    dtype: str | None = None


_scope = _Scope()


@contextmanager
def autocast(dtype: str | None) -> Iterator[None]:
    """Inside the block float variables that allow it are read as `dtype`; None: as
    they are. Writes are not concerned."""
    outer, _scope.dtype = _scope.dtype, dtype
    try:
        yield
    finally:
        _scope.dtype = outer


def read_dtype(variable: Variable) -> str:
    """The dtype an op sees when it reads the variable here."""
    if _scope.dtype is None or not variable.autocast or "float" not in variable.dtype:
        return variable.dtype
    return _scope.dtype
