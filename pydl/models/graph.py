"""Walking the model graph: from outputs back to inputs, and forwards with values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl import tree
from pydl.layers.base import KerasTensor, Node, Operation


def graph_nodes(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]
) -> list[Node]:
    """The nodes between inputs and outputs, each after those it needs.

    Nodes further from the outputs come first. Those that make `inputs` are left out.
    """
    stop = {id(tensor) for tensor in inputs}
    order = _post_order(stop, outputs)
    index = {id(node): i for i, node in enumerate(order)}
    depth = dict.fromkeys(index, 0)
    for node in reversed(order):
        for parent in _parents(node, stop):
            depth[id(parent)] = max(depth[id(parent)], depth[id(node)] + 1)
    return sorted(order, key=lambda node: (-depth[id(node)], index[id(node)]))


def _post_order(stop: set[int], outputs: Sequence[KerasTensor]) -> list[Node]:
    order: list[Node] = []
    done: set[int] = set()
    pending = [(node, False) for t in reversed(outputs) for node in _makers([t], stop)]
    while pending:
        node, expanded = pending.pop()
        if id(node) in done:
            continue
        if expanded:
            done.add(id(node))
            order.append(node)
            continue
        if node.is_input:
            raise ValueError(
                f"the outputs need the input '{node.operation.name}', which is not "
                "among the model's `inputs`: add it, or leave out what depends on it"
            )
        pending.append((node, True))
        pending.extend((parent, False) for parent in reversed(_parents(node, stop)))
    return order


def _parents(node: Node, stop: set[int]) -> list[Node]:
    return _makers(node.input_tensors, stop)


def _makers(tensors: Sequence[KerasTensor], stop: set[int]) -> list[Node]:
    nodes: dict[int, Node] = {}
    for tensor in tensors:
        if id(tensor) not in stop:
            node = maker(tensor)
            nodes[id(node)] = node
    return list(nodes.values())


def maker(tensor: KerasTensor) -> Node:
    """The node whose output the tensor is."""
    history = tensor._keras_history
    if history is None:
        raise ValueError(
            f"{tensor} was not made by a layer or an op: start from `pydl.Input(...)`"
        )
    return history.operation._inbound_nodes[history.node_index]


def run_nodes(
    nodes: Sequence[Node],
    values: dict[int, Any],
    operation: Callable[[Operation], Operation] = lambda op: op,
) -> dict[int, Any]:
    """Call the operations one after the other.

    Args:
        nodes: in the order of `graph_nodes`.
        values: ``{id(symbolic tensor): value}`` of the inputs; the results are added.
        operation: what to call in place of each node's operation.
    """
    for node in nodes:
        args, kwargs = node.fill(values)
        results = tree.flatten(operation(node.operation)(*args, **kwargs))
        for tensor, value in zip(node.output_tensors, results, strict=True):
            values[id(tensor)] = value
    return values
