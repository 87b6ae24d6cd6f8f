"""Losses on logits, gemm epilogues, chains: what a training step becomes."""

from __future__ import annotations

import numpy as np
import pytest

from passes.samples import check_same, mlp, op_names, variable
from pydl import ops
from pydl.graph.gradients import gradients
from pydl.graph.node import Graph, Node
from pydl.graph.trace import Trace
from pydl.passes import run_passes
from pydl.passes.chains import chains
from pydl.passes.dead_code import dead_code
from pydl.passes.epilogue import gemm_epilogues
from pydl.passes.softmax_loss import softmax_loss


def only(graph: Graph, op: str) -> Node:
    (node,) = [node for node in graph.nodes if node.op == op]
    return node


@pytest.mark.parametrize("loss", ["cross_entropy", "sparse_cross_entropy"])
def test_a_loss_on_a_softmax_reads_the_logits(loss: str) -> None:
    graph, _ = mlp(loss=loss)
    # The probabilities form adds a clip and a division: equal up to rounding.
    fused = check_same(graph, lambda g: dead_code(softmax_loss(g)), rtol=1e-9)
    names = op_names(fused)
    softmaxes = 1 if loss == "cross_entropy" else 0  # the targets' own
    assert names.count("softmax") == softmaxes
    assert (
        only(fused, loss.replace("cross", "softmax_cross")).inputs[0].node.op == "add"
    )


def test_probabilities_that_have_another_use_are_kept() -> None:
    graph, _ = mlp()
    softmax = only(graph, "softmax")
    graph.outputs.append(type(graph.outputs[0])("probabilities", softmax.outputs[0]))
    fused = check_same(graph, lambda g: dead_code(softmax_loss(g)), rtol=1e-9)
    assert {"softmax", "sparse_softmax_cross_entropy"} <= set(op_names(fused))


def test_a_gradient_of_probabilities_with_another_use_is_not_fused() -> None:
    graph, _ = mlp()
    loss = only(graph, "sparse_cross_entropy")
    graph.outputs.append(type(graph.outputs[0])("grad", loss.outputs[1]))
    assert "sparse_cross_entropy" in op_names(run_passes(graph))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_a_training_step(activation: str, dropout: float) -> None:
    graph, _ = mlp(activation, dropout)
    fused = check_same(graph, rtol=1e-9)
    gemms = [node.attrs for node in fused.nodes if node.op == "gemm"]
    assert gemms[0]["bias"] == gemms[1]["bias"] == 1
    assert sum(attrs.get("column_sum", 0) for attrs in gemms) == 2
    # A gradient of relu and dropout is a chain: the dropped result is its mask.
    masked = dropout > 0 and activation == "relu"
    assert sum(attrs.get("grad") == activation for attrs in gemms) == 1 - masked
    assert sum("dropout" in attrs for attrs in gemms) == (dropout > 0)
    assert op_names(fused).count("dropout") == (dropout > 0 and not masked)
    assert op_names(fused).count("matmul") == masked
    assert not {"add", "mul", "relu_grad", "full"} & set(op_names(fused))


def test_epilogues_reach_through_reshapes() -> None:
    w, b = variable("w", 5, 8), variable("b", 8)
    with Trace("rank3") as trace:
        x = trace.input("x", (2, 3, 5), "float64")
        trace.output("y", ops.relu(ops.add(ops.matmul(x, w), b)))
    fused = check_same(trace.graph, lambda g: dead_code(gemm_epilogues(g)))
    assert op_names(fused) == ["gemm"]
    assert only(fused, "gemm").attrs["activation"] == "relu"


def test_bias_gradients_of_stacked_rows_join_the_weight_gradient() -> None:
    w, b = variable("w", 5, 8), variable("b", 8)
    with Trace("rank3") as trace:
        x = trace.input("x", (2, 3, 5), "float64")
        loss = ops.mean(ops.square(ops.add(ops.matmul(x, w), b)))
        for name, grad in zip("wb", gradients([loss], [w, b]), strict=True):
            assert grad is not None
            trace.output(name, grad)
    fused = check_same(trace.graph)
    assert "reduce_sum" not in op_names(fused)
    gemms = [node.attrs for node in fused.nodes if node.op == "gemm"]
    assert [attrs.get("column_sum") for attrs in gemms] == [None, 1]


def test_literals_do_not_hold_a_chain_back() -> None:
    """The gradient of a mean square joins the forward pass: 1/n is not waited for."""
    with Trace("mse") as trace:
        x = trace.input("x", (40,), "float64")
        y = trace.input("t", (40,), "float64")
        loss = ops.mean(ops.square(x - y))
        (grad,) = gradients([loss], [x])
        assert grad is not None
        trace.output("grad", grad)
        trace.output("loss", loss)
    assert op_names(check_same(trace.graph)) == ["chain"]


def test_literals_alone_may_give_the_shape() -> None:
    with Trace("wide") as trace:
        x = trace.input("x", (6,), "float64")
        attrs = {"shape": [4, 6], "dtype": "float64", "value": 2.0}
        full = trace.add("full", (), attrs)[0]
        trace.output("y", ops.exp(ops.add(x, full)))
        trace.output("z", ops.add(full, 1.0))
    check_same(trace.graph)


def test_a_product_read_twice_keeps_its_value() -> None:
    w, b = variable("w", 5, 8), variable("b", 8)
    with Trace("twice") as trace:
        x = trace.input("x", (3, 5), "float64")
        product = ops.matmul(x, w)
        trace.output("y", ops.relu(ops.add(product, b)))
        trace.output("product", product)
    assert "matmul" in op_names(check_same(trace.graph))


def test_the_sum_of_two_products_joins_one_of_them() -> None:
    """Of one element or one row each, either could be the other's bias."""
    for columns in (1, 4):
        with Trace("t") as trace:
            a, b = (trace.input(name, (1, 3), "float64") for name in "ab")
            w = trace.input("w", (3, columns), "float64")
            trace.output("y", ops.relu(ops.matmul(a, w) + ops.matmul(b, w)))
        graph = check_same(trace.graph)
        assert op_names(graph) == ["matmul", "gemm"]


def test_a_square_bias_is_not_a_bias() -> None:
    w = variable("w", 5, 5)
    with Trace("square") as trace:
        x = trace.input("x", (5, 5), "float64")
        trace.output(
            "y", ops.add(ops.matmul(x, w), trace.input("z", (5, 5), "float64"))
        )
        column = trace.input("column", (5, 1), "float64")
        trace.output("u", ops.add(ops.matmul(x, ops.negative(x)), column))
    assert op_names(check_same(trace.graph)).count("matmul") == 2


def test_scalars_become_one_chain() -> None:
    """Adam's bias correction."""
    step, rate = variable("step"), variable("rate")
    with Trace("adam") as trace:
        count = ops.add(step, 1.0)
        trace.assign(step, count)
        first = 1.0 - ops.power(0.9, count)
        second = 1.0 - ops.power(0.999, count)
        trace.output("lr", trace.read(rate) * ops.sqrt(second) / first)
    fused = check_same(trace.graph)
    assert op_names(fused) == ["chain"]
    assert len(only(fused, "chain").outputs) == 2


def test_comparisons_stay_inside_a_chain() -> None:
    with Trace("huber") as trace:
        x = trace.input("x", (40,), "float64")
        small = ops.less(ops.abs(x), 1.0)
        trace.output("y", ops.where(small, ops.square(x) * 0.5, ops.abs(x) - 0.5))
    fused = check_same(trace.graph)
    assert op_names(fused) == ["chain"]
    assert "less" in str(only(fused, "chain").attrs["steps"])


def test_a_chain_is_not_cut_between_a_bool_and_its_reader() -> None:
    with Trace("cut") as trace:
        x = trace.input("x", (1, 1), "float64")
        flag = ops.less(x, 0.5)
        for i in range(10):
            trace.output(f"y{i}", ops.add(ops.tanh(x), float(i)))
        trace.output("chosen", ops.where(flag, x, ops.negative(x)))
    assert op_names(check_same(trace.graph)) == ["chain", "chain"]


def test_a_chain_never_crosses_what_lies_between() -> None:
    """exp and neg could be one chain, were it not for the sum between them."""
    with Trace("between") as trace:
        x = trace.input("x", (4, 6), "float64")
        a = ops.exp(x)
        total = ops.sum(a)
        trace.output("y", ops.negative(ops.subtract(a, total)))
    names = op_names(check_same(trace.graph, chains))
    assert names == ["chain", "chain"]


@pytest.mark.parametrize("axes", [[0], [1], [2], [1, 2], [0, 1], [0, 1, 2]])
def test_a_reduction_ends_a_chain(axes: list[int]) -> None:
    """What it reads is not written to memory, unless something else reads it."""
    with Trace("ends") as trace:
        x, y = (trace.input(name, (4, 5, 6), "float64") for name in "xy")
        trace.output("loss", ops.mean(ops.square(x - y), axis=axes))
    fused = check_same(trace.graph)
    assert op_names(fused) == ["chain"]
    (chain,) = (node for node in fused.nodes if node.op == "chain")
    assert chain.attrs["reduce"] == "reduce_mean" and len(chain.outputs) == 1


def test_reductions_of_one_chain_run_together() -> None:
    """A stored result, two reductions over the same axes, and one over others."""
    with Trace("several") as trace:
        x = trace.input("x", (4, 50), "float64")
        y = ops.tanh(x * 2.0)
        trace.output("y", y)
        trace.output("sum", ops.sum(y, axis=1))
        trace.output("squares", ops.sum(ops.square(y), axis=1))
        trace.output("columns", ops.max(y, axis=0))
    fused = check_same(trace.graph)
    assert sorted(op_names(fused)) == ["chain", "reduce_max"]
    (chain,) = (node for node in fused.nodes if node.op == "chain")
    assert chain.attrs["reduce"] == "none;reduce_sum;reduce_sum"


def test_a_reduction_over_axes_apart_stays_alone() -> None:
    """No kernel would take it: rows lie between what is summed."""
    with Trace("apart") as trace:
        x = trace.input("x", (4, 5, 6), "float64")
        trace.output("y", ops.sum(ops.square(x), axis=[0, 2]))
    assert op_names(check_same(trace.graph)) == ["square", "reduce_sum"]


def test_what_reads_a_reduction_stands_behind_its_chain() -> None:
    """A softmax by hand: each chain waits for the reduction before it."""
    with Trace("softmax") as trace:
        x = trace.input("x", (4, 50), "float64")
        shifted = ops.exp(x - ops.max(x, axis=1, keepdims=True))
        trace.output("y", shifted / ops.sum(shifted, axis=1, keepdims=True))
    assert op_names(check_same(trace.graph)) == ["reduce_max", "chain", "div"]


def test_too_many_tails() -> None:
    with Trace("tails") as trace:
        x = trace.input("x", (40, 30), "float64")
        for i in range(11):
            trace.output(f"y{i}", ops.sum(x * float(i + 2), axis=1))
    for node in check_same(trace.graph).nodes:
        assert node.op != "chain" or len(node.outputs) <= 8


def test_limits_of_a_chain() -> None:
    """More than 64 steps, 16 operands and 8 results are cut into several chains."""
    with Trace("long") as trace:
        xs = [trace.input(f"x{i}", (40,), "float64") for i in range(40)]
        total = xs[0]
        for i, x in enumerate(xs[1:] * 3):
            total = ops.tanh(total + x)
            if i % 5 == 0:
                trace.output(f"y{i}", total)
        trace.output("y", total)
    fused = check_same(trace.graph)
    for node in fused.nodes:
        if node.op == "chain":
            assert len(node.inputs) <= 16 and len(node.outputs) <= 8
            assert str(node.attrs["steps"]).count(";") < 64


def test_guards_are_not_crossed() -> None:
    v = variable("v", 4)
    with Trace("guards") as trace:
        x = ops.exp(trace.input("x", (4,), "float64"))
        with trace.skip_if(trace.input("flag", (1,), "int64")):
            trace.assign(v, ops.negative(ops.square(x)))
        trace.output("y", ops.tanh(ops.square(x)))
    for flag in (0, 1):
        inputs = {"x": np.arange(4.0), "flag": np.array([flag])}
        fused = check_same(trace.graph, inputs=inputs)
        guards = {node.guard is None for node in fused.nodes if node.op == "chain"}
        assert guards == {True, False}


def test_passes_do_not_change_the_graph_given() -> None:
    graph, _ = mlp(dropout=0.2)
    nodes, inputs = list(graph.nodes), [node.inputs for node in graph.nodes]
    run_passes(graph)
    assert graph.nodes == nodes and [n.inputs for n in nodes] == inputs
