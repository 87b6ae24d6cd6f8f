"""Leave out nodes whose results nobody needs.

Needed are outputs, assigned values, the loop count and the guards of needed nodes.
Inputs stay: they are the program's interface. Regions drop members that went. A loop
keeps what it carries and stacks only where that is needed.

::

    %0 = input x                        %0 = input x
    %1 = exp(%0)            becomes     %2 = neg(%0)
    %2 = neg(%0)                        output y = %2
    output y = %2
"""

from __future__ import annotations

from dataclasses import replace

from pydl.graph.node import BEGIN, END, Attr, Graph, Node, Value
from pydl.passes.rewrite import Rewriter


def dead_code(graph: Graph) -> Graph:
    """The graph without unneeded nodes."""
    if any(node.op == END for node in graph.nodes):
        graph = _trim_loops(graph)
    needed: set[Node] = {output.value.node for output in graph.outputs}
    needed.update(value.node for value in graph.assigns.values())
    if graph.loop is not None:
        needed.add(graph.loop.count.node)
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(value.node for value in node.inputs)
            if node.guard is not None:
                needed.add(node.guard.node)
    nodes = [node for node in graph.nodes if node in needed or node.op == "input"]
    regions = [[v for v in region if v.node in needed] for region in graph.regions]
    return replace(graph, nodes=nodes, regions=regions)


def _trim_loops(graph: Graph) -> Graph:
    """The graph with loops that carry and stack only what is needed."""
    needed = _needed_values(graph)
    ends = {n.inputs[0].node: n for n in graph.nodes if n.op == END}
    carried: dict[Node, list[int]] = {}
    for begin, end in ends.items():
        count, flag = end.integer("carries"), end.integer("stop")
        carried[begin] = [
            i
            for i in range(count)
            if i == flag or begin.outputs[1 + i] in needed or end.outputs[i] in needed
        ]
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node.op == BEGIN:
            kept = carried[node]
            places = [0, *(1 + i for i in kept)]
            _keep_some(rewriter, node, places, places, {})
        elif node.op == END:
            kept, count = carried[node.inputs[0].node], node.integer("carries")
            more = range(count, len(node.outputs))
            results = [*kept, *(i for i in more if node.outputs[i] in needed)]
            flag = node.integer("stop")
            stop = kept.index(flag) if flag in kept else -1
            attrs: dict[str, Attr] = {"carries": len(kept), "stop": stop}
            _keep_some(rewriter, node, [0, *(1 + i for i in results)], results, attrs)
        else:
            rewriter.keep(node)
    return rewriter.finish()


def _keep_some(
    rewriter: Rewriter,
    node: Node,
    inputs: list[int],
    outputs: list[int],
    attrs: dict[str, Attr],
) -> None:
    """The node with only some of its operands and results."""
    if len(inputs) == len(node.inputs) and len(outputs) == len(node.outputs):
        rewriter.keep(node)
        return
    current = rewriter.current(node)
    specs = [(node.outputs[i].dtype, node.outputs[i].shape) for i in outputs]
    copy = Node(
        node.op, tuple(current.inputs[i] for i in inputs), node.attrs | attrs, specs,
        layer=node.layer, source=node.source, guard=current.guard, payload=node.payload,
    )  # fmt: skip
    rewriter.nodes.append(copy)
    for i, new in zip(outputs, copy.outputs, strict=True):
        rewriter.replace(node.outputs[i], new)


def _needed_values(graph: Graph) -> set[Value]:
    """What the ends of the graph depend on, value by value in loops."""
    ends = {n.inputs[0].node: n for n in graph.nodes if n.op == END}
    needed: set[Value] = set()
    pending = [output.value for output in graph.outputs]
    pending += graph.assigns.values()
    while pending:
        value = pending.pop()
        if value in needed:
            continue
        needed.add(value)
        node = value.node
        if node.guard is not None:
            pending.append(node.guard)
        if node.op == END:
            pending += (node.inputs[0], node.inputs[1 + value.index])
            if value.index < node.integer("carries"):
                pending.append(node.inputs[0].node.inputs[1 + value.index])
        elif node.op == BEGIN:
            end = ends[node]
            flag = end.integer("stop")
            places = [value.index] if value.index else []
            if flag >= 0:
                places.append(1 + flag)
            pending.append(node.inputs[0])
            for place in places:
                pending += (node.inputs[place], end.inputs[place])
        else:
            pending += node.inputs
    return needed
