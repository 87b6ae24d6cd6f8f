"""Which part of a nested argument belongs to which output of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydl import tree

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Output:
    """One tensor a model returns. `path`: where it stands in what the model returns;
    `name`: its key there or the name of the layer that made it, None if unknown."""

    path: Path
    name: str | None

    def label(self, fallback: str) -> str:
        """What the output is called in logs, such as ``"heads/left"``."""
        if self.path and isinstance(self.path[-1], str):
            return "/".join(map(str, self.path))
        return "/".join((*map(str, self.path[:-1]), self.name or fallback))


def outputs_of(y_pred: Any, names: Sequence[str] | None) -> list[Output]:
    """The outputs in flattening order. `names` are those of a functional model."""
    paths = list(_paths(y_pred, ()))
    if names is None or len(names) != len(paths):
        names = None
    flat_dict = isinstance(y_pred, Mapping) and all(len(path) == 1 for path in paths)
    found = []
    for index, path in enumerate(paths):
        name = None if names is None else names[index]
        found.append(Output(path, str(path[0]) if flat_dict else name))
    return found


def _paths(structure: Any, before: Path) -> Any:
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _paths(structure[key], (*before, key))
    elif isinstance(structure, (list, tuple)):
        for index, item in enumerate(structure):
            yield from _paths(item, (*before, index))
    else:
        yield before


def pick(argument: str, given: Any, outputs: Sequence[Output]) -> list[Any]:
    """The part of `given` for each output: one thing for all of them, a list with one
    entry for each, a dict by name or key, or the structure the model returns. None
    where a dict has nothing for an output. Raises ValueError naming the argument."""
    if isinstance(given, Mapping):
        return _by_key(argument, given, outputs)
    if not isinstance(given, (list, tuple)):
        return [given] * len(outputs)
    if any(len(output.path) > 1 for output in outputs):
        return [_walk(given, output.path) for output in outputs]
    if len(given) != len(outputs):
        raise ValueError(
            f"{argument}: expected one entry for each of {len(outputs)} outputs "
            f"{_names(outputs)}, received {len(given)}"
        )
    return list(given)


def _by_key(
    argument: str, given: Mapping[str, Any], outputs: Sequence[Output]
) -> list[Any]:
    keyed = [bool(o.path) and isinstance(o.path[0], str) for o in outputs]
    known = [o.path[0] if k else o.name for o, k in zip(outputs, keyed, strict=True)]
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ValueError(
            f"{argument}: no output is named {unknown[0]!r}; the outputs are "
            f"{list(dict.fromkeys(known))}"
        )
    return [
        _walk(given, output.path) if by_path else given.get(str(output.name))
        for output, by_path in zip(outputs, keyed, strict=True)
    ]


def _walk(given: Any, path: Path) -> Any:
    """What stands at `path`, or above it if it is not nested so deep."""
    for step in path:
        if isinstance(given, Mapping):
            given = given.get(step)
        elif isinstance(given, (list, tuple)):
            given = given[step] if isinstance(step, int) and step < len(given) else None
    return given


def targets(
    y: Any, y_pred: Any, outputs: Sequence[Output], wanted: Sequence[bool]
) -> list[Any]:
    """The labels of each output; those not `wanted` may be missing."""
    if isinstance(y, Mapping):
        found = _by_key("y", y, outputs)
    else:
        flat = tree.flatten(y)
        if len(flat) == len(outputs):
            found = flat
        elif len(flat) == sum(wanted):
            rest = iter(flat)
            found = [next(rest) if want else None for want in wanted]
        else:
            raise _different(y, y_pred, outputs, len(flat))
    for value, want, output in zip(found, wanted, outputs, strict=True):
        if want and value is None:
            raise ValueError(f"y: there are no labels for output {output.label('')!r}")
    return found


def _different(
    y: Any, y_pred: Any, outputs: Sequence[Output], count: int
) -> ValueError:
    def shown(structure: Any) -> Any:
        return tree.map_structure(lambda _: "*", structure)

    return ValueError(
        f"y: expected labels for each of {len(outputs)} outputs {_names(outputs)}, "
        f"received {count} array(s). y_true and y_pred have different structures: "
        f"y_true: {shown(y)}, y_pred: {shown(y_pred)}"
    )


def sample_weights(given: Any, outputs: Sequence[Output]) -> list[Any]:
    """The sample weights of each output."""
    flat = [] if isinstance(given, Mapping) else tree.flatten(given)
    if given is not None and tree.is_nested(given) and len(flat) == 1:
        given = flat[0]
    return pick("sample_weight", given, outputs)


def _names(outputs: Sequence[Output]) -> list[str]:
    return [output.label(f"output_{i}") for i, output in enumerate(outputs)]
