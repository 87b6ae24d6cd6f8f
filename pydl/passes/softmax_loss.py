"""A loss on the probabilities of a softmax becomes the loss on its logits.

`cross_entropy(softmax(z), t)` is `softmax_cross_entropy(z, t)`, and the gradient
through both is that op's second result: one pass over the rows instead of five, and no
cancellation. The clip of probabilities at 1e-7 goes with it (the logits form needs
none): losses above 16.1 are then told exactly and still have a gradient. `argmax` of
such a softmax, as accuracies take it, reads the logits.

::

    %2 = softmax(%z)
    %3, %4 = cross_entropy(%2, %t)
    %5 = mul(%s, %4)
    %6 = mul(%5, %2)             becomes    %3, %4 = softmax_cross_entropy(%z, %t)
    %7 = reduce_sum(%6)                     %9 = mul(%s, %4)
    %8 = sub(%5, %7)
    %9 = mul(%2, %8)
"""

from __future__ import annotations

from dataclasses import dataclass

from pydl.graph.node import Graph, Node, Value
from pydl.passes.rewrite import Rewriter, Uses

_LOGITS_FORM = {
    "cross_entropy": "softmax_cross_entropy",
    "sparse_cross_entropy": "sparse_softmax_cross_entropy",
}


@dataclass
class _Match:
    """A loss on a softmax. `scales`: what the gradient of the rows is multiplied with
    on its way to `end`, the last node of the softmax's gradient (None: no gradient)."""

    loss: Node
    scales: list[Value]
    inner: list[Node]
    end: Node | None


def softmax_loss(graph: Graph) -> Graph:
    """The graph with losses on logits wherever the pattern is exact."""
    losses = [node for node in graph.nodes if node.op in _LOGITS_FORM]
    if not any(node.inputs[0].node.op == "softmax" for node in losses):
        return graph
    uses = Uses(graph)
    matches = [match for loss in losses if (match := _match(loss, uses)) is not None]
    return _rewrite(graph, matches) if matches else graph


def _rewrite(graph: Graph, matches: list[_Match]) -> Graph:
    rewriter = Rewriter(graph)
    by_loss = {match.loss: match for match in matches}
    by_end = {match.end: match for match in matches if match.end is not None}
    inner = {node for match in matches for node in match.inner}
    softmaxes = {match.loss.inputs[0] for match in matches}
    for node in graph.nodes:
        if node in by_loss:
            _write_loss(rewriter, node)
        elif node in by_end:
            _write_gradient(rewriter, by_end[node])
        elif node.op == "argmax" and node.inputs[0] in softmaxes and _last(node):
            _write_argmax(rewriter, node)
        elif node not in inner:
            rewriter.keep(node)
    return rewriter.finish()


def _write_loss(rewriter: Rewriter, loss: Node) -> None:
    logits = rewriter.now(loss.inputs[0].node.inputs[0])
    targets = rewriter.now(loss.inputs[1])
    specs = [(value.dtype, value.shape) for value in loss.outputs]
    op = _LOGITS_FORM[loss.op]
    fused = rewriter.add(op, (logits, targets), loss.attrs, specs, loss)
    for old, new in zip(loss.outputs, fused.outputs, strict=True):
        rewriter.replace(old, new)


def _write_gradient(rewriter: Rewriter, match: _Match) -> None:
    assert match.end is not None
    grad = rewriter.now(match.loss.outputs[1])
    spec = [(grad.dtype, grad.shape)]
    for scale in match.scales:
        inputs = (rewriter.now(scale), grad)
        grad = rewriter.add("mul", inputs, {}, spec, match.end).outputs[0]
    rewriter.replace(match.end.outputs[0], grad)


def _write_argmax(rewriter: Rewriter, node: Node) -> None:
    logits = rewriter.now(node.inputs[0].node.inputs[0])
    specs = [(value.dtype, value.shape) for value in node.outputs]
    fused = rewriter.add("argmax", (logits,), node.attrs, specs, node)
    rewriter.replace(node.outputs[0], fused.outputs[0])


def _last(node: Node) -> bool:
    return node.attrs["axis"] == len(node.inputs[0].shape) - 1


def _match(loss: Node, uses: Uses) -> _Match | None:
    probabilities = loss.inputs[0]
    if probabilities.node.op != "softmax" or probabilities.node.guard is not loss.guard:
        return None
    grad = loss.outputs[1]
    match = _Match(loss, [], [], None)
    if grad not in uses.readers and grad not in uses.kept:
        return match
    while (scaled := uses.only_reader(grad)) is not None:
        scale = _row_scale(scaled, grad)
        if scale is None:
            return None
        match.scales.append(scale)
        match.inner.append(scaled)
        grad = scaled.outputs[0]
    return match if _match_softmax_gradient(match, probabilities, grad, uses) else None


def _row_scale(node: Node, grad: Value) -> Value | None:
    """The other factor, if `node` multiplies each row of `grad` with one number."""
    if node.op != "mul" or node.outputs[0].shape != grad.shape:
        return None
    other = node.inputs[1] if node.inputs[0] is grad else node.inputs[0]
    if other is grad or (other.shape and other.shape[-1] != 1):
        return None
    return other


def _match_softmax_gradient(match: _Match, y: Value, grad: Value, uses: Uses) -> bool:
    """``y * (grad - sum(grad * y))``, its parts used for nothing else."""
    readers = uses.readers.get(grad, [])
    if len(readers) != 2 or grad in uses.kept:
        return False
    product, difference = sorted(readers, key=lambda node: node.op)  # mul, sub
    if product.op != "mul" or set(product.inputs) != {grad, y}:
        return False
    total = uses.only_reader(product.outputs[0])
    axis = len(y.shape) - 1
    if total is None or total.op != "reduce_sum" or total.attrs["axes"] != [axis]:
        return False
    if uses.only_reader(total.outputs[0]) is not difference:
        return False
    if difference.op != "sub" or difference.inputs != (grad, total.outputs[0]):
        return False
    end = uses.only_reader(difference.outputs[0])
    if end is None or end.op != "mul" or set(end.inputs) != {difference.outputs[0], y}:
        return False
    match.inner += [product, total, difference]
    match.end = end
    return True
