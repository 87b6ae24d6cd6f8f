"""Leave out nodes whose results nobody needs.

Needed are outputs, assigned values, the loop count and the guards of needed nodes.
Inputs stay: they are the program's interface. Regions drop members that went.

::

    %0 = input x                        %0 = input x
    %1 = exp(%0)            becomes     %2 = neg(%0)
    %2 = neg(%0)                        output y = %2
    output y = %2
"""

from __future__ import annotations

from dataclasses import replace

from pydl.graph.node import Graph, Node


def dead_code(graph: Graph) -> Graph:
    """The graph without unneeded nodes."""
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
