"""What follows convolutions joins them: forward, backward, in whole steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from passes.samples import check_same, op_names, variable
from pydl import layers, ops
from pydl.graph.gradients import gradients
from pydl.graph.node import Graph, Node
from pydl.graph.trace import Trace
from pydl.passes.conv_epilogue import conv_epilogues
from pydl.passes.dead_code import dead_code

IMAGES = (2, 5, 4, 3)


def nodes(graph: Graph, op: str) -> list[Node]:
    return [node for node in graph.nodes if node.op == op]


def epilogue(node: Node) -> dict[str, Any]:
    names = ("bias", "residual", "activation", "grad", "column_sum")
    return {name: node.attrs[name] for name in names if name in node.attrs}


def fused(graph: Graph) -> Graph:
    return dead_code(conv_epilogues(graph))


def forward(steps: Any) -> Graph:
    """`steps(convolution, trace)` as the output."""
    w = variable("w", 3, 3, 3, 4)
    with Trace("forward") as trace:
        x = trace.input("x", IMAGES, "float64")
        trace.output("y", steps(ops.conv(x, w, padding="same"), trace))
    return trace.graph


def other(trace: Trace, *shape: int) -> Any:
    return trace.input("other", shape or (2, 5, 4, 4), "float64")


B = variable("b", 4)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_bias_residual_and_activation(activation: str) -> None:
    function = getattr(ops, activation)
    graph = check_same(forward(lambda y, t: function(y + B + other(t))), fused)
    assert op_names(graph) == ["conv"]
    (node,) = nodes(graph, "conv")
    wanted = {"bias": 1, "residual": 1, "activation": activation}
    assert epilogue(node) == wanted and len(node.inputs) == 4


@pytest.mark.parametrize(
    ("steps", "left", "joined"),
    [
        (lambda y, t: y + B, [], {"bias": 1}),
        (lambda y, t: B + y, [], {"bias": 1}),
        (lambda y, t: y + ops.reshape(B, (1, 1, 1, 4)), [], {"bias": 1}),
        (lambda y, t: other(t) + y, [], {"residual": 1}),
        (lambda y, t: ops.relu(y), [], {"activation": "relu"}),
        (
            lambda y, t: ops.tanh(other(t) + y),
            [],
            {"residual": 1, "activation": "tanh"},
        ),
        # A residual before the bias: the op adds them the other way round.
        (lambda y, t: y + other(t) + B, ["add"], {"residual": 1}),
        (lambda y, t: ops.relu(y) + B, ["add"], {"activation": "relu"}),
        (lambda y, t: ops.relu(ops.relu(y)), ["relu"], {"activation": "relu"}),
        (lambda y, t: ops.exp(y), ["exp"], {}),
        (lambda y, t: y * B, ["mul"], {}),
        (lambda y, t: y - B, ["sub"], {}),
        (lambda y, t: y + y, ["add"], {}),
        (lambda y, t: y + other(t, 5, 4, 1), ["add"], {}),
        (lambda y, t: y + other(t, 2, 1, 1, 4), ["add"], {}),
        (lambda y, t: y + other(t, 3, 2, 5, 4, 4), ["add"], {}),
        (lambda y, t: y + 1.0, ["add"], {}),
        (lambda y, t: y + ops.ones((2, 5, 4, 4), "float64"), ["full", "add"], {}),
    ],
)
def test_what_joins(steps: Any, left: list[str], joined: dict[str, Any]) -> None:
    graph = check_same(forward(steps), fused)
    assert op_names(graph) == ["conv", *left]
    assert epilogue(nodes(graph, "conv")[0]) == joined


def test_a_value_that_is_read_twice_is_kept() -> None:
    """The convolution, or what the bias gave, is wanted elsewhere too."""
    graph = forward(lambda y, t: ops.relu(y) + ops.tanh(y))
    assert op_names(check_same(graph, fused)) == ["conv", "relu", "tanh", "add"]

    def also_output(y: Any, trace: Trace) -> Any:
        y = y + B
        trace.output("sum", y)
        return ops.relu(y)

    assert op_names(check_same(forward(also_output), fused)) == ["conv", "relu"]


def test_the_sum_of_two_convolutions_joins_one_of_them() -> None:
    """The block of a residual network: both have a bias, one takes the other along."""
    w, u = variable("w", 3, 3, 3, 4), variable("u", 1, 1, 3, 4)
    with Trace("block") as trace:
        x = trace.input("x", IMAGES, "float64")
        left = ops.conv(x, w, padding="same") + B
        right = ops.conv(x, u) + variable("c", 4)
        trace.output("y", ops.relu(left + right))
    graph = check_same(trace.graph, fused)
    assert op_names(graph) == ["conv", "conv"]
    found = [epilogue(node) for node in nodes(graph, "conv")]
    assert found == [
        {"bias": 1},
        {"bias": 1, "residual": 1, "activation": "relu"},
    ]


def test_a_place_of_one_row_is_a_bias_only_once() -> None:
    """Results of one place: either of two may be seen as the other's bias."""
    w = variable("w", 5, 4, 3, 4)
    with Trace("one") as trace:
        a, b = (trace.input(name, (1, 5, 4, 3), "float64") for name in "ab")
        trace.output("y", ops.relu(ops.conv(a, w) + ops.conv(b, w)))
    assert op_names(check_same(trace.graph, fused)) == ["conv", "conv"]


def test_epilogues_reach_through_reshapes() -> None:
    graph = forward(lambda y, t: ops.relu(ops.reshape(y, (2, 20, 4)) + B))
    graph = check_same(graph, fused)
    assert op_names(graph) == ["conv"]
    assert epilogue(nodes(graph, "conv")[0]) == {"bias": 1, "activation": "relu"}


def test_guards_are_not_crossed() -> None:
    w, v = variable("w", 1, 1, 3, 4), variable("v", 2, 5, 4, 4)
    with Trace("guards") as trace:
        y = ops.conv(trace.input("x", IMAGES, "float64"), w)
        with trace.skip_if(trace.input("flag", (1,), "int64")):
            trace.assign(v, ops.relu(y))
    x = np.random.default_rng(0).normal(size=IMAGES)
    for flag in (0, 1):
        inputs = {"x": x, "flag": np.array([flag])}
        graph = check_same(trace.graph, fused, inputs=inputs)
        assert op_names(graph) == ["conv", "relu"]


def step(activation: str, use: Any = None) -> Graph:
    """Two convolutions with bias, a loss, all gradients as outputs."""
    weights = [variable("w1", 3, 3, 3, 4), variable("b1", 4)]
    weights += [variable("w2", 2, 2, 4, 2), variable("b2", 2)]
    with Trace("step") as trace:
        x = trace.input("x", IMAGES, "float64")
        hidden = ops.conv(x, weights[0], padding="same") + weights[1]
        hidden = getattr(ops, activation)(hidden)
        out = ops.conv(hidden, weights[2], strides=2) + weights[3]
        loss = ops.mean(ops.square(out))
        trace.output("loss", loss)
        for weight, grad in zip(weights, gradients([loss], weights), strict=True):
            assert grad is not None
            trace.output(f"grad_{weight.name}", grad)
    return trace.graph


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_a_training_step(activation: str) -> None:
    graph = check_same(step(activation), rtol=1e-9)
    found = [epilogue(node) for node in nodes(graph, "conv")]
    assert found == [{"bias": 1, "activation": activation}, {"bias": 1}]
    assert [epilogue(n) for n in nodes(graph, "conv_grad_x")] == [{"grad": activation}]
    assert [epilogue(n) for n in nodes(graph, "conv_grad_w")] == [{"column_sum": 1}] * 2
    assert not {"add", "reduce_sum", f"{activation}_grad"} & set(op_names(graph))


def test_a_gradient_that_is_read_twice_is_kept() -> None:
    w = variable("w", 2, 2, 3, 4)
    with Trace("twice") as trace:
        x = ops.relu(trace.input("x", IMAGES, "float64"))
        loss = ops.sum(ops.square(ops.conv(x, w)))
        (grad,) = gradients([loss], [x])
        assert grad is not None
        trace.output("grad", grad)
        trace.output("y", trace.add("relu_grad", (grad, x), {})[0])
    assert "relu_grad" in op_names(check_same(trace.graph, fused))


def test_the_mask_of_a_gradient_is_no_product() -> None:
    """``relu_grad(other, convolution)``: the convolution is the output, not the
    gradient."""
    w = variable("w", 2, 2, 4, 3)
    with Trace("mask") as trace:
        g = trace.input("g", (2, 4, 3, 3), "float64")
        attrs = {"strides": [1, 1], "dilations": [1, 1], "low": [0, 0], "high": [0, 0]}
        (grad,) = trace.add(
            "conv_grad_x", (g, trace.read(w)), {**attrs, "size": [5, 4]}
        )
        x = trace.input("x", (2, 5, 4, 4), "float64")
        trace.output("y", trace.add("relu_grad", (x, grad), {})[0])
    assert op_names(check_same(trace.graph, fused)) == ["conv_grad_x", "relu_grad"]


@pytest.mark.parametrize(
    ("axes", "keepdims", "joins"),
    [
        ([0, 1, 2], 0, True),
        ([0, 1, 2], 1, True),
        ([0, 1], 0, False),
        ([3], 0, False),
        ([0, 1, 2, 3], 0, False),
    ],
)
@pytest.mark.parametrize("first", ["sum", "weight"])
def test_which_sums_join(
    axes: list[int], keepdims: int, joins: bool, first: str
) -> None:
    attrs = {"strides": [1, 1], "dilations": [1, 1], "low": [0, 0], "high": [0, 0]}
    with Trace("sums") as trace:
        x = trace.input("x", IMAGES, "float64")
        g = trace.input("g", (2, 4, 3, 4), "float64")
        sum_attrs: Any = {"axes": axes, "keepdims": keepdims}
        if first == "sum":
            (total,) = trace.add("reduce_sum", (g,), sum_attrs)
        (w,) = trace.add("conv_grad_w", (x, g), {**attrs, "window": [2, 2]})
        if first == "weight":
            (total,) = trace.add("reduce_sum", (g,), sum_attrs)
        trace.output("w", w)
        trace.output("total", total)
    graph = check_same(trace.graph, fused)
    assert ("reduce_sum" not in op_names(graph)) == joins


def test_the_sum_of_the_images_is_no_bias_gradient() -> None:
    """Of a transposed convolution the images are what the weight gradient reads
    first."""
    w, b = variable("w", 2, 2, 4, 3), variable("b", 4)
    with Trace("transposed") as trace:
        x = trace.input("x", IMAGES, "float64")
        loss = ops.sum(ops.square(ops.conv_transpose(x, w) + b))
        for name, grad in zip("wb", gradients([loss], [w, b]), strict=True):
            assert grad is not None
            trace.output(name, grad)
    graph = check_same(trace.graph)
    assert [epilogue(node) for node in nodes(graph, "conv_grad_w")] == [{}]


def test_a_layer_becomes_one_node() -> None:
    for layer in (
        layers.Conv2D(4, 3, activation="relu", dtype="float64"),
        layers.DepthwiseConv2D(3, activation="relu", dtype="float64"),
        layers.Conv2D(
            4, 1, groups=1, padding="same", activation="relu", dtype="float64"
        ),
    ):
        layer.build(IMAGES)
        with Trace("layer") as trace:
            trace.output("y", layer(trace.input("x", IMAGES, "float64")))
        graph = check_same(trace.graph)
        assert op_names(graph) == ["conv"]
        wanted = {"bias": 1, "activation": "relu"}
        assert epilogue(nodes(graph, "conv")[0]) == wanted


def test_the_branch_that_is_not_taken_convolves_nothing() -> None:
    """Small images, large windows: it is the products that make a side worth it."""
    w, v = variable("w", 7, 7, 4, 4), variable("v", 7, 7, 4, 4)
    with Trace("branches") as trace:
        x = trace.input("x", (1, 6, 6, 4), "float64")
        flag = trace.input("flag", (), "bool")
        y = ops.cond(
            flag,
            lambda: ops.relu(ops.conv(x, w, padding="same") + 1.0),
            lambda: ops.tanh(ops.conv(x, v, padding="same")),
        )
        trace.output("y", y)
    for taken in (True, False):
        data = np.random.default_rng(0).normal(size=(1, 6, 6, 4))
        inputs = {"x": data, "flag": np.array(taken)}
        graph = check_same(trace.graph, inputs=inputs)
        guards = [node.guard for node in nodes(graph, "conv")]
        assert None not in guards and len(set(guards)) == 2
