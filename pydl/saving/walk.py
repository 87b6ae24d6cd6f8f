"""The parts of a model that have state of their own, by the paths Keras gives them.

A part whose class defines `save_own_variables` or `load_own_variables` decides itself
what is stored; `saves_itself` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydl.layers.base.state_access import StateAccess as LayerState
from pydl.objects.naming import to_snake_case
from pydl.optimizers.state_access import StateAccess as OptimizerState
from pydl.saving.names import numbered

_STATE = ("save_own_variables", "load_own_variables")
_HOOKS = (*_STATE, "save_assets", "load_assets")


def walk(model: Any) -> Iterator[tuple[str, Any]]:
    """``(path, part)``, parts before what they hold; paths end in a slash, the model's
    is empty. Parts are layers, and other objects that have methods for their state."""
    return _walk(model, "", set())


def _walk(part: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(part) in seen:
        return
    seen.add(id(part))
    yield path, part
    for name, held in _held(part):
        yield from _walk(held, f"{path}{name}/", seen)


def saves_itself(part: Any) -> bool:
    """Whether a part's class has methods of its own for the state it stores."""
    return any(_defines(part, name) for name in _STATE)


def _defines(part: Any, name: str) -> bool:
    method = getattr(type(part), name, None)
    return method is not None and all(
        method is not vars(base).get(name) for base in (LayerState, OptimizerState)
    )


def optimizers_of(model: Any) -> dict[str, Any]:
    """The optimizers of a model by attribute, the compiled one first."""
    found = {"optimizer": getattr(model, "optimizer", None), **vars(model)}
    return {k: v for k, v in found.items() if hasattr(v, "apply_gradients")}


def _held(part: Any) -> Iterator[tuple[str, Any]]:
    """Parts held directly, in Keras's order.

    Graphs' and stacks' lists of layers come first; else attributes by name, private
    ones last, a model's list of layers being one of them.
    """
    attributes = {k: v for k, v in _attributes(part).items() if k != "_layers"}
    if hasattr(part, "layers"):
        attributes["layers"] = part.layers
    if getattr(part, "owns_layers_in_order", False):
        yield from _of_container("layers", part.layers)
    for name in sorted(attributes, key=lambda name: (name.startswith("_"), name)):
        value = attributes[name]
        if _is_part(value):
            yield name, value
        elif isinstance(value, (list, tuple, dict)):
            yield from _of_container(name, value)


def _attributes(part: Any) -> dict[str, Any]:
    return getattr(part, "__dict__", {})


def _of_container(path: str, container: Any) -> Iterator[tuple[str, Any]]:
    values = container.values() if isinstance(container, dict) else container
    held = [v for v in values if _is_part(v) or isinstance(v, (list, tuple, dict))]
    kinds = [
        to_snake_case(type(v).__name__) if _is_part(v) else "container" for v in held
    ]
    for name, value in zip(numbered(kinds), held, strict=True):
        if _is_part(value):
            yield f"{path}/{name}", value
        else:
            yield from _of_container(f"{path}/{name}", value)


def _is_part(value: Any) -> bool:
    """Layers; metrics, losses and features with methods for their state. Optimizers
    stand apart: a file of weights does not need them."""
    if hasattr(value, "apply_gradients") or isinstance(value, type):
        return False
    if hasattr(value, "own_variables"):
        return True
    return any(callable(getattr(type(value), name, None)) for name in _HOOKS)
