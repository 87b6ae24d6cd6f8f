"""What nested layer calls of one thread know of each other."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydl import tree
from pydl.graph.trace import TraceTensor, current_trace
from pydl.layers.base.input_spec import known_shape
from pydl.layers.base.keras_tensor import KerasTensor
from pydl.objects.signatures import method_signature
from pydl.runtime import watchers
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

_TENSORS = (TraceTensor, Tensor, KerasTensor, Variable)


def is_any_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of any kind: with data, traced or symbolic."""
    return isinstance(x, _TENSORS)


class _Context(threading.local):
    def __init__(self) -> None:
        self.training: bool | None = None
        self.names: list[str] = []
        #: Who opened the innermost `name_scope`, its name, and how deep it stands.
        self.opened: tuple[Any, str, int] | None = None
        self.depth = 0


context = _Context()
watchers.layer_path = lambda: "/".join(context.names)
watchers.surroundings = lambda: context.training


class name_scope:  # noqa: N801
    """Variables made inside the ``with`` block get `name` in their path.

    Args:
        name: the part of the path, without slashes.
        caller: an object that opens the scope.
        deduplicate: a scope that the same caller has just opened under the same name is
            not opened again.
        override_parent: a path that stands for all of the scopes around.
    """

    def __init__(
        self,
        name: str,
        caller: Any = None,
        deduplicate: bool = True,
        override_parent: str | None = None,
    ) -> None:
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(
                "Argument `name` must be a non-empty string without `/`. Received: "
                f"name={name!r}"
            )
        self.name = name
        self.caller = caller
        self.deduplicate = deduplicate
        self.override_parent = override_parent
        self._before: list[tuple[list[str], Any]] = []

    def __enter__(self) -> name_scope:
        names = context.names
        self._before.append((names, context.opened))
        opened = context.opened
        if opened is not None and self.caller is not None and self.deduplicate:
            again = opened[0] is self.caller and opened[1:] == (self.name, len(names))
            if again:
                return self
        if self.override_parent is not None:
            names = [part for part in self.override_parent.split("/") if part]
        context.names = [*names, self.name]
        context.opened = (self.caller, self.name, len(context.names))
        return self

    def __exit__(self, *exc: object) -> None:
        context.names, context.opened = self._before.pop()


@contextmanager
def calling(name: str, training: bool | None) -> Iterator[None]:
    """A layer's call: its name is in paths, `training` holds for its sublayers."""
    trace, outer = current_trace(), context.training
    context.training = training
    context.depth += 1
    context.names.append(name)
    if trace is not None:
        trace.layers.append(name)
    try:
        yield
    finally:
        if trace is not None:
            trace.layers.pop()
        context.names.pop()
        context.depth -= 1
        context.training = outer


class CallArguments:
    """The arguments of one `call`, by name."""

    def __init__(self, signature: inspect.Signature, args: Any, kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        self.given = set(bound.arguments)
        bound.apply_defaults()
        self.by_name: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                self.by_name.update(value)
                self.given.update(value)
            else:
                self.by_name[name] = value

    @property
    def first(self) -> Any:
        """The first argument."""
        return next(iter(self.by_name.values()), None)

    def training(self) -> bool | None:
        """`training` as given, else as the outer call has it, else the default."""
        value = self.by_name.get("training")
        if "training" in self.given and value is not None:
            return bool(value)
        return value if context.training is None else context.training

    def shapes(self) -> dict[str, Any]:
        """``{"<argument>_shape": shape}`` of the arguments that hold tensors."""
        return {
            f"{name}_shape": tree.map_structure(_shape_or_none, value)
            for name, value in self.by_name.items()
            if any(is_any_tensor(x) for x in tree.flatten(value))
        }


def _shape_or_none(x: Any) -> Any:
    return known_shape(x) if is_any_tensor(x) else None


def call_with_shapes(function: Callable[..., Any], shapes: dict[str, Any]) -> Any:
    """Call ``build`` or the like with the shapes that its parameters ask for."""
    parameters = method_signature(function).parameters.values()
    named = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return function(**shapes)
    if len(named) > 1 and all(name in shapes for name in named):
        return function(**{name: shapes[name] for name in named})
    if not named:
        return function()
    return function(shapes.get(named[0], next(iter(shapes.values()), None)))


def name_layer(error: Exception, layer: Any, call: CallArguments) -> None:
    """Add the innermost layer's name and input shapes to an error's message."""
    if getattr(error, "_names_layer", False) or f"'{layer.name}'" in str(error):
        return
    shapes = {name: shape for name, shape in call.shapes().items()}
    told = ", ".join(f"{name}={shape}" for name, shape in shapes.items())
    message = str(error.args[0]) if error.args else str(error)
    error.args = (
        f"{message}\n(in layer '{layer.name}' of class {type(layer).__name__}, called "
        f"with {told or 'no tensors'})",
    )
    error._names_layer = True  # type: ignore[attr-defined]
