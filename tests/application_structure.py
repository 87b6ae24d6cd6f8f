"""What a functional model is made of, as plain data: the same code describes Keras's
models and pydl's, so that they can be compared. Needs nothing but Python."""

from __future__ import annotations

import json
import re
from typing import Any

#: Parts of configurations that differ without meaning.
_DROPPED = frozenset({
    "build_config", "dtype", "gptq_unpacked_column_size", "lora_rank",
    "quantization_config", "registered_name", "seed", "shared_object_id",
})  # fmt: skip

#: Name and configuration of a layer (None for an op, which has no weights), how many
#: places before it its inputs are made, and names and shapes of its weights.
Row = tuple[str | None, Any, list[int], list[tuple[str, list[int]]]]


def describe(model: Any) -> list[Row]:
    """One row for each operation of a model, in the order of the model."""
    operations = list(model.operations)
    place = {id(operation): i for i, operation in enumerate(operations)}
    rows: list[Row] = []
    for i, operation in enumerate(operations):
        node = operation._inbound_nodes[0]
        makers = (t._keras_history.operation for t in node.input_tensors)
        back = [i - place[id(maker)] for maker in makers]
        if not hasattr(operation, "weights"):
            rows.append((None, None, back, []))
            continue
        config = {**operation.get_config(), "class": type(operation).__name__}
        config.pop("name")
        weights = [(given_name(w), list(w.shape)) for w in operation.weights]
        rows.append((operation.name, plain(config), back, weights))
    return json.loads(json.dumps(rows))


def given_name(weight: Any) -> str:
    """A weight's name; empty where nobody gave it one."""
    return re.sub(r"^variable(_\d+)?$", "", weight.name)


def plain(value: Any) -> Any:
    """A configuration without the parts that differ without meaning."""
    if isinstance(value, dict):
        if value.get("class_name") == "Constant" and value["config"] == {"value": 0.0}:
            value = {**value, "class_name": "Zeros", "config": {}}
        if value.get("axis") == -1:  # of images, whose channels are the last of four
            value = {**value, "axis": 3}
        return {k: plain(v) for k, v in sorted(value.items()) if k not in _DROPPED}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def difference(expected: list[Row], found: list[Row]) -> str | None:
    """The first row that is not the same, None if all are."""
    for i, (wanted, row) in enumerate(zip(expected, found, strict=False)):
        if list(wanted[:3]) != list(row[:3]) or not _same_weights(wanted[3], row[3]):
            return f"operation {i}:\n  expected {wanted}\n  received {row}"
    if len(expected) != len(found):
        return f"expected {len(expected)} operations, received {len(found)}"
    return None


def _same_weights(expected: Any, found: Any) -> bool:
    """Whether names and shapes agree; a weight without a name may have any."""
    return len(expected) == len(found) and all(
        shape == other and name in ("", own)
        for (name, shape), (own, other) in zip(expected, found, strict=True)
    )


def packed(models: dict[str, list[Row]]) -> dict[str, Any]:
    """The rows with each configuration written down once."""
    configs: dict[str, int] = {}

    def number(config: Any) -> int:
        return configs.setdefault(json.dumps(config), len(configs))

    rows = {
        name: [[row[0], number(row[1]), row[2], row[3]] for row in model]
        for name, model in models.items()
    }
    return {"configs": [json.loads(text) for text in configs], "models": rows}


def unpacked(stored: dict[str, Any]) -> dict[str, list[Row]]:
    """The rows that `packed` was given."""
    configs = stored["configs"]
    return {
        name: [(row[0], configs[row[1]], row[2], row[3]) for row in rows]
        for name, rows in stored["models"].items()
    }
