"""Zeros around images become the padding of the windows that read them.

So nothing is copied to make room. A convolution takes any zeros, its weight gradient
too; the gradient of the images is made without those that are cut off. A max pool takes
zeros around what `relu` gave: they are never larger than what is there. Among equals it
may choose another, but only where all are 0, and there `relu` stops the gradient: so
nothing else may read it.

::

    %2 = pad(%1) {low: 3, high: 3}          %3 = conv(%1, %w) {low: 3, high: 3}
    %3 = conv(%2, %w)             becomes
    %5 = conv_grad_w(%2, %g)                %5 = conv_grad_w(%1, %g) {low: 3, high: 3}
    %6 = conv_grad_x(%g, %w)                %7 = conv_grad_x(%g, %w) {low: 3, high: 3}
    %7 = slice(%6) {begin: 3, ...}
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydl.graph.node import Attr, Graph, Node, Value
from pydl.passes.rewrite import Rewriter, Uses

#: What reads images as its first operand, zeros being nothing to it.
_LINEAR = frozenset({"conv", "conv_grad_w"})


@dataclass
class _Changes:
    """What is written in the place of nodes."""

    #: A reader of padded images: the images it reads instead, and its attributes.
    readers: dict[Node, tuple[Value, dict[str, Attr]]] = field(default_factory=dict)
    #: A slice: the node that made what it cuts, and that node's attributes now.
    slices: dict[Node, tuple[Node, dict[str, Attr]]] = field(default_factory=dict)


def paddings(graph: Graph) -> Graph:
    """The graph without zeros that stand around images only for windows."""
    if not any(node.op in ("pad", "slice") for node in graph.nodes):
        return graph
    uses, changes = Uses(graph), _Changes()
    for node in graph.nodes:
        if node.op == "pad" and _is_zeros_around(node):
            for reader in uses.readers.get(node.outputs[0], ()):
                _take_zeros(node, reader, uses, changes)
        elif node.op == "slice":
            _take_cut(node, uses, changes)
    if not changes.readers and not changes.slices:
        return graph
    return _written(graph, changes)


def _is_zeros_around(pad: Node) -> bool:
    low, high = pad.integers("low"), pad.integers("high")
    ends = (low[0], high[0], low[-1], high[-1])
    return pad.attrs["value"] == 0 and len(low) > 2 and not any(ends)


def _more(node: Node, low: list[int], high: list[int]) -> dict[str, Attr]:
    """The attributes of a node with more padding."""
    pairs = {"low": low, "high": high}
    wider: dict[str, Attr] = {
        name: [a + b for a, b in zip(node.integers(name), more, strict=True)]
        for name, more in pairs.items()
    }
    return {**node.attrs, **wider}


def _take_zeros(pad: Node, reader: Node, uses: Uses, changes: _Changes) -> None:
    padded, x = pad.outputs[0], pad.inputs[0]
    if reader.inputs[0] is not padded or padded in reader.inputs[1:]:
        return
    low, high = pad.integers("low")[1:-1], pad.integers("high")[1:-1]
    if reader.op in _LINEAR:
        changes.readers[reader] = x, _more(reader, low, high)
    elif reader.op == "max_pool":
        attrs = _more(reader, low, high)
        cuts = _cuts(reader, x, low, uses)
        if cuts is None or not _is_less(attrs):
            return
        changes.readers[reader] = x, attrs
        for back, cut in cuts:
            own: dict[str, Attr] = {"size": list(x.shape[1:-1])}
            changes.slices[cut] = back, {**attrs, **own}


def _is_less(attrs: dict[str, Attr]) -> bool:
    """Whether the padding of a pool is less than its window."""
    window, low, high = (attrs[name] for name in ("window", "low", "high"))
    assert isinstance(window, list) and isinstance(low, list) and isinstance(high, list)
    return all(max(a, b) < w for a, b, w in zip(low, high, window, strict=True))


def _cuts(
    pool: Node, x: Value, low: list[int], uses: Uses
) -> list[tuple[Node, Node]] | None:
    """The gradients of a pool of zeros around `x`, each with the slice that cuts the
    zeros off; None if they show which of equals was chosen."""
    index = pool.outputs[1]
    if x.node.op != "relu" or index in uses.kept:
        return None
    found = []
    for back in uses.readers.get(index, ()):
        if back.op != "max_pool_grad":
            return None
        cut = uses.only_reader(back.outputs[0])
        if cut is None or cut.op != "slice" or cut.outputs[0].shape != x.shape:
            return None
        mask = uses.only_reader(cut.outputs[0])
        if mask is None or mask.op != "relu_grad" or mask.inputs[1] is not x:
            return None
        if mask.inputs[0] is not cut.outputs[0] or _spatial_begin(cut) != low:
            return None
        found.append((back, cut))
    return found


def _spatial_begin(cut: Node) -> list[int] | None:
    """Where a slice begins that leaves batch and channels whole, in steps of one."""
    before, after = cut.inputs[0].shape, cut.outputs[0].shape
    whole = (before[0], before[-1]) == (after[0], after[-1])
    if not whole or any(step != 1 for step in cut.integers("stride")):
        return None
    return cut.integers("begin")[1:-1]


def _take_cut(cut: Node, uses: Uses, changes: _Changes) -> None:
    """Let a slice of images join the convolution's gradient that makes them."""
    back = cut.inputs[0].node
    if back.op != "conv_grad_x" or uses.only_reader(back.outputs[0]) is not cut:
        return
    begin = _spatial_begin(cut)
    if begin is None:
        return
    size = list(cut.outputs[0].shape[1:-1])
    padded = back.integers("size")
    end = [n - b - m for n, b, m in zip(padded, begin, size, strict=True)]
    own: dict[str, Attr] = {"size": size}
    changes.slices[cut] = back, {**_more(back, begin, end), **own}


def _written(graph: Graph, changes: _Changes) -> Graph:
    rewriter = Rewriter(graph)
    dropped = {back for back, _ in changes.slices.values()}
    for node in graph.nodes:
        if node in changes.readers:
            x, attrs = changes.readers[node]
            _replace(rewriter, node, node, [x, *node.inputs[1:]], attrs)
        elif node in changes.slices:
            back, attrs = changes.slices[node]
            _replace(rewriter, node, back, list(back.inputs), attrs)
        elif node not in dropped:
            rewriter.keep(node)
    return rewriter.finish()


def _replace(
    rewriter: Rewriter,
    node: Node,
    like: Node,
    inputs: list[Value],
    attrs: dict[str, Attr],
) -> None:
    """Write, in the place of `node`, an op such as `like`."""
    specs = [(value.dtype, value.shape) for value in node.outputs]
    operands = [rewriter.now(value) for value in inputs]
    new = rewriter.add(like.op, operands, attrs, specs, like)
    for before, after in zip(node.outputs, new.outputs, strict=True):
        rewriter.replace(before, after)
