"""Convolution and pooling: Keras's numbers and gradients, layouts, dtypes, bad
arguments. The opcodes themselves: `tests/cases/{conv,pool}.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from graph_values import values
from library_parity import array
from pydl import ops
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace
from pydl.passes import run_passes
from pydl.runtime.program import compile_graph

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "conv_parity.json").read_text()
)
CASES = STORED["ops"]
#: Of images of known sizes only.
PATCHES = ("depth_to_space", "space_to_depth", "fold", "unfold")
rng = np.random.default_rng(4)


def normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    return rng.normal(size=shape).astype(dtype)


def label(case: dict[str, Any]) -> str:
    shapes = "-".join(str(tuple(x["shape"])) for x in case["inputs"])
    return f"{case['name']}-{shapes}-{case['kwargs']}"


def close(got: Any, entry: dict[str, Any]) -> None:
    want = array(entry)
    got = np.asarray(got)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=3e-5, atol=3e-6 * np.abs(want).max())


def call(case: dict[str, Any], *args: Any) -> Any:
    return getattr(ops, case["name"])(*args, **case["kwargs"])


@pytest.mark.parametrize("case", CASES, ids=label)
def test_as_keras(case: dict[str, Any]) -> None:
    """Values; the gradients, of a trace and of a tape; the trace's values are those of
    the calls one by one."""
    arrays = [array(x) for x in case["inputs"]]
    feeds = {f"x{i}": x for i, x in enumerate(arrays)}
    eager = call(case, *arrays).numpy()
    close(eager, case["result"])
    weights = np.cos(np.arange(eager.size)).reshape(eager.shape).astype("float32")
    with Trace("case") as trace:
        inputs = [trace.input(name, x.shape, "float32") for name, x in feeds.items()]
        out = call(case, *inputs)
        grads = gradients([ops.sum(out * weights)], inputs)
    got, *found = values(trace.graph, [out, *grads], feeds)  # type: ignore[list-item]
    np.testing.assert_array_equal(got, eager)
    for grad, entry in zip(found, case["gradients"], strict=True):
        close(grad, entry)
    with pydl.GradientTape() as tape:
        watched = [ops.convert_to_tensor(x) for x in arrays]
        tape.watch(watched)
        loss = ops.sum(call(case, *watched) * weights)
    found = tape.gradient(loss, watched)
    for grad, entry in zip(found, case["gradients"], strict=True):
        close(grad, entry)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_symbolic(case: dict[str, Any]) -> None:
    """Without a batch size; and, where the op allows it, without spatial sizes."""
    kernels = [array(x) for x in case["inputs"][1:]]
    shape, result = case["inputs"][0]["shape"], case["result"]["shape"]
    out = call(case, pydl.Input(tuple(shape[1:])), *kernels)
    assert out.shape == (None, *result[1:])
    if case["name"] in PATCHES:
        return
    channels = 1 if "data_format" in case["kwargs"] else len(shape) - 1
    unknown = [n if i in (0, channels) else None for i, n in enumerate(shape)]
    out = call(case, pydl.Input(tuple(unknown[1:])), *kernels)
    known = result if case["name"].startswith("adaptive") else unknown
    expected = [None, *known[1:]]
    expected[channels] = result[channels]
    assert list(out.shape) == expected


def test_causal_outputs_do_not_see_later_steps() -> None:
    x, kernel = normal(1, 8, 2), normal(3, 2, 2)
    before = ops.conv(x, kernel, padding="causal", dilation_rate=2).numpy()
    x[:, 5:] = np.nan
    after = ops.conv(x, kernel, padding="causal", dilation_rate=2).numpy()
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert np.isnan(after[:, 5:]).all()


def test_a_convolution_in_a_loop_is_kept_for_the_gradient() -> None:
    """It is costly: the way back reads it, and makes none again."""
    passes = 12
    x, kernel = normal(1, 5, 5, 2), 0.3 * normal(3, 3, 2, 2)
    with Trace("loop") as trace:
        first = trace.input("x", x.shape, "float32")
        weight = trace.input("w", kernel.shape, "float32")

        def body(i: Any, y: Any) -> Any:
            return ops.tanh(ops.conv(y, weight, padding="same"))

        looped = ops.fori_loop(0, passes, body, first)
        apart = first
        for i in range(passes):
            apart = body(i, apart)
        for name, y in (("loop", looped), ("apart", apart)):
            for i, grad in enumerate(gradients([y], [first, weight])):
                assert grad is not None
                trace.output(f"{name}{i}", grad)
    convolutions = sum(node.op == "conv" for node in run_passes(trace.graph).nodes)
    assert convolutions == passes + 1
    found = compile_graph(trace.graph).run({"x": x, "w": kernel})
    for i in range(2):
        np.testing.assert_allclose(
            found[f"loop{i}"], found[f"apart{i}"], rtol=1e-4, atol=1e-5
        )


def test_padding_of_one_side() -> None:
    x, kernel = normal(1, 5, 6, 2), normal(3, 2, 2, 3)
    wide = np.pad(x, [(0, 0), (1, 2), (0, 3), (0, 0)])
    found = ops.conv(x, kernel, padding=((1, 2), (0, 3)))
    np.testing.assert_allclose(found, ops.conv(wide, kernel), rtol=1e-6, atol=1e-6)


def test_what_sticks_out_does_not_count_in_a_mean() -> None:
    x = np.ones((1, 5, 5, 1), "float32")
    assert (ops.average_pool(x, 3, 2, "same").numpy() == 1).all()
    assert (ops.max_pool(-x, 3, 2, "same").numpy() == -1).all()


def test_windows_follow_each_other_by_default() -> None:
    x = normal(2, 7, 6, 3)
    for pool in (ops.max_pool, ops.average_pool):
        found, want = pool(x, (2, 3)), pool(x, (2, 3), (2, 3))
        np.testing.assert_array_equal(found.numpy(), want.numpy())
        assert pool(x, 2, padding="same").shape == (2, 4, 3, 3)


@pytest.mark.parametrize("size", [(3, 2, 7), (5, 1, 3), (2, 4, 9)])
def test_adaptive_pooling_of_three_axes(size: tuple[int, ...]) -> None:
    """By its definition."""
    x = normal(2, 5, 4, 7, 3, dtype="float64")
    wanted: Any = [np.empty((2, *size, 3)) for _ in range(2)]
    for place in np.ndindex(*size):
        cut = tuple(
            slice(i * n // m, -(-(i + 1) * n // m))
            for i, n, m in zip(place, x.shape[1:4], size, strict=True)
        )
        box = x[(slice(None), *cut)]
        wanted[0][(slice(None), *place)] = box.max((1, 2, 3))
        wanted[1][(slice(None), *place)] = box.mean((1, 2, 3))
    for function, want in zip(
        (ops.adaptive_max_pool, ops.adaptive_average_pool), wanted, strict=True
    ):
        np.testing.assert_allclose(function(x, size), want, rtol=1e-12, atol=1e-12)


def test_dtypes() -> None:
    """Integers: exactly the largest, means and products in floatx; 16 bits stay."""
    x = np.array([[[2**31 - 1], [5], [-7]]], "int32")
    found = ops.max_pool(x, 2, 1)
    assert found.dtype == "int32" and found.numpy().ravel().tolist() == [2**31 - 1, 5]
    assert ops.average_pool(x[:, 1:], 2).numpy().item() == -1.0
    assert ops.conv(x, np.ones((1, 1, 1), "int32")).dtype == "float32"
    half = ops.cast(normal(1, 4, 4, 2), "bfloat16")
    kernel = ops.cast(normal(2, 2, 2, 3), "bfloat16")
    assert ops.conv(half, kernel).dtype == ops.max_pool(half, 2).dtype == "bfloat16"
    double = ops.conv(normal(1, 4, 2, dtype="float64"), normal(1, 2, 3))
    assert double.dtype == "float64"


def test_patches_of_integers() -> None:
    x = np.arange(16, dtype="int32").reshape(1, 1, 4, 4)
    columns = ops.unfold(x, 2, stride=2)
    assert columns.numpy()[0, :, 1].tolist() == [2, 3, 6, 7]
    np.testing.assert_array_equal(ops.fold(columns, 4, 2, stride=2), x)
    blocks = ops.space_to_depth(np.moveaxis(x, 1, 3), 2)
    assert blocks.dtype == "int32" and blocks.numpy()[0, 0, 1].tolist() == [2, 3, 6, 7]


def test_nan_and_infinity() -> None:
    x = np.array([1, np.nan, 2, -np.inf, -np.inf, np.inf, 3], "float32")[None, :, None]
    largest = ops.max_pool(x, 2, 1).numpy().ravel()
    np.testing.assert_array_equal(largest, [np.nan, np.nan, 2, -np.inf, np.inf, np.inf])
    mean = ops.adaptive_average_pool(x[:, 2:], 3).numpy().ravel()
    np.testing.assert_array_equal(mean, [-np.inf, np.nan, np.inf])


X1, X2 = np.ones((2, 6, 4), "float32"), np.ones((2, 6, 6, 4), "float32")
K1, K2 = np.ones((3, 4, 2), "float32"), np.ones((3, 3, 4, 2), "float32")

WRONG: list[tuple[Any, str]] = [
    (lambda: ops.conv(X2[0, 0], K2), r"inputs of a batch axis.*\(6, 4\)"),
    (lambda: ops.conv(X1, K2), r"kernel of 3 axes.*\(3, 3, 4, 2\)"),
    (lambda: ops.conv(X2, K2[:, :, :3]), r"4 channels and a kernel.*\(3, 3, 3, 2\)"),
    (lambda: ops.conv(X2, np.ones((3, 3, 0, 2))), "multiple of those the kernel"),
    (lambda: ops.conv(X2, np.ones((3, 3, 2, 3))), "groups must divide.*groups=2"),
    (lambda: ops.conv(X2, K2, 0), "strides: expected an integer from 1.*received 0"),
    (lambda: ops.conv(X2, K2, 2**40), "strides: expected an integer from 1 to 10737"),
    (lambda: ops.conv(X2, K2, (1, 2, 3)), r"tuple of 2 of them, received \(1, 2, 3\)"),
    (lambda: ops.conv(X2, K2, 1.5), "received 1.5"),
    (lambda: ops.conv(X2, K2, "12"), "received '12'"),
    (lambda: ops.conv(X2, K2, dilation_rate=-1), "dilation_rate: expected an integer"),
    (lambda: ops.conv(X2, K2, dilation_rate=3), "the result has no place"),
    (lambda: ops.conv(X2, K2, dilation_rate=2**30), "the result has no place"),
    (lambda: ops.conv(X2, K2, padding="full"), r"'valid', 'same'.*received 'full'"),
    (lambda: ops.conv(X2, K2, padding="causal"), "received 'causal'"),
    (lambda: ops.conv(X2, K2, padding=((1, 1),)), "padding of 2 pairs"),
    (lambda: ops.conv(X2, K2, padding=((1, -1), 0)), r"padding: expected.*\(1, -1\)"),
    (lambda: ops.conv(X2, K2, data_format="NCHW"), "data_format"),
    (lambda: ops.conv(X2[:, :2], K2), "the result has no place: spatial axis 0"),
    (lambda: ops.depthwise_conv(X2, K2[:, :, :2]), "4 channels.*axis -2"),
    (
        lambda: ops.separable_conv(X2, K2, np.ones((2, 1, 8, 3))),
        r"pointwise_kernel of one tap.*\(2, 1, 8, 3\)",
    ),
    (
        lambda: ops.separable_conv(X2, K2, np.ones((1, 1, 7, 3))),
        r"8 channels.*axis -2.*\(1, 1, 7, 3\)",
    ),
    (lambda: ops.conv_transpose(X2, K2), r"4 channels.*axis -1"),
    (
        lambda: ops.conv_transpose(X1, np.ones((3, 2, 4)), 2, output_padding=2),
        r"output_padding less than strides.*output_padding=\(2,\), strides=\(2,\)",
    ),
    (
        lambda: ops.conv_transpose(X1, np.ones((3, 2, 4)), padding="causal"),
        "received 'causal'",
    ),
    (lambda: ops.max_pool(X2, 0), "max_pool: pool_size: expected an integer from 1"),
    (lambda: ops.max_pool(X2, 7), "the result has no place"),
    (lambda: ops.max_pool(X2, (2, 2, 2)), "pool_size.*tuple of 2"),
    (lambda: ops.max_pool(X2, 2, -1), "max_pool: strides"),
    (lambda: ops.max_pool(X2, 2**31), "pool_size"),
    (lambda: ops.average_pool(X2, 2, padding="causal"), "received 'causal'"),
    (lambda: ops.average_pool(X2, 2, padding=((0, 2), 0)), "less than the window"),
    (lambda: ops.max_pool(X2[0, 0], 2), "max_pool: expected inputs of a batch axis"),
    (lambda: ops.adaptive_max_pool(X2, 0), "adaptive_max_pool: output_size"),
    (lambda: ops.adaptive_max_pool(X2[:, :0], 2), "a place on each axis"),
    (lambda: ops.adaptive_average_pool(X2, (2,)), "output_size.*tuple of 2"),
    (lambda: ops.depth_to_space(X1, 2), r"depth_to_space: expected 4 axes.*2, 6, 4"),
    (lambda: ops.depth_to_space(X2, 1), "block_size: expected an integer from 2"),
    (lambda: ops.depth_to_space(X2, 3), "channels that block_size..2 = 9 divides"),
    (lambda: ops.space_to_depth(X2, 4), "rows and columns that block_size=4 divides"),
    (lambda: ops.unfold(X1, 2), "unfold: expected 4 axes"),
    (lambda: ops.unfold(X2, 7), "unfold: expected a window that fits.*kernel_size=7"),
    (lambda: ops.unfold(X2, 2, padding=2**20), "in all"),
    (lambda: ops.fold(X1, 4, 2), "axis 1 that the 4 taps divide and 9 places"),
    (lambda: ops.fold(X1, 4, 2, stride=0), "fold: stride: expected an integer from 1"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_bad_arguments(wrong: Any, message: str) -> None:
    """Refused at once, and so while tracing."""
    with pytest.raises(ValueError, match=message):
        wrong()
    with Trace("bad"), pytest.raises(ValueError, match=message):
        wrong()


def test_a_causal_pool_of_one_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="causal"):
        ops.max_pool(X1, 2, padding="causal")
