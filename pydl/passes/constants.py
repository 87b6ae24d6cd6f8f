"""Small arrays of one number are kept in memory, not filled at each run.

::

    %1 = full() {shape: [], value: 0.5}       %1 = constant 0.5
    %2 = softmax_...(%0, %1)        becomes   %2 = softmax_...(%0, %1)
"""

from __future__ import annotations

import numpy as np

from pydl.graph.node import Graph, Node
from pydl.passes.rewrite import Rewriter, Uses

_MAX_BYTES = 4096
_TYPES = frozenset({"float32", "float64", "int32", "int64", "bool", "uint32", "uint8"})


def constants(graph: Graph) -> Graph:
    """The graph with small `full` nodes turned to constants."""
    if not any(_small(node) for node in graph.nodes):
        return graph
    kept = Uses(graph).kept
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if not _small(node) or node.outputs[0] in kept:
            rewriter.keep(node)
            continue
        out = node.outputs[0]
        array = np.full(out.shape, node.attrs["value"], out.dtype)
        leaf = Node("constant", (), {}, [(out.dtype, out.shape)], payload=array)
        rewriter.nodes.append(leaf)
        rewriter.replace(out, leaf.outputs[0])
    return rewriter.finish()


def _small(node: Node) -> bool:
    out = node.outputs
    return node.op == "full" and out[0].nbytes <= _MAX_BYTES and out[0].dtype in _TYPES
