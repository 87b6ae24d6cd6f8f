"""A graph as text, one line per node: for people, and for PYDL_DEBUG=3.

::

    graph train_step
      %0 = input x float32 (32, 784)
      %1 = variable dense/kernel float32 (784, 10)
      %2 = matmul(%0, %1) {transpose_b: 0} float32 (32, 10)    # dense model.py:12
      output y = %2
"""

from __future__ import annotations

from pydl.graph.node import LEAVES, Graph, Node, Value


def graph_text(graph: Graph) -> str:
    """The whole graph."""
    numbers: dict[Value, int] = {}
    lines = [f"graph {graph.name}"]
    for node in graph.nodes:
        for value in node.outputs:
            numbers[value] = len(numbers)
        lines.append("  " + node_text(node, numbers))

    def name(value: Value) -> str:
        return _name(value, numbers)

    for output in graph.outputs:
        lines.append(
            f"  {'stepped ' * output.step}output {output.name} = {name(output.value)}"
        )
    for variable, value in graph.assigns.items():
        lines.append(f"  assign {variable.path or variable.name} = {name(value)}")
    if graph.loop is not None:
        stop = graph.loop.stop
        until = f" until {stop.path or stop.name}" if stop is not None else ""
        lines.append(f"  loop {name(graph.loop.count)} times{until}")
    return "\n".join(lines)


def node_text(node: Node, numbers: dict[Value, int]) -> str:
    """One line: results, op, operands, attributes, shapes, where it was written."""
    results = ", ".join(_name(value, numbers) for value in node.outputs)
    specs = ", ".join(f"{value.dtype} {value.shape}" for value in node.outputs)
    if node.op in LEAVES:
        return f"{results} = {node.op} {_leaf_name(node)} {specs}".replace("  ", " ")
    operands = ", ".join(_name(value, numbers) for value in node.inputs)
    attrs = ", ".join(f"{key}: {value}" for key, value in node.attrs.items())
    text = f"{results} = {node.op}({operands})"
    text += f" {{{attrs}}}" if attrs else ""
    text += f" {specs}"
    if node.guard is not None:
        text += f" unless {_name(node.guard, numbers)}"
    where = " ".join(part for part in (node.layer, node.source) if part)
    return f"{text}    # {where}" if where else text


def _leaf_name(node: Node) -> str:
    if node.op == "input":
        return ("stepped " if node.payload.step else "") + str(node.payload.name)
    if node.op == "variable":
        return str(node.payload.path or node.payload.name)
    return str(node.payload.tolist()) if node.payload.size <= 4 else ""


def _name(value: Value, numbers: dict[Value, int]) -> str:
    return f"%{numbers[value]}" if value in numbers else "%?"
