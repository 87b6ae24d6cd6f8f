"""Say the same with fewer nodes.

Identities (`_RULES`), arithmetic on literals, operands that need no broadcasting, and
nodes that compute what another has computed. What is left has the same bits, with one
exception: ``x + 0`` gives ``x`` (the sum would turn -0 into 0).

::

    %1 = reshape(%0) {shape: [6, 4]}
    %2 = reshape(%1) {shape: [24]}          %2 = reshape(%0) {shape: [24]}
    %3 = broadcast_to(%c) {shape: [24]}
    %4 = mul(%2, %3)               becomes  %4 = mul(%2, %c)
    %5 = mul(%2, %3)                        %7 = add(%4, %4)
    %6 = neg(neg(%4))
    %7 = add(%6, %5)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

import numpy as np

from pydl.graph.families import families
from pydl.graph.node import END, LEAVES, Attr, Graph, Node, Value
from pydl.passes.rewrite import Rewriter, broadcast, literal

Rule = Callable[["_Simplifier", Node], Value | None]


def simplify(graph: Graph) -> Graph:
    """The graph with every rule applied once, in order."""
    return _Simplifier(graph).run()


class _Simplifier:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rewriter = Rewriter(graph)
        self.assigned = set(graph.assigns.values())
        self.seen: dict[Hashable, Node] = {}
        self.families = families()

    def run(self) -> Graph:
        rewriter = self.rewriter
        for node in self.graph.nodes:
            if node.op in LEAVES:
                rewriter.keep(node)
            else:
                self._take(node, rewriter.current(node))
        return rewriter.finish()

    def _take(self, node: Node, current: Node) -> None:
        rewriter = self.rewriter
        rule = _RULES.get(node.op)
        value = rule(self, current) if rule is not None else None
        if value is None and self.families.get(node.op) == "elementwise":
            value = _fold(self, current)
            if value is None:
                current = _strip_broadcasts(current)
        if value is not None and self._may_stand_for(value, node.outputs[0]):
            rewriter.replace(node.outputs[0], value)
            return
        key = _key(current) if self._may_be_one(node) else None
        same = self.seen.setdefault(key, current) if key is not None else current
        if same is current or not self._may_stand_for(same.outputs[0], node.outputs[0]):
            rewriter.keep(node, current)
            return
        for old, new in zip(node.outputs, same.outputs, strict=True):
            rewriter.replace(old, new)

    def _may_be_one(self, node: Node) -> bool:
        return node.op != END and self.families.get(node.op) != "optimizer"

    def _may_stand_for(self, new: Value, old: Value) -> bool:
        """An assigned value stays under its guard, which is part of the assignment."""
        if old not in self.assigned:
            return True
        guard = old.node.guard
        return new.node.guard is (None if guard is None else self.rewriter.now(guard))

    def full(self, like: Node, number: float | int) -> Value:
        """A value of `like`'s spec whose elements are all `number`."""
        out = like.outputs[0]
        attrs: dict[str, Attr] = {"shape": list(out.shape), "dtype": out.dtype}
        attrs["value"] = float(number)
        node = self.rewriter.add("full", (), attrs, [(out.dtype, out.shape)], like)
        return node.outputs[0]

    def scalar(self, like: Node, number: float) -> Value:
        """A number of `like`'s dtype, without axes."""
        dtype = like.outputs[0].dtype
        attrs: dict[str, Attr] = {"shape": [], "dtype": dtype, "value": number}
        return self.rewriter.add("full", (), attrs, [(dtype, ())], like).outputs[0]

    def node(self, like: Node, op: str, *inputs: Value, **attrs: Attr) -> Value:
        """A new node with `like`'s result spec."""
        out = like.outputs[0]
        spec = [(out.dtype, out.shape)]
        return self.rewriter.add(op, inputs, attrs, spec, like).outputs[0]


def _key(node: Node) -> Hashable:
    """Equal for nodes that compute the same: ops are functions of their operands."""
    attrs = tuple(
        [
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(node.attrs.items())
        ]
    )
    key = (node.op, node.inputs, attrs, node.guard)
    # A payload keeps apart what is meant to be computed again (ops/custom.py).
    return key if node.payload is None else (*key, node.payload)


# -- shape ----------------------------------------------------------------------------


def _same_spec(a: Value, b: Value) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype


def _identity(_: _Simplifier, node: Node) -> Value | None:
    """reshape, broadcast_to, cast, slice, concatenate to what it was already."""
    x = node.inputs[0]
    return x if len(node.inputs) == 1 and _same_spec(x, node.outputs[0]) else None


#: dtypes that hold every number of another.
_WIDER = {
    "float16": ("float32", "float64"),
    "bfloat16": ("float32", "float64"),
    "float32": ("float64",),
}


def _cast(state: _Simplifier, node: Node) -> Value | None:
    """There and back through a wider float is nothing at all."""
    x, out = node.inputs[0], node.outputs[0]
    if x.node.op == "cast" and x.dtype in _WIDER.get(out.dtype, ()):
        source = x.node.inputs[0]
        if source.dtype == out.dtype:
            return source
    return _identity(state, node)


def _reshape(state: _Simplifier, node: Node) -> Value | None:
    x, out = node.inputs[0], node.outputs[0]
    if x.node.op == "reshape":
        x = x.node.inputs[0]
        if x.shape != out.shape:
            return state.node(node, "reshape", x, shape=list(out.shape))
    return x if x.shape == out.shape else None


def _transpose(state: _Simplifier, node: Node) -> Value | None:
    x, out = node.inputs[0], node.outputs[0]
    perm = node.integers("perm")
    if x.node.op == "transpose":
        inner = x.node.integers("perm")
        x, perm = x.node.inputs[0], [inner[axis] for axis in perm]
        if perm != sorted(perm):
            return state.node(node, "transpose", x, perm=perm)
    if perm == sorted(perm):
        return x
    moved = [axis for axis in perm if x.shape[axis] != 1]
    if moved == sorted(moved):  # only axes of size 1 move
        return state.node(node, "reshape", x, shape=list(out.shape))
    return None


def _product(state: _Simplifier, node: Node) -> Value | None:
    """A transposed operand is read as it lies, with the flag that says so."""
    inputs, attrs = list(node.inputs), dict(node.attrs)
    for position, flag in enumerate(("transpose_a", "transpose_b")):
        plain = _untransposed(state, node, inputs[position])
        if plain is not None:
            inputs[position] = plain
            attrs[flag] = 1 - int(attrs.get(flag, 0))  # type: ignore[arg-type]
    if inputs == list(node.inputs):
        return None
    return state.node(node, node.op, *inputs, **attrs)


def _untransposed(state: _Simplifier, node: Node, value: Value) -> Value | None:
    """The matrices that `value` is the transposition of, perhaps reshaped into a row
    after it; None if it is none."""
    made = value.node
    reshaped = made.op == "reshape" and made.inputs[0].node.op == "transpose"
    turned = made.inputs[0] if reshaped else value
    if turned.node.op != "transpose" or turned.shape[-2:] != value.shape[-2:]:
        return None
    perm = turned.node.integers("perm")
    last = len(perm) - 1
    if perm[-2:] != [last, last - 1] or perm[:-2] != list(range(last - 1)):
        return None
    source = turned.node.inputs[0]
    if not reshaped:
        return source
    shape = (*value.shape[:-2], *source.shape[-2:])
    attrs: dict[str, Attr] = {"shape": list(shape)}
    spec = [(value.dtype, shape)]
    return state.rewriter.add("reshape", (source,), attrs, spec, node).outputs[0]


def _copy(_: _Simplifier, node: Node) -> Value | None:
    return node.inputs[0]


# -- arithmetic -----------------------------------------------------------------------


def _neg(_: _Simplifier, node: Node) -> Value | None:
    inner = node.inputs[0].node
    return inner.inputs[0] if inner.op == "neg" else None


def _neutral(number: float, right_only: bool) -> Rule:
    """The other operand, if one is `number` and broadcasting changes nothing."""

    def rule(_: _Simplifier, node: Node) -> Value | None:
        a, b = node.inputs
        if literal(b) == number and _same_spec(a, node.outputs[0]):
            return a
        if not right_only and literal(a) == number and _same_spec(b, node.outputs[0]):
            return b
        return None

    return rule


def _div(state: _Simplifier, node: Node) -> Value | None:
    """Division by a power of two is multiplication, bit for bit."""
    a, b = node.inputs
    number = literal(b)
    if a.shape != node.outputs[0].shape or not number:
        return None
    if number == 1:
        return a
    most = 2.0**14 if node.outputs[0].dtype == "float16" else 2.0**100
    if abs(math.frexp(number)[0]) != 0.5 or not 1 / most < abs(number) < most:
        return None
    return state.node(node, "mul", a, state.scalar(node, 1.0 / number))


def _pow(state: _Simplifier, node: Node) -> Value | None:
    x, out = node.inputs[0], node.outputs[0]
    exponent = literal(node.inputs[1])
    if x.shape != out.shape:
        return None
    if exponent == 1:
        return x
    return state.node(node, "square", x) if exponent == 2 else None


def _relu_grad(state: _Simplifier, node: Node) -> Value | None:
    """Behind dropout, what was dropped is 0 just as what relu cut off: the dropped
    result tells both. So no mask is drawn again and relu's own result is not kept."""
    grad, out = node.inputs
    drop = grad.node
    if drop.op != "dropout" or out.node.op == "dropout":
        return None
    attrs = tuple(sorted(drop.attrs.items()))
    forward = state.seen.get(("dropout", (out, drop.inputs[1]), attrs, node.guard))
    if forward is None:
        return None
    rate: float = drop.attrs["rate"]  # type: ignore[assignment]
    scaled = state.node(node, "mul", drop.inputs[0], state.scalar(node, 1 / (1 - rate)))
    return state.node(node, "relu_grad", scaled, forward.outputs[0])


def _reduce(state: _Simplifier, node: Node) -> Value | None:
    """Reductions over axes of size 1, over no axis, and of literals."""
    x, out = node.inputs[0], node.outputs[0]
    axes = node.integers("axes")
    count = math.prod(x.shape[axis] for axis in axes)
    if count == 1:
        if x.shape == out.shape:
            return x
        return state.node(node, "reshape", x, shape=list(out.shape))
    number = literal(x)
    if number is None or count == 0 or "float" not in x.dtype:
        return None
    return state.full(node, number * count if node.op == "reduce_sum" else number)


_RULES: dict[str, Rule] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _identity,
    "cast": _cast,
    "slice": _identity,
    "pad": _identity,
    "concatenate": _identity,
    "copy": _copy,
    "matmul": _product,
    "batch_matmul": _product,
    "neg": _neg,
    "add": _neutral(0.0, right_only=False),
    "sub": _neutral(0.0, right_only=True),
    "mul": _neutral(1.0, right_only=False),
    "div": _div,
    "pow": _pow,
    "relu_grad": _relu_grad,
    "reduce_sum": _reduce,
    "reduce_mean": _reduce,
    "reduce_max": _reduce,
    "reduce_min": _reduce,
}

_FOLDS: dict[str, Callable[..., np.generic]] = {
    "neg": np.negative, "square": np.square, "sqrt": np.sqrt, "abs": np.abs,
    "reciprocal": np.reciprocal, "add": np.add, "sub": np.subtract,
    "mul": np.multiply, "div": np.divide, "maximum": np.maximum,
    "minimum": np.minimum,
}  # fmt: skip


def _fold(state: _Simplifier, node: Node) -> Value | None:
    """An op on float literals is a literal."""
    fold = _FOLDS.get(node.op)
    dtype = node.outputs[0].dtype
    if fold is None or dtype not in ("float32", "float64"):
        return None
    numbers = []
    for value in node.inputs:
        number = literal(value)
        if number is None:
            return None
        numbers.append(np.dtype(dtype).type(number))
    with np.errstate(all="ignore"):
        result = float(fold(*numbers))
    return state.full(node, result) if math.isfinite(result) else None


def _strip_broadcasts(node: Node) -> Node:
    """Elementwise ops broadcast by themselves."""
    inputs = [
        value.node.inputs[0] if value.node.op == "broadcast_to" else value
        for value in node.inputs
    ]
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return node
    if broadcast([value.shape for value in inputs]) != node.outputs[0].shape:
        return node
    return Node(
        node.op, tuple(inputs), node.attrs,
        [(v.dtype, v.shape) for v in node.outputs],
        layer=node.layer, source=node.source, guard=node.guard,
    )  # fmt: skip
