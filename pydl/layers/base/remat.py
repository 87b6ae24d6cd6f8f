"""`RematScope`: layers whose intermediate results are computed again for gradients."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from pydl import tree
from pydl.layers.base.context import is_any_tensor
from pydl.layers.base.input_spec import known_shape
from pydl.layers.base.keras_tensor import KerasTensor
from pydl.ops.custom import remat

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[RematScope] = []


_scopes = _Scopes()


class RematScope:
    """Layers made in the ``with`` block keep less for the gradient; see `pydl.remat`.

    Args:
        mode: ``"full"``: all layers; ``"activations"``: the activation functions of
            layers; ``"larger_than"``: layers whose outputs have more elements than
            `output_size_threshold`; ``"list_of_layers"``: those of `layer_names`; None:
            no layer.
        output_size_threshold: see there.
        layer_names: see there.

    >>> with pydl.RematScope("full"):
    ...     layer = pydl.layers.Dense(4)
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(
                f"RematScope: mode: expected one of {_MODES}, received {mode!r}"
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> Self:
        _scopes.stack.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _scopes.stack.pop()


def current_scope() -> RematScope | None:
    """The innermost scope of this thread, if it has a mode."""
    scope = _scopes.stack[-1] if _scopes.stack else None
    return scope if scope is not None and scope.mode is not None else None


def wrapped(
    layer: Any, scope: RematScope, call: Callable[..., Any], args: Any, kwargs: Any
) -> Callable[..., Any]:
    """What to call in place of a layer's `call`, for these arguments."""
    if scope.mode == "activations":
        return _with_activation(layer, call)
    chosen = (
        scope.mode == "full"
        or (scope.mode == "list_of_layers" and layer.name in scope.layer_names)
        or (
            scope.mode == "larger_than"
            and _output_size(layer, args, kwargs) > scope.output_size_threshold
        )
    )
    return remat(call) if chosen else call


def _with_activation(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    activation = getattr(layer, "activation", None)
    if activation is None:
        return call

    @functools.wraps(call)
    def run(*args: Any, **kwargs: Any) -> Any:
        object.__setattr__(layer, "activation", remat(activation))
        try:
            return call(*args, **kwargs)
        finally:
            object.__setattr__(layer, "activation", activation)

    return run


def _output_size(layer: Any, args: Any, kwargs: Any) -> int:
    def symbolic(x: Any) -> Any:
        return KerasTensor(known_shape(x), str(x.dtype)) if is_any_tensor(x) else x

    args, kwargs = tree.map_structure(symbolic, (args, kwargs))
    outputs = tree.flatten(layer.compute_output_spec(*args, **kwargs))
    return sum(math.prod(size or 1 for size in x.shape) for x in outputs)


class Rematerialized:
    """Remembers, in layers, the scope they were made in."""

    _remat_scope: RematScope | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        instance = super().__new__(cls, *args, **kwargs)
        object.__setattr__(instance, "_remat_scope", current_scope())
        return instance

    def rematerialized_call(
        self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Callable[..., Any]:
        """What is called in place of `call` in the `RematScope` the layer is of."""
        scope = self._remat_scope
        return (
            layer_call if not scope else wrapped(self, scope, layer_call, args, kwargs)
        )
