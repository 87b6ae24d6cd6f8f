"""Batch normalization with relu and residuals, and the gradients of both."""

from __future__ import annotations

from typing import Any

import pytest

from passes.samples import check_same, op_names, variable
from pydl import ops
from pydl.graph.gradients import gradients
from pydl.graph.node import Graph, Node
from pydl.graph.trace import Trace
from pydl.ops.batch_norm import batch_normalized

SHAPE = (2, 3, 4, 5)


def only(graph: Graph, op: str) -> Node:
    (node,) = [node for node in graph.nodes if node.op == op]
    return node


def normalized(x: Any, name: str) -> Any:
    gamma, beta = variable(f"gamma_{name}", 5), variable(f"beta_{name}", 5)
    return batch_normalized(x, gamma, beta, 1e-3)[0]


def traced(*names: str) -> tuple[Trace, list[Any]]:
    trace = Trace("norms")
    return trace, [trace.input(name, SHAPE, "float64") for name in names]


def output_gradients(trace: Trace, loss: Any, wanted: dict[str, Any]) -> None:
    found = gradients([loss], list(wanted.values()))
    for name, grad in zip(wanted, found, strict=True):
        assert grad is not None
        trace.output(f"grad_{name}", grad)


def test_relu_joins() -> None:
    trace, (x,) = traced("x")
    with trace:
        trace.output("y", ops.relu(normalized(x, "a")))
    fused = check_same(trace.graph)
    assert op_names(fused) == ["batch_norm"]
    assert only(fused, "batch_norm").attrs["activation"] == "relu"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("relu", [True, False])
def test_a_residual_joins(relu: bool, first: bool) -> None:
    trace, (x, r) = traced("x", "r")
    with trace:
        y = normalized(x, "a")
        y = ops.add(r, y) if first else ops.add(y, r)
        trace.output("y", ops.relu(y) if relu else y)
    attrs = only(check_same(trace.graph), "batch_norm").attrs
    assert attrs["residual"] == 1
    assert attrs.get("activation", "") == ("relu" if relu else "")


def test_of_two_normalizations_the_later_takes_the_other() -> None:
    trace, (x, r) = traced("x", "r")
    with trace:
        shortcut = normalized(r, "b")
        trace.output("y", ops.relu(ops.add(normalized(x, "a"), shortcut)))
    fused = check_same(trace.graph)
    assert op_names(fused) == ["batch_norm", "batch_norm"]
    found = [n.attrs.get("residual", 0) for n in fused.nodes if n.op == "batch_norm"]
    assert found == [0, 1]


def test_a_residual_made_later_does_not_join() -> None:
    """Others may need the moments before it is there."""
    trace, (x, r) = traced("x", "r")
    with trace:
        y, mean, _ = batch_normalized(x, None, None, 1e-3)
        late = ops.exp(r * mean)
        trace.output("y", ops.relu(ops.add(y, late)))
    assert "residual" not in only(check_same(trace.graph), "batch_norm").attrs


def test_a_row_is_no_residual() -> None:
    trace, (x,) = traced("x")
    with trace:
        row = trace.input("row", (5,), "float64")
        trace.output("y", ops.add(normalized(x, "a"), row))
        trace.output("z", ops.add(*[normalized(x, "b")] * 2))
    for node in check_same(trace.graph).nodes:
        assert "residual" not in node.attrs


def test_a_result_read_twice_stays() -> None:
    trace, (x,) = traced("x")
    with trace:
        y = normalized(x, "a")
        trace.output("y", y)
        trace.output("z", ops.relu(y))
    assert op_names(check_same(trace.graph)) == ["batch_norm", "relu"]


def test_the_gradient_of_relu_joins() -> None:
    trace, (x,) = traced("x")
    with trace:
        y = ops.relu(normalized(x, "a"))
        output_gradients(trace, ops.sum(ops.square(y)), {"x": x})
    fused = check_same(trace.graph, rtol=1e-9)
    assert "relu_grad" not in op_names(fused)
    grad = only(fused, "batch_norm_grad")
    assert grad.attrs["grad"] == "relu" and "residual" not in grad.attrs
    assert grad.inputs[-1] is only(fused, "batch_norm").outputs[0]


def test_the_masked_gradient_goes_on_to_the_residual() -> None:
    trace, (x, r) = traced("x", "r")
    with trace:
        y = ops.relu(ops.add(normalized(x, "a"), r))
        output_gradients(trace, ops.sum(ops.square(y)), {"x": x, "r": r})
    fused = check_same(trace.graph, rtol=1e-9)
    assert "relu_grad" not in op_names(fused)
    assert only(fused, "batch_norm_grad").attrs["residual"] == 1


def test_a_block_of_a_residual_network() -> None:
    """Both branches end in normalizations: one gradient masks for both."""
    trace, (x,) = traced("x")
    with trace:
        shortcut = normalized(ops.tanh(x), "b")
        y = ops.relu(ops.add(normalized(ops.relu(normalized(x, "a")), "c"), shortcut))
        output_gradients(trace, ops.sum(ops.square(y)), {"x": x})
    fused = check_same(trace.graph, rtol=1e-9)
    assert not {"relu", "relu_grad"} & set(op_names(fused))
    grads = [n.attrs for n in fused.nodes if n.op == "batch_norm_grad"]
    assert [attrs.get("grad", "") for attrs in grads].count("relu") == 2
    assert sum(attrs.get("residual", 0) for attrs in grads) == 1


def test_behind_a_convolution_the_mask_joins_that() -> None:
    """Which reads it once, as it has the gradient in registers."""
    trace, (x,) = traced("x")
    weight = variable("w", 1, 1, 5, 5)
    attrs: dict[str, Any] = {"strides": [1, 1], "dilations": [1, 1]}
    attrs.update(low=[0, 0], high=[0, 0])
    with trace:
        y = ops.relu(normalized(x, "a"))
        (y,) = trace.add("conv", (y, trace.read(weight)), attrs)
        output_gradients(trace, ops.sum(ops.square(y)), {"x": x})
    fused = check_same(trace.graph, rtol=1e-9)
    assert not {"relu", "relu_grad"} & set(op_names(fused))
    assert only(fused, "conv_grad_x").attrs["grad"] == "relu"
    assert "grad" not in only(fused, "batch_norm_grad").attrs


def test_a_masked_gradient_that_is_an_output() -> None:
    trace, (x, g, out) = traced("x", "g", "out")
    with trace:
        mean, variance = ops.mean(x, axis=[0, 1, 2]), ops.var(x, axis=[0, 1, 2])
        (masked,) = trace.add("relu_grad", (g, out), {})
        trace.output("masked", masked)
        operands = (masked, x, mean, variance)
        trace.output("y", trace.add("batch_norm_grad", operands, {"epsilon": 1e-3})[0])
    fused = check_same(trace.graph)
    assert only(fused, "batch_norm_grad").attrs["residual"] == 1


def test_a_mask_before_the_moments_stays() -> None:
    trace, (x, g, out) = traced("x", "g", "out")
    with trace:
        (masked,) = trace.add("relu_grad", (g, out), {})
        mean, variance = ops.mean(x, axis=[0, 1, 2]), ops.var(x, axis=[0, 1, 2])
        operands = (masked, x, mean, variance)
        trace.output("y", trace.add("batch_norm_grad", operands, {"epsilon": 1e-3})[0])
    grad = only(check_same(trace.graph), "batch_norm_grad")
    assert "grad" not in grad.attrs
