"""`model.summary()`: the table of layers."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydl.graph.node import dtype_size
from pydl.layers.base import Layer, Operation
from pydl.layers.base.keras_tensor import map_shapes
from pydl.models.graph import maker
from pydl.models.table import draw


@dataclass
class Summary:
    """What `summary` shows, before it is laid out."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    totals: list[str] = field(default_factory=list)


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the table; see `Model.summary`."""
    content = summarize(model, expand_nested, show_trainable, layer_range)
    widths = _widths(content, line_length, positions)
    if print_fn is None and sys.stdout.isatty() and _print_rich(content, widths):
        return
    text = "\n".join(
        [content.title, *draw(content.columns, content.rows, widths), *content.totals]
    )
    (print_fn or print)(text)


def summarize(
    model: Any,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> Summary:
    """The content of the table."""
    connected = not _is_stack(model)
    columns = ["Layer (type)", "Output Shape", "Param #"]
    columns += ["Connected to"] * connected + ["Trainable"] * show_trainable
    content = Summary(f'Model: "{model.name}"', columns)
    for operation, depth in _shown(model, expand_nested, layer_range):
        row = [
            _title(operation, depth),
            _output_shape(operation),
            _parameters(operation),
        ]
        if connected:
            row.append(_connections(operation, model) if depth == 0 else "-")
        if show_trainable:
            row.append(_trainable(operation))
        content.rows.append(row)
    content.totals = _totals(model)
    return content


def _shown(
    model: Any, expand_nested: bool, layer_range: Sequence[str] | None
) -> Iterator[tuple[Operation, int]]:
    operations = getattr(model, "operations", None) or model.layers
    if layer_range is not None:
        operations = _within(operations, layer_range)
    for operation in operations:
        yield operation, 0
        if expand_nested and getattr(operation, "layers", None):
            for inner, depth in _shown(operation, True, None):
                yield inner, depth + 1


def _within(operations: list[Operation], layer_range: Sequence[str]) -> list[Operation]:
    names = [operation.name for operation in operations]
    if len(layer_range) != 2 or any(name not in names for name in layer_range):
        raise ValueError(
            f"layer_range: expected the names of two layers of {names}, received "
            f"{layer_range}"
        )
    first, last = sorted(names.index(name) for name in layer_range)
    return operations[first : last + 1]


def _is_stack(model: Any) -> bool:
    """Whether each layer is called once, on the output of the one before."""
    nodes = getattr(model, "_nodes", None)
    if nodes is None:
        return True
    one_input = len(model.inputs) == 1 and all(len(n.input_tensors) == 1 for n in nodes)
    users: dict[int, int] = {}
    for node in nodes:
        for tensor in node.input_tensors:
            users[id(tensor)] = users.get(id(tensor), 0) + 1
    once = len({id(n.operation) for n in nodes}) == len(nodes)
    return one_input and once and all(count == 1 for count in users.values())


def _title(operation: Operation, depth: int) -> str:
    prefix = "   " * depth + "└ " if depth else ""
    return f"{prefix}{operation.name} ({operation.type_name})"


def _output_shape(operation: Operation) -> str:
    if operation._inbound_nodes:
        shapes = [t.shape for t in operation._inbound_nodes[0].output_tensors]
        return ", ".join(map(str, shapes))
    build_shapes = getattr(operation, "_build_shapes", None)
    if not build_shapes or not isinstance(operation, Layer):
        return "?"
    try:
        shape = operation.compute_output_shape(*build_shapes.values())
        return str(map_shapes(lambda s: (None, *s[1:]), shape))  # any batch size
    except (NotImplementedError, ValueError, TypeError):
        return "?"


def _parameters(operation: Operation) -> str:
    if not isinstance(operation, Layer):
        return "0"
    if not operation.built:
        return "0 (unbuilt)"
    return f"{operation.count_params():,}"


def _connections(operation: Operation, model: Any) -> str:
    nodes = {id(node) for node in model._nodes}
    sources = []
    for node in operation._inbound_nodes:
        if id(node) in nodes:
            for tensor in node.input_tensors:
                history = tensor._keras_history
                if history is not None:
                    source = maker(tensor).operation.name
                    sources.append(
                        f"{source}[{history.node_index}][{history.tensor_index}]"
                    )
    return ", ".join(sources) or "-"


def _trainable(operation: Operation) -> str:
    if not isinstance(operation, Layer) or not operation.weights:
        return "-"
    return "Y" if operation.trainable else "N"


def _totals(model: Any) -> list[str]:
    trainable, fixed = model.trainable_weights, model.non_trainable_weights
    optimizer: Any = getattr(model, "optimizer", None)
    built = getattr(optimizer, "built", False)
    state = list(optimizer.variables) if built else []
    lines = [
        f" Total params: {_counted([*trainable, *fixed, *state])}",
        f" Trainable params: {_counted(trainable)}",
        f" Non-trainable params: {_counted(fixed)}",
    ]
    return [*lines, f" Optimizer params: {_counted(state)}"] if state else lines


def _counted(variables: Sequence[Any]) -> str:
    count = sum(math.prod(v.shape) for v in variables)
    size = sum(math.prod(v.shape) * dtype_size(str(v.dtype)) for v in variables)
    return f"{count:,} ({readable_size(size)})"


def readable_size(size: float) -> str:
    """Bytes as text: ``"1.05 KB"``."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            break
        size /= 1024
    return f"{size:.2f} {unit}"


def _widths(
    content: Summary, line_length: int | None, positions: Sequence[float] | None
) -> list[int]:
    """The columns' widths without borders, padding included."""
    count = len(content.columns)
    if positions is None:
        shares = [0.46, 0.335, 0.205] if count == 3 else [0.32, 0.25, 0.15, 0.28]
        shares = shares[:count] if count <= 4 else [0.29, 0.22, 0.13, 0.24, 0.12]
        if count == 4 and content.columns[-1] == "Trainable":
            shares = [0.40, 0.29, 0.17, 0.14]
    else:
        if len(positions) != count:
            raise ValueError(
                f"positions: expected {count} numbers, one for each of the columns "
                f"{content.columns}, received {list(positions)}"
            )
        edges = [0.0, *(p / positions[-1] for p in positions)]
        shares = [b - a for a, b in zip(edges, edges[1:], strict=False)]
    room = (line_length or (76 if count == 3 else 98)) - count - 1
    widths = [max(6, round(room * share)) for share in shares]
    widths[0] += max(room - sum(widths), -(widths[0] - 6))
    return widths


def _print_rich(content: Summary, widths: Sequence[int]) -> bool:
    """Print in colour; False if rich is not there."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(show_lines=True)
    for name, width in zip(content.columns, widths, strict=True):
        right = "right" if name == "Param #" else "left"
        table.add_column(Text(name), width=width - 2, justify=right)  # type: ignore[arg-type]
    styles = ("", "cyan", "green", "", "bold")
    for row in content.rows:
        cells = zip(row, styles, strict=False)
        table.add_row(*(Text(cell, style) for cell, style in cells))
    console = Console(width=max(sum(widths) + len(widths) + 1, 20), highlight=False)
    console.print(Text(content.title, style="bold"))
    console.print(table)
    for line in content.totals:
        console.print(Text(line, style="bold"))
    return True


def html_summary(model: Any) -> str:
    """The table as HTML, for notebooks."""
    from html import escape

    content = summarize(model)
    head = "".join(f"<th>{escape(name)}</th>" for name in content.columns)
    rows = (
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in content.rows
    )
    totals = "<br>".join(escape(line.strip()) for line in content.totals)
    return (
        f"<b>{escape(content.title)}</b><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table><p>{totals}</p>"
    )
