"""What makes a public function accept the symbolic tensors of the model graph.

`pydl.models` enters its `KerasTensor` and a handler; below it nothing knows what either
is. A call without symbolic arguments goes straight through.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from pydl.runtime.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")

#: ``handler(function, args, kwargs)`` returns the symbolic result of a call.
Handler = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]

#: What is no symbolic tensor and holds none.
_PLAIN = frozenset({Tensor, np.ndarray, int, float, bool, str, type(None)})
_NESTED = (list, tuple)
_symbolic: type | tuple[()] = ()
_handler: Handler | None = None


def register_symbolic(cls: type, handler: Handler) -> None:
    """Enter the class of symbolic tensors and what to do with a call that has one."""
    global _symbolic, _handler
    _symbolic, _handler = cls, handler


def any_symbolic(*values: Any) -> bool:
    """Whether a symbolic tensor is among the values, or in a list or tuple of them."""
    for value in values:
        if type(value) in _PLAIN:
            continue
        if isinstance(value, _symbolic):
            return True
        if isinstance(value, _NESTED) and any_symbolic(*value):
            return True
    return False


def public_op(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a public function of tensors; see the module's first lines."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for value in (*args, *kwargs.values()) if kwargs else args:
            if type(value) in _PLAIN or not any_symbolic(value):
                continue  # said here too: nearly all calls end up so
            assert _handler is not None
            result: R = _handler(call, args, kwargs)
            return result
        return function(*args, **kwargs)

    return call
