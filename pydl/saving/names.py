"""A stable name for every weight of a model."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydl.objects.naming import to_snake_case


def weight_names(model: Any) -> dict[str, Any]:
    """``{name: variable}``, such as ``"dense_1/kernel"``.

    Layers are named by class and order in the model, not by their own names: those
    depend on how many layers the process made before.
    """
    names: dict[str, Any] = {}
    _collect(model, "", names, set())
    return names


def _collect(layer: Any, prefix: str, names: dict[str, Any], seen: set[int]) -> None:
    for variable, name in zip(layer.own_variables, own_names(layer), strict=True):
        if id(variable) not in seen:
            seen.add(id(variable))
            names[_unused(prefix + name, names)] = variable
    for sublayer, name in named_sublayers(layer):
        if id(sublayer) not in seen:
            seen.add(id(sublayer))
            _collect(sublayer, f"{prefix}{name}/", names, seen)


def _unused(name: str, names: dict[str, Any]) -> str:
    """A variable's own name may hold slashes and so look like a sublayer's."""
    return _unused(f"{name}_", names) if name in names else name


def own_names(layer: Any) -> list[str]:
    """The names of a layer's own weights, numbered where they repeat."""
    return numbered([variable.name for variable in layer.own_variables])


def named_sublayers(layer: Any) -> list[tuple[Any, str]]:
    """The layers held directly, each with its class's name in snake case and a number.

    Input layers count although they hold nothing: Keras counts them.
    """
    layers = list(layer._layers)
    return list(
        zip(
            layers,
            numbered([to_snake_case(type(s).__name__) for s in layers]),
            strict=True,
        )
    )


def numbered(names: list[str]) -> list[str]:
    """The names, repeated ones with ``_1``, ``_2``, ... behind them."""
    counts: Counter[str] = Counter()
    result = []
    for name in names:
        result.append(f"{name}_{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return result
