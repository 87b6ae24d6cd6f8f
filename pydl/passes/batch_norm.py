"""What follows a batch normalization joins it, what masks its gradient too.

Forward: a residual that is added, and relu. Backward: the gradient of that relu; where
it goes on to the residual as well, it becomes a result of the same op.

::

    %2, %m, %v = batch_norm(%x)             %4, %m, %v = batch_norm(%x, %r)
    %3 = add(%2, %r)             becomes        {residual: 1, activation: relu}
    %4 = relu(%3)

    %6 = relu_grad(%5, %4)                  %7, %6 = batch_norm_grad(%5, %x, %m, %v, %4)
    %7 = batch_norm_grad(%6, %x, %m, %v)        {grad: relu, residual: 1}
    %8 = add(%6, %9)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydl.graph.node import Attr, Graph, Node, Value
from pydl.passes.rewrite import Rewriter, Uses


@dataclass
class _Forward:
    """A normalization and the nodes that join it."""

    norm: Node
    attrs: dict[str, Attr]
    residual: Value | None = None
    members: list[Node] = field(default_factory=list)


@dataclass
class _Backward:
    """A gradient and the mask that joins it; it is written where the mask stood."""

    norm: Node
    mask: Node
    shared: bool  # whether others read the masked gradient


def batch_norm_epilogues(graph: Graph) -> Graph:
    """The graph with residuals and relu inside its batch normalizations."""
    norms = [n for n in graph.nodes if n.op in ("batch_norm", "batch_norm_grad")]
    if not norms:
        return graph
    uses = Uses(graph)
    order = {node: i for i, node in enumerate(graph.nodes)}
    taken: set[Node] = set()
    written: dict[Node, _Forward | _Backward] = {}
    for norm in norms:
        if norm.op == "batch_norm":
            forward = _follow(norm, uses, order, taken)
            if forward.members:
                written[norm] = forward
                taken.update((norm, *forward.members))
        elif (backward := _find_mask(norm, uses, order, taken)) is not None:
            written[backward.mask] = backward
            taken.update((norm, backward.mask))
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        fused = written.get(node)
        if isinstance(fused, _Forward):
            _write_forward(rewriter, fused)
        elif isinstance(fused, _Backward):
            _write_backward(rewriter, fused)
        elif node not in taken:
            rewriter.keep(node)
    return rewriter.finish()


def _follow(
    norm: Node, uses: Uses, order: dict[Node, int], taken: set[Node]
) -> _Forward:
    fused = _Forward(norm, dict(norm.attrs))
    if "activation" in norm.attrs:
        return fused
    value = norm.outputs[0]
    node = uses.only_reader(value)
    if node is not None and node.op == "add" and not norm.attrs.get("residual"):
        other = node.inputs[1] if node.inputs[0] is value else node.inputs[0]
        # The op stands where the normalization stood: others read its moments.
        there = order[other.node] < order[norm]
        if node in taken or other.shape != value.shape or not there:
            return fused
        fused.residual = other
        fused.attrs["residual"] = 1
        fused.members.append(node)
        node = uses.only_reader(node.outputs[0])
    if node is not None and node.op == "relu" and node not in taken:
        fused.attrs["activation"] = "relu"
        fused.members.append(node)
    return fused


def _find_mask(
    norm: Node, uses: Uses, order: dict[Node, int], taken: set[Node]
) -> _Backward | None:
    masked, *others = norm.inputs
    mask = masked.node
    if mask.op != "relu_grad" or mask in taken or mask.guard is not norm.guard:
        return None
    if {"grad", "residual"} & norm.attrs.keys() or masked in others:
        return None
    if any(value.shape != masked.shape for value in mask.inputs):
        return None
    if any(order[value.node] > order[mask] for value in others):
        return None
    shared = len(uses.readers[masked]) > 1 or masked in uses.kept
    return _Backward(norm, mask, shared)


def _write_forward(rewriter: Rewriter, fused: _Forward) -> None:
    norm = fused.norm
    operands = [rewriter.now(value) for value in norm.inputs]
    if fused.residual is not None:
        operands.append(rewriter.now(fused.residual))
    specs = [(value.dtype, value.shape) for value in norm.outputs]
    node = rewriter.add("batch_norm", operands, fused.attrs, specs, norm)
    olds = (fused.members[-1].outputs[0], *norm.outputs[1:])
    for old, new in zip(olds, node.outputs, strict=True):
        rewriter.replace(old, new)


def _write_backward(rewriter: Rewriter, fused: _Backward) -> None:
    norm, masked = fused.norm, fused.mask.outputs[0]
    grad_out, out = fused.mask.inputs
    operands = [rewriter.now(v) for v in (grad_out, *norm.inputs[1:], out)]
    attrs: dict[str, Attr] = {**norm.attrs, "grad": "relu"}
    olds = list(norm.outputs)
    if fused.shared:
        attrs["residual"] = 1
        olds.append(masked)
    specs = [(value.dtype, value.shape) for value in olds]
    node = rewriter.add("batch_norm_grad", operands, attrs, specs, norm)
    for old, new in zip(olds, node.outputs, strict=True):
        rewriter.replace(old, new)
