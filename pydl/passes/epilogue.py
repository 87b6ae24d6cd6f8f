"""What follows a matrix product joins it: the result is finished in registers.

Forward: bias, activation, dropout. Backward: dropout, activation gradient; and the bias
gradient, summed while the weight gradient reads the same rows. The order of steps and
operands is that of `gemm` in ``docs/opcodes.md``. A reshape between the product and its
followers (inputs of more than two axes) moves behind them.

::

    %3 = matmul(%x, %w)
    %4 = add(%3, %b)              becomes   %5 = gemm(%x, %w, %b) {bias: 1,
    %5 = relu(%4)                                                  activation: relu}

    %7 = reduce_sum(%g) {axes: [0]}         %8, %7 = gemm(%x, %g) {transpose_a: 1,
    %8 = matmul(%x, %g) {transpose_a: 1}                           column_sum: 1}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from pydl.graph.node import Attr, Graph, Node, Shape, Value
from pydl.passes.rewrite import Rewriter, Uses

_ACTIVATIONS = frozenset({"relu", "sigmoid", "tanh"})
_GRADIENTS = {"relu_grad": "relu", "sigmoid_grad": "sigmoid", "tanh_grad": "tanh"}


@dataclass
class Fusion:
    """A product with the nodes that join it; it is written where the last one stood."""

    product: Node
    attrs: dict[str, Attr]
    #: What the epilogue reads, by name.
    operands: dict[str, Value] = field(default_factory=dict)
    members: list[Node] = field(default_factory=list)
    column_sum: Node | None = None
    at: Node | None = None

    @property
    def end(self) -> Value:
        """The value the fused product gives."""
        return (self.members[-1] if self.members else self.product).outputs[0]

    def take_bias(self, node: Node, value: Value) -> bool:
        """Let an addition join if it adds one row to all rows of `value`."""
        bias = _bias(node, value) if node.op == "add" else None
        if bias is not None:
            self.operands["bias"], self.attrs["bias"] = bias, 1
        return bias is not None

    def take_activation(self, node: Node) -> bool:
        """Let an activation join."""
        if node.op in _ACTIVATIONS:
            self.attrs["activation"] = node.op
        return node.op in _ACTIVATIONS

    def take_gradient(self, node: Node, value: Value) -> bool:
        """Let the gradient of an activation join, if `value` is what it is given."""
        if node.op not in _GRADIENTS or node.inputs[0] is not value:
            return False
        if node.inputs[1].shape != value.shape:
            return False
        self.operands["out"], self.attrs["grad"] = node.inputs[1], _GRADIENTS[node.op]
        return True


class Family:
    """What products of a kind take along: `gemm` below, and `conv_epilogue`."""

    #: The opcodes that may be fused.
    products: ClassVar[frozenset[str]]
    #: The order of the operands of the epilogue.
    operands: ClassVar[tuple[str, ...]]

    def fused(self, product: Node) -> str:
        """The opcode of the product with an epilogue."""
        return product.op

    def join(self, fusion: Fusion, node: Node, value: Value, stage: int) -> int:
        """Add `node`, which alone reads `value`, as a step of the epilogue. Returns its
        stage, more than `stage`; 0 if it cannot join."""
        raise NotImplementedError

    def summed_axes(self, product: Node) -> list[int] | None:
        """The axes of the second operand over which `column_sum` sums, if it can."""
        raise NotImplementedError


def fuse(graph: Graph, family: Family) -> Graph:
    """The graph with the products of a family and what follows them as one node."""
    products = [node for node in graph.nodes if node.op in family.products]
    if not products:
        return graph
    uses = Uses(graph)
    order = {node: i for i, node in enumerate(graph.nodes)}
    taken: set[Node] = set()
    written: dict[Node, Fusion] = {}
    for product in products:
        fusion = _grow(family, product, uses, taken)
        if not fusion.members:
            _take_column_sum(fusion, family.summed_axes(product), uses, order, taken)
        if fusion.members or fusion.column_sum is not None:
            fusion.at = fusion.at or fusion.members[-1]
            taken.update((product, *fusion.members))
            if fusion.column_sum is not None:
                taken.add(fusion.column_sum)
            written[fusion.at] = fusion
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node in written:
            _write(rewriter, written[node], family)
        elif node not in taken:
            rewriter.keep(node)
    return rewriter.finish()


def _grow(family: Family, product: Node, uses: Uses, taken: set[Node]) -> Fusion:
    """`taken`: nodes that have joined other products, as the sum of two may."""
    fusion = Fusion(product, dict(product.attrs))
    pending: list[
        Node
    ] = []  # reshapes passed, kept only if something behind them joins
    stage = 0
    value = product.outputs[0]
    while (node := uses.only_reader(value)) is not None and node not in taken:
        same = node.outputs[0].shape == value.shape
        joined = family.join(fusion, node, value, stage) if same else 0
        if joined:
            fusion.members += [*pending, node]
            pending, stage = [], joined
        elif node.op == "reshape" and _keeps_columns(node):
            pending.append(node)
        else:
            break
        value = node.outputs[0]
    return fusion


def _keeps_columns(node: Node) -> bool:
    before, after = node.inputs[0].shape, node.outputs[0].shape
    return bool(before and after) and before[-1] == after[-1]


def _bias(node: Node, value: Value) -> Value | None:
    """The other operand of an addition, if it is one row for all rows of `value`."""
    other = node.inputs[1] if node.inputs[0] is value else node.inputs[0]
    columns = value.shape[-1]
    if other is value or not other.shape or other.shape[-1] != columns:
        return None
    if any(dim != 1 for dim in other.shape[:-1]):
        return None
    return other


def _take_column_sum(
    fusion: Fusion,
    axes: list[int] | None,
    uses: Uses,
    order: dict[Node, int],
    taken: set[Node],
) -> None:
    """Find the sum over the rows of the right operand, as a bias gradient is."""
    product = fusion.product
    for node in _column_sums(product, axes, uses) if axes is not None else ():
        if node.guard is not product.guard or node in taken:
            continue
        first, last = sorted((node, product), key=order.__getitem__)
        at = first
        if any(order[value.node] > order[first] for value in product.inputs):
            at = last  # then nothing between may need the first result
            if any(
                order[r] < order[last] for r in uses.readers.get(first.outputs[0], ())
            ):
                continue
        fusion.column_sum, fusion.at = node, at
        fusion.attrs["column_sum"] = 1
        return


def _column_sums(product: Node, axes: list[int], uses: Uses) -> list[Node]:
    """The sums over all rows of the product's right operand, reshaped or not."""
    b = product.inputs[1]
    readers = [(node, axes) for node in uses.readers[b]]
    reshaped = b.node.op == "reshape" and _keeps_columns(b.node)
    if reshaped and axes == list(range(len(b.shape) - 1)):
        rows = b.node.inputs[0]
        axes = list(range(len(rows.shape) - 1))
        readers += [(node, axes) for node in uses.readers[rows]]
    return [
        n for n, axes in readers if n.op == "reduce_sum" and n.attrs["axes"] == axes
    ]


def _write(rewriter: Rewriter, fusion: Fusion, family: Family) -> None:
    product, end = fusion.product, fusion.end
    shape, dtype = product.outputs[0].shape, end.dtype
    like = fusion.members[-1] if fusion.members else product
    wanted = {"bias": shape[-1:], "out": shape, "residual": shape}

    def shaped(value: Value, wanted: Shape) -> Value:
        value = rewriter.now(value)
        if value.shape == wanted:
            return value
        attrs: dict[str, Attr] = {"shape": list(wanted)}
        spec = [(value.dtype, wanted)]
        return rewriter.add("reshape", (value,), attrs, spec, like).outputs[0]

    operands = [rewriter.now(value) for value in product.inputs]
    for name in family.operands:
        if name in fusion.operands:
            value = fusion.operands[name]
            operands.append(shaped(value, wanted.get(name, value.shape)))
    specs = [(dtype, shape)]
    if fusion.column_sum is not None:
        specs.append((dtype, shape[-1:]))
    op = family.fused(product)
    fused = rewriter.add(op, operands, fusion.attrs, specs, product)
    rewriter.replace(end, fused.outputs[0])
    if end.shape != shape:
        rewriter.replace(end, shaped(end, end.shape))
    if fusion.column_sum is not None:
        total = fusion.column_sum.outputs[0]
        rewriter.replace(total, fused.outputs[1])
        if total.shape != fused.outputs[1].shape:  # keepdims
            rewriter.replace(total, shaped(total, total.shape))


class _Matrices(Family):
    products = frozenset({"matmul"})
    operands = ("bias", "out", "seed")

    def fused(self, product: Node) -> str:
        return "gemm"

    def join(self, fusion: Fusion, node: Node, value: Value, stage: int) -> int:
        if stage < 1 and fusion.take_bias(node, value):
            return 1
        if stage < 2 and fusion.take_activation(node):
            return 2
        if node.op == "dropout" and stage < 3 and node.attrs["rate"] != 0:
            fusion.attrs["dropout"] = node.attrs["rate"]
            fusion.operands["seed"] = node.inputs[1]
            return 3
        return 4 if stage < 4 and fusion.take_gradient(node, value) else 0

    def summed_axes(self, product: Node) -> list[int]:
        return [1] if product.attrs.get("transpose_b") else [0]


def gemm_epilogues(graph: Graph) -> Graph:
    """The graph with `gemm` in place of products and what follows them."""
    return fuse(graph, _Matrices())
