"""Zeros around images become padding where windows read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from passes.samples import check_same, op_names, variable
from pydl import ops
from pydl.graph.gradients import gradients
from pydl.graph.node import Graph
from pydl.graph.trace import Trace
from pydl.passes.dead_code import dead_code
from pydl.passes.paddings import paddings

IMAGES = (2, 5, 6, 3)
AROUND = [(0, 0), (1, 2), (0, 3), (0, 0)]


def joined(graph: Graph) -> Graph:
    return dead_code(paddings(graph))


def traced(use: Any, wanted: Any = None) -> Graph:
    """`use(x, trace)` as an output, and gradients of its square."""
    weights = [variable("w", 3, 3, 3, 2)]
    with Trace("padded") as trace:
        x = trace.input("x", IMAGES, "float64")
        y = use(x, weights[0])
        trace.output("y", y)
        sources = [x, *weights] if wanted is None else wanted(x, weights)
        loss = ops.sum(ops.square(y))
        for i, grad in enumerate(gradients([loss], sources)):
            if grad is not None:
                trace.output(f"grad{i}", grad)
    return trace.graph


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolutions_take_zeros(strides: int, padding: str) -> None:
    """Forward and both gradients: nothing is padded, nothing is cut off."""
    graph = traced(lambda x, w: ops.conv(ops.pad(x, AROUND), w, strides, padding))
    names = op_names(check_same(graph, joined))
    assert not {"pad", "slice"} & set(names)
    assert {"conv", "conv_grad_x", "conv_grad_w"} <= set(names)


def test_two_readers_take_them_and_a_third_keeps_them() -> None:
    def twice(x: Any, w: Any) -> Any:
        wide = ops.pad(x, AROUND)
        return ops.conv(wide, w) + ops.conv(wide, w * 2.0)

    names = op_names(check_same(traced(twice, lambda x, w: w), joined))
    assert "pad" not in names

    def also_summed(x: Any, w: Any) -> Any:
        wide = ops.pad(x, AROUND)
        return ops.conv(wide, w) + ops.max(wide)

    names = op_names(check_same(traced(also_summed, lambda x, w: w), joined))
    assert names.count("pad") == 1


@pytest.mark.parametrize(
    "widths",
    [
        [(1, 0), (1, 1), (1, 1), (0, 0)],
        [(0, 0), (1, 1), (1, 1), (0, 1)],
    ],
)
def test_zeros_along_other_axes_stay(widths: Any) -> None:
    w = variable("w", 3, 3, 4 if widths[3][1] else 3, 2)
    graph = traced(lambda x, _: ops.conv(ops.pad(x, widths), w), lambda x, _: [x, w])
    assert "pad" in op_names(check_same(graph, joined))


def test_other_numbers_stay() -> None:
    graph = traced(
        lambda x, w: ops.conv(ops.pad(x, AROUND, constant_values=0.5), w),
        lambda x, w: w,
    )
    assert "pad" in op_names(check_same(graph, joined))


@pytest.mark.parametrize("cut", ["stride", "channels"])
def test_slices_that_do_more_than_cut_ends_stay(cut: str) -> None:
    w = variable("w", 3, 3, 4, 3)
    with Trace("cut") as trace:
        wide = ops.conv_transpose(trace.input("x", IMAGES, "float64"), w)
        y = wide[:, 1:-1:2] if cut == "stride" else wide[:, 1:, :, 1:]
        trace.output("y", y)
    assert "slice" in op_names(check_same(trace.graph, joined))


def test_transposed_convolutions_make_only_what_is_kept() -> None:
    """As decoders crop what a transposed convolution gives."""
    w = variable("w", 3, 3, 4, 3)
    with Trace("crop") as trace:
        wide = ops.conv_transpose(trace.input("x", IMAGES, "float64"), w, 2)
        trace.output("y", wide[:, 1:-1, 2:])
    assert op_names(check_same(trace.graph, joined)) == ["conv_grad_x"]


def pooled(first: Any, wanted: Any, widths: Any = None, size: int = 3) -> Graph:
    zeros = widths or [(0, 0), (1, 1), (1, 1), (0, 0)]
    with Trace("pool") as trace:
        x = trace.input("x", IMAGES, "float64")
        hidden = first(x)
        y = ops.max_pool(ops.pad(hidden, zeros), size, 2)
        trace.output("y", y)
        (grad,) = gradients([ops.sum(ops.square(y + 1.0))], [wanted(x, hidden)])
        assert grad is not None
        trace.output("grad", grad)
    return trace.graph


def inputs() -> dict[str, Any]:
    """Of many zeros behind relu."""
    x = np.random.default_rng(3).normal(size=IMAGES) - 0.8
    return {"x": x}


def test_a_max_pool_takes_zeros_around_what_relu_gave() -> None:
    """The beginning of a residual network; most windows hold nothing but zeros."""
    graph = pooled(ops.relu, lambda x, hidden: x)
    names = op_names(check_same(graph, joined, inputs()))
    assert not {"pad", "slice"} & set(names)
    assert "max_pool_grad" in names and "relu_grad" in names


@pytest.mark.parametrize(
    "graph",
    [
        pooled(ops.tanh, lambda x, hidden: x),  # below zero
        pooled(ops.relu, lambda x, hidden: hidden),  # the choice shows
        pooled(ops.relu, lambda x, hidden: x, AROUND, 2),  # a window of zeros alone
    ],
    ids=["tanh", "gradient", "outside"],
)
def test_max_pools_that_do_not(graph: Graph) -> None:
    assert "pad" in op_names(check_same(graph, joined, inputs()))


def test_a_mean_counts_its_zeros() -> None:
    graph = traced(
        lambda x, w: ops.average_pool(ops.pad(x, AROUND), 2), lambda x, w: [x]
    )
    assert "pad" in op_names(check_same(graph, joined))
