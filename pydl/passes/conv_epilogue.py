"""What follows a convolution joins it.

A bias, a residual that is added and an activation behind `conv`; the gradient of the
activation that made the images behind `conv_grad_x`; the sum that is a bias gradient
beside `conv_grad_w`. Steps join in the order of the op, see ``docs/opcodes.md``.

::

    %3 = conv(%x, %w)
    %4 = add(%3, %b)              becomes   %6 = conv(%x, %w, %b, %y) {bias: 1,
    %5 = add(%4, %y)                                   residual: 1, activation: relu}
    %6 = relu(%5)

    %8 = conv_grad_x(%g, %w)                %9 = conv_grad_x(%g, %w, %x) {grad: relu}
    %9 = relu_grad(%8, %x)

    %7 = reduce_sum(%g) {axes: [0, 1, 2]}   %8, %7 = conv_grad_w(%x, %g) {column_sum: 1}
    %8 = conv_grad_w(%x, %g)
"""

from __future__ import annotations

from pydl.graph.node import Graph, Node, Value
from pydl.passes.epilogue import Family, Fusion, fuse
from pydl.passes.rewrite import literal


class _Convolutions(Family):
    products = frozenset({"conv", "conv_grad_x", "conv_grad_w"})
    operands = ("bias", "residual", "out")

    def join(self, fusion: Fusion, node: Node, value: Value, stage: int) -> int:
        if fusion.product.op == "conv_grad_x":
            return int(stage < 1 and fusion.take_gradient(node, value))
        if fusion.product.op == "conv_grad_w":
            return 0
        if stage < 1 and fusion.take_bias(node, value):
            return 1
        if stage < 2 and _take_residual(fusion, node, value):
            return 2
        return 3 if stage < 3 and fusion.take_activation(node) else 0

    def summed_axes(self, product: Node) -> list[int] | None:
        rows = range(len(product.inputs[1].shape) - 1)
        return list(rows) if product.op == "conv_grad_w" else None


def _take_residual(fusion: Fusion, node: Node, value: Value) -> bool:
    """Let an addition join that adds an array of the result's shape: no number, which
    would have to be written to memory first."""
    if node.op != "add":
        return False
    other = node.inputs[1] if node.inputs[0] is value else node.inputs[0]
    if other is value or other.shape != value.shape or literal(other) is not None:
        return False
    fusion.operands["residual"], fusion.attrs["residual"] = other, 1
    return True


def conv_epilogues(graph: Graph) -> Graph:
    """The graph with convolutions that take along what follows them."""
    return fuse(graph, _Convolutions())
