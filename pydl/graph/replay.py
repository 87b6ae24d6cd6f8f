"""Writing the nodes of one trace down in another, or once more in the same one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydl.graph.node import LEAVES, Node, Value, is_token
from pydl.graph.trace import CustomCall, Trace, TraceTensor


def replay(
    trace: Trace,
    nodes: Iterable[Node],
    now: dict[Value, TraceTensor],
    mark: Any = None,
) -> None:
    """Add copies of `nodes` to the running trace.

    Args:
        trace: where to.
        nodes: in order. Leaves are left out; constants are taken along into another
            trace.
        now: what stands for which value, added to. Values that are not in it stand for
            themselves.
        mark: kept with the copies, so that no pass takes them for their originals.
    """
    for node in nodes:
        if node.op == "constant" and node.outputs[0] not in now:
            now[node.outputs[0]] = trace.constant(node.payload)
        if node.op in LEAVES:
            continue
        operands = [now.get(v, TraceTensor(trace, v)) for v in node.inputs]
        guard = None
        if node.guard is not None and is_token(node.guard) and node.guard in now:
            guard = now[node.guard].value
        results = trace.add_copy(node, operands, guard, mark)
        now.update(zip(node.outputs, results, strict=True))


def replay_stops(
    origin: Trace, trace: Trace, nodes: Iterable[Node], now: dict[Value, TraceTensor]
) -> None:
    """Stop gradients in the copies where they stop in the originals."""
    trace.stopped.update(
        now[v].value
        for node in nodes
        for v in node.outputs
        if v in origin.stopped and v in now
    )


def replay_calls(
    origin: Trace, trace: Trace, nodes: Iterable[Node], now: dict[Value, TraceTensor]
) -> None:
    """Calls with gradients of their own have them in the copies too."""
    for node in nodes:
        call = origin.calls.get(node)
        if call is not None and node is call.outputs[0].node:
            inputs = tuple(now[v].value if v in now else v for v in call.inputs)
            outputs = tuple(now[v].value for v in call.outputs)
            back: Any = call.back
            if call.movable:
                back = back.moved(trace, now)
            copy = CustomCall(inputs, outputs, back)
            trace.calls.update((value.node, copy) for value in outputs)
