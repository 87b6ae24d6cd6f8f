"""Bad data in a compiled function: one value that tells of it, and updates that are
left out because of it."""

from __future__ import annotations

from collections.abc import Sequence

from pydl.graph.node import LEAVES, Node
from pydl.graph.trace import Trace, TraceTensor


def combined_fault(trace: Trace) -> tuple[TraceTensor | None, str]:
    """The greatest of the faults noted in a trace, int64 ``(1,)``, standing right after
    the last of them, and what the data is expected to be like."""
    if not trace.faults:
        return None, ""
    nodes = trace.graph.nodes
    begin = len(nodes)
    found = [fault for fault, _ in trace.faults]
    fault = found[0]
    for other in found[1:]:
        (fault,) = trace.add("maximum", (fault, other), {})
    added = nodes[begin:]
    del nodes[begin:]
    place = 1 + max(nodes.index(fault.value.node) for fault in found)
    nodes[place:place] = added
    return fault, " or ".join(dict.fromkeys(expected for _, expected in trace.faults))


def guard_updates(
    trace: Trace, fault: TraceTensor, outputs: Sequence[TraceTensor]
) -> None:
    """Leave out at run time what only serves to update variables when `fault` is not 0.

    An update that is made before the fault is known is copied under the guard.
    """
    nodes, flag = trace.graph.nodes, fault.value
    needed: set[Node] = {flag.node, *(y.value.node for y in outputs)}
    for node in reversed(nodes):
        if node in needed:
            needed.update(value.node for value in node.inputs)
            if node.guard is not None:
                needed.add(node.guard.node)
    for node in nodes[nodes.index(flag.node) + 1 :]:
        if node not in needed and node.op not in LEAVES and node.guard is None:
            node.guard = flag
    trace.guard_assigned(fault)
