"""Signatures, found once for each function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


@functools.lru_cache(maxsize=1024)
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a plain function."""
    return inspect.signature(function)


@functools.lru_cache(maxsize=1024)
def _without_self(function: Callable[..., Any]) -> inspect.Signature:
    signature = signature_of(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def method_signature(method: Callable[..., Any]) -> inspect.Signature:
    """The signature of a bound method (without `self`), or of any other callable."""
    function = getattr(method, "__func__", None)
    return inspect.signature(method) if function is None else _without_self(function)
