"""Every gradient rule against central differences in float64, and the walker itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import pydl
import pydl.ops as ops
from graph_values import values
from pydl import _core
from pydl.graph.gradients import gradients
from pydl.graph.registry import defined, opdef
from pydl.graph.trace import Trace, TraceTensor
from pydl.ops.apply import apply
from pydl.runtime.variable import Variable

rng = np.random.default_rng(7)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


def positive(*shape: int) -> Any:
    return rng.uniform(0.3, 2.0, size=shape)


def apart(*shape: int) -> Any:
    """Numbers at least 0.1 from each other and from 0: no kinks within a difference."""
    count = int(np.prod(shape))
    order = rng.permutation(np.arange(count) - count // 2)
    return (order * 0.2 + 0.1).reshape(shape)


def rows(*shape: int) -> Any:
    p = rng.uniform(0.1, 1.0, size=shape)
    return p / p.sum(axis=-1, keepdims=True)


@dataclass
class Case:
    op: str
    inputs: Sequence[Any]
    attrs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = " ".join(str(np.shape(x)) for x in self.inputs)
        return f"{self.op} {shapes} {self.attrs or ''}"


SEED = np.array([3, 5], np.uint32)
LABELS = np.array([2, 0, 3])
ALONG = np.array([[0, 3], [2, 2], [1, 0]])
NAMES = np.array([[0, 3], [2, 1], [2, 1], [9, 0]])
MASK = np.array([[True, False, True, False]])


def windows(**own: Any) -> dict[str, Any]:
    """Attributes over two spatial axes."""
    plain = {"strides": [1, 1], "low": [0, 0], "high": [0, 0]}
    return {**plain, **own}


CONV = windows(strides=[2, 1], dilations=[1, 2], low=[1, 0], high=[0, 3])
GROUPS = windows(dilations=[1, 1], groups=2)
POOL = windows(window=[2, 3], strides=[2, 1], low=[1, 0], high=[0, 2])
COUNTED = {**POOL, "count_padding": 1}
NORM = {"epsilon": 1e-3, "scale": 1, "center": 1}

#: Images: windows that overlap and stick out, groups, moments that are used.
IMAGE_CASES: list[tuple[Any, ...]] = [
    ("conv", [normal(2, 4, 5, 2), normal(2, 3, 2, 3)], CONV),
    ("conv_grad_x", [normal(2, 2, 4, 3), normal(2, 3, 2, 3)], {**CONV, "size": [4, 5]}),
    (
        "conv_grad_w",
        [normal(2, 4, 5, 2), normal(2, 2, 4, 3)],
        {**CONV, "window": [2, 3]},
    ),
    ("conv", [normal(1, 3, 3, 4), normal(2, 2, 2, 6)], GROUPS),
    (
        "conv_grad_x",
        [normal(1, 2, 2, 6), normal(2, 2, 2, 6)],
        {**GROUPS, "size": [3, 3]},
    ),
    (
        "conv_grad_w",
        [normal(1, 3, 3, 4), normal(1, 2, 2, 6)],
        {**GROUPS, "window": [2, 2]},
    ),
    ("max_pool", [apart(2, 3, 4, 2)], POOL),
    (
        "max_pool_grad",
        [normal(2, 2, 4, 2), rng.integers(3, 6, (2, 2, 4, 2)).astype("uint8") // 3 * 3],
        {**POOL, "size": [3, 4]},
    ),
    ("avg_pool", [normal(2, 3, 4, 2)], POOL),
    ("avg_pool_grad", [normal(2, 2, 4, 2)], {**COUNTED, "size": [3, 4]}),
    ("batch_norm", [normal(3, 2, 4), normal(4), normal(4)], NORM),
    (
        "batch_norm_grad",
        [normal(3, 2, 4), normal(3, 2, 4), normal(4), positive(4), normal(4)],
        NORM,
    ),
]

CASES = [
    *(Case(op, [normal(2, 3)]) for op in ("neg", "square", "exp", "expm1", "tanh")),
    *(Case(op, [normal(2, 3)]) for op in ("sigmoid", "softplus", "erf", "sin", "cos")),
    *(Case(op, [apart(2, 3)]) for op in ("abs", "sign", "relu", "floor", "copy")),
    *(Case(op, [positive(2, 3)]) for op in ("sqrt", "rsqrt", "reciprocal", "log")),
    Case("log1p", [positive(4)]),
    *(Case(op, [normal(2, 3)]) for op in ("atan", "sinh", "cosh", "asinh", "exp2")),
    *(Case(op, [apart(2, 3) * 1.01]) for op in ("ceil", "round", "trunc")),
    *(Case(op, [positive(2, 3)]) for op in ("log2", "log10", "lgamma", "digamma")),
    *(Case(op, [1 + positive(2, 3)]) for op in ("acosh",)),
    *(
        Case(op, [normal(2, 3) * 0.2])
        for op in ("tan", "asin", "acos", "atanh", "erfinv")
    ),
    *(Case(op, [np.array([-2.3, -0.4, 9.5])]) for op in ("lgamma", "digamma")),
    *(Case(*case) for case in IMAGE_CASES),
    Case("mod", [normal(2, 3) * 5, positive(3) + 1]),
    Case("floor_div", [normal(2, 3) * 5, positive(3) + 1]),
    Case("atan2", [normal(2, 3), positive(2, 1)]),
    *(Case(op, [normal(2, 3), normal(3)]) for op in ("add", "sub", "mul")),
    *(Case(op, [normal(2, 1, 3), normal(4, 1)]) for op in ("add", "sub", "mul")),
    Case("mul", [normal(), normal(2, 2)]),
    Case("div", [normal(2, 3), positive(2, 1)]),
    Case("div", [normal(1, 3), positive(2, 3)]),
    Case("pow", [positive(2, 3), normal(3)]),
    Case("maximum", [apart(3, 4), apart(3, 4) + 0.05]),
    Case("minimum", [apart(3, 4), apart(3, 1) + 0.05]),
    *(Case(f"{op}_grad", [normal(2, 3), apart(2, 3)]) for op in ("relu", "tanh")),
    Case("sigmoid_grad", [normal(2, 3), positive(2, 3)]),
    Case("where", [MASK, normal(3, 4), normal(1, 4)]),
    Case("where", [MASK, normal(3, 1), normal()]),
    Case("cast", [normal(3)], {"dtype": "float64"}),
    Case("reshape", [normal(2, 6)], {"shape": [3, -1]}),
    Case("transpose", [normal(2, 3, 4)], {"perm": [2, 0, 1]}),
    Case("broadcast_to", [normal(3, 1)], {"shape": [2, 3, 4]}),
    Case("concatenate", [normal(2, 1), normal(2, 3), normal(2, 2)], {"axis": 1}),
    Case("slice", [normal(4, 5)], {"begin": [1, 0], "end": [3, 5], "stride": [1, 1]}),
    Case("slice", [normal(5, 7)], {"begin": [0, 1], "end": [5, 6], "stride": [2, 3]}),
    Case("slice", [normal(6, 4)], {"begin": [1, 3], "end": [6, 3], "stride": [4, 2]}),
    Case("pad", [normal(2, 3)], {"low": [1, 0], "high": [0, 2], "value": 3.0}),
    *(
        Case(f"reduce_{kind}", [apart(3, 4, 2)], {"axes": axes, "keepdims": keepdims})
        for kind in ("sum", "mean", "prod", "max", "min")
        for axes, keepdims in (([0], 0), ([1], 1), ([0, 2], 0), ([0, 1, 2], 0), ([], 0))
    ),
    *(
        Case(
            "matmul",
            [
                normal(4, 3) if ta else normal(3, 4),
                normal(2, 4) if tb else normal(4, 2),
            ],
            {"transpose_a": ta, "transpose_b": tb},
        )
        for ta in (0, 1)
        for tb in (0, 1)
    ),
    *(
        Case(
            "batch_matmul",
            [
                normal(2, 4, 3) if ta else normal(2, 3, 4),
                normal(2, 2, 4) if tb else normal(2, 4, 2),
            ],
            {"transpose_a": ta, "transpose_b": tb},
        )
        for ta in (0, 1)
        for tb in (0, 1)
    ),
    Case("softmax", [normal(3, 4)]),
    Case("log_softmax", [normal(3, 4)]),
    *(
        Case(op, [normal(3, 4), *[normal(4)] * (scale + center)], attrs)
        for scale, center in ((1, 1), (0, 1), (1, 0), (0, 0))
        for op, attrs in (
            ("layer_norm", {"epsilon": 0.1, "scale": scale, "center": center}),
            ("rms_norm", {"epsilon": 0.1, "scale": scale}),
        )
        if op == "layer_norm" or not center
    ),
    *(
        Case(
            "layer_norm_grad",
            [normal(3, 4), normal(3, 4), normal(3), positive(3), *[normal(4)] * scale],
            {"scale": scale, "center": center},
        )
        for scale, center in ((1, 1), (0, 1), (0, 0))
    ),
    *(
        Case(
            "rms_norm_grad",
            [normal(3, 4), normal(3, 4), positive(3), *[normal(4)] * scale],
            {"scale": scale},
        )
        for scale in (1, 0)
    ),
    Case("softmax_cross_entropy", [normal(3, 4), rows(3, 4)]),
    Case("softmax_cross_entropy", [normal(3, 4), positive(3, 4)]),
    Case("sparse_softmax_cross_entropy", [normal(3, 4), LABELS]),
    Case("sparse_softmax_cross_entropy", [normal(3, 4), np.array([1, 9, -1])]),
    Case("cross_entropy", [positive(3, 4), rows(3, 4)]),
    Case("sparse_cross_entropy", [rows(3, 4), LABELS]),
    Case("take", [normal(4, 3), np.array([[0, 2], [2, 3]])]),
    Case("take_grad", [normal(2, 2, 3), np.array([[0, 2], [2, 1]])], {"rows": 4}),
    Case("dropout", [normal(5, 3), SEED], {"rate": 0.4}),
    Case("flip", [normal(3, 4)], {"axes": [1]}),
    Case("dynamic_slice", [normal(4, 5), np.array([1, 9])], {"sizes": [2, 3]}),
    Case("dynamic_update_slice", [normal(4, 5), normal(2, 3), np.array([-1, 1])]),
    Case("take_along_axis", [normal(3, 4), ALONG], {"axis": 1}),
    Case("take_along_axis", [normal(3, 1), ALONG[:1] % 3], {"axis": 0}),
    Case("take_along_axis", [normal(1, 4), ALONG], {"axis": 1}),
    Case("take_along_axis_grad", [normal(3, 2), ALONG], {"axis": 1, "size": 4}),
    Case("gather_nd", [normal(3, 4, 2), NAMES]),
    Case("scatter_nd", [NAMES, normal(4, 2)], {"shape": [3, 4, 2]}),
    Case("scatter_update", [normal(3, 4, 2), NAMES, normal(4, 2)]),
    Case("scatter_update", [normal(3), np.array([[1], [1], [0]]), normal(3)]),
    *(
        Case(op, [x], {"axis": axis, "reverse": reverse})
        for op, x in (("cumsum", normal(4, 3)), ("cumprod", positive(4, 3)))
        for axis in (0, 1)
        for reverse in (0, 1)
    ),
    Case("sort", [apart(3, 5)]),
    Case("top_k", [apart(3, 5)], {"k": 2}),
]


class Sum:
    """``sum(result * weight)`` over the float results of a case."""

    def __init__(self, case: Case) -> None:
        self.feeds = {f"x{i}": np.asarray(x) for i, x in enumerate(case.inputs)}
        self.floats = [k for k, x in self.feeds.items() if x.dtype == np.float64]
        with Trace("case") as self.trace:
            inputs = {
                name: self.trace.input(name, x.shape, x.dtype.name)
                for name, x in self.feeds.items()
            }
            results = apply(case.op, list(inputs.values()), case.attrs)
            self.xs = [inputs[name] for name in self.floats]
            self.results = [r for r in results if r.dtype == "float64"]
            self.weights = [self.weight(r.shape) for r in self.results]
            self.grads = gradients(self.results, self.xs, self.weights)

    def weight(self, shape: tuple[int, ...]) -> TraceTensor:
        return self.trace.constant(rng.normal(size=shape))

    def total(
        self, tensors: Sequence[Any], weights: Sequence[Any], feeds: Any
    ) -> float:
        arrays = values(self.trace.graph, tensors, feeds)
        sums = (
            np.sum(a * w.value.node.payload)
            for a, w in zip(arrays, weights, strict=True)
        )
        return float(sum(sums))

    def slopes(self, tensors: Sequence[Any], weights: Sequence[Any], name: str) -> Any:
        """Central differences of the total with respect to one operand."""
        step, out = 1e-5, np.zeros(self.feeds[name].shape)
        for place in np.ndindex(out.shape):
            ends = []
            for sign in (step, -step):
                moved = self.feeds[name].copy()
                moved[place] += sign
                ends.append(self.total(tensors, weights, {**self.feeds, name: moved}))
            out[place] = (ends[0] - ends[1]) / (2 * step)
        return out

    def check(
        self, tensors: Any, weights: Any, grads: Sequence[TraceTensor | None]
    ) -> None:
        for name, x, grad in zip(self.floats, self.xs, grads, strict=True):
            expected = self.slopes(tensors, weights, name)
            found = np.zeros(x.shape)
            if grad is not None:
                (found,) = values(self.trace.graph, [grad], self.feeds)
            np.testing.assert_allclose(
                found, expected, rtol=2e-6, atol=2e-8, err_msg=name
            )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_first_order(case: Case) -> None:
    total = Sum(case)
    total.check(total.results, total.weights, total.grads)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_second_order(case: Case) -> None:
    total = Sum(case)
    firsts = [grad for grad in total.grads if grad is not None]
    with total.trace:
        weights = [total.weight(grad.shape) for grad in firsts]
        seconds = gradients(firsts, total.xs, weights)
    total.check(firsts, weights, seconds)


@pytest.mark.parametrize("zeros", [1, 2])
def test_products_with_zeros(zeros: int) -> None:
    x = positive(3, 4)
    x[1, :zeros] = 0
    total = Sum(Case("reduce_prod", [x], {"axes": [1], "keepdims": 0}))
    total.check(total.results, total.weights, total.grads)


def test_every_differentiable_op_has_a_case() -> None:
    differentiable = {name for name in defined() if opdef(name).gradient is not None}
    assert differentiable == {case.op for case in CASES}


def test_every_opcode_is_defined() -> None:
    assert set(defined()) == {name for name, _ in _core.opcodes()}
    assert all(opdef(name).doc for name in defined())


def traced_ops(trace: Trace) -> list[str]:
    return [node.op for node in trace.graph.nodes]


def test_the_first_layers_input_gradient_is_not_made() -> None:
    weight = Variable(np.ones((3, 2), np.float32))
    with Trace("step") as trace:
        x = trace.input("x", (4, 3), "float32")
        before = len(trace.graph.nodes)
        (grad,) = gradients([ops.sum(ops.matmul(x, weight))], [weight])
    assert grad is not None and grad.shape == (3, 2)
    assert traced_ops(trace)[before:].count("matmul") == 2  # forward, weight gradient


def test_unreachable_and_stopped_values_have_no_gradient() -> None:
    with Trace("step") as trace:
        x, y = (trace.input(name, (3,), "float64") for name in "xy")
        through = ops.stop_gradient(x * 2.0)
        grads = gradients([through * y, ops.cast(x > 0, "float64")], [x, y])
    assert grads[0] is None
    feeds = {"x": np.array([1.0, 2.0, 3.0]), "y": np.ones(3)}
    assert grads[1] is not None
    np.testing.assert_array_equal(
        values(trace.graph, [grads[1]], feeds)[0], [2.0, 4.0, 6.0]
    )


def test_contributions_add_up() -> None:
    with Trace("step") as trace:
        x = trace.input("x", (3,), "float64")
        (grad,) = gradients([x * x, x + x, x], [x])
    assert grad is not None
    found = values(trace.graph, [grad], {"x": np.array([1.0, 2.0, 3.0])})[0]
    np.testing.assert_array_equal(found, [5.0, 7.0, 9.0])


def test_a_variable_is_differentiated_where_it_stands() -> None:
    variable = Variable(np.array([2.0], np.float32))
    with Trace("step") as trace:
        variable.assign(ops.square(variable))
        (grad,) = gradients([variable * variable], [variable])
    assert grad is not None
    np.testing.assert_array_equal(values(trace.graph, [grad], {})[0], [8.0])


def test_operands_of_a_loss_may_depend_on_each_other() -> None:
    """The second derivative holds the targets although they come from the logits."""
    data = normal(2, 3)
    with Trace("step") as trace:
        x = trace.input("x", (2, 3), "float64")
        loss = ops.categorical_crossentropy(ops.softmax(x * 0.5), x, from_logits=True)
        (first,) = gradients([loss], [x])
        assert first is not None
        (second,) = gradients([ops.sum(first * first)], [x])
    assert second is not None
    step, expected = 1e-5, np.zeros_like(data)
    for place in np.ndindex(data.shape):
        ends = []
        for sign in (step, -step):
            moved = data.copy()
            moved[place] += sign
            ends.append(np.sum(values(trace.graph, [first], {"x": moved})[0] ** 2))
        expected[place] = (ends[0] - ends[1]) / (2 * step)
    found = values(trace.graph, [second], {"x": data})[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("base", [0.0, -1.5, 2.0])
def test_gradients_of_powers_are_finite(base: float) -> None:
    with Trace("step") as trace:
        x = trace.input("x", (), "float64")
        (grad,) = gradients([ops.power(x, 0.0) + ops.power(x, 3)], [x])
    assert grad is not None
    with warnings.catch_warnings():
        found = values(trace.graph, [grad], {"x": np.float64(base)})[0]
    np.testing.assert_allclose(found, 3 * base**2)


def test_what_is_not_differentiable_says_so() -> None:
    with Trace("step") as trace:
        x = trace.input("x", (3,), "float32")
        (y,) = apply("chain", [x], {"steps": "mul 0 #2.0", "results": [1]})
        with pytest.raises(ValueError, match="op 'chain' .*is not differentiable"):
            gradients([y], [x])


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="under a trace"):
        gradients([], [])
    with Trace("first") as first:
        x = first.input("x", (3,), "float32")
        with pytest.raises(ValueError, match=r"one seed per y \(1\), received 2"):
            gradients([x], [x], [None, None])
        with pytest.raises(ValueError, match=r"float32 \(3,\), received"):
            gradients([x], [x], [first.input("s", (2,), "float32")])
    with Trace("second"), pytest.raises(ValueError, match="running trace 'second'"):
        gradients([x], [x])


def taped(case: Case, total: Sum) -> list[Any]:
    """The gradients of a case, and those of their squares, on eager tapes."""
    inputs = [ops.convert_to_tensor(x) for x in case.inputs]
    floats = [x for x in inputs if x.dtype == "float64"]
    with pydl.GradientTape() as outer:
        outer.watch(floats)
        with pydl.GradientTape() as inner:
            inner.watch(floats)
            results = apply(case.op, inputs, case.attrs)
        seeds = [weight.value.node.payload for weight in total.weights]
        targets = [r for r in results if r.dtype == "float64"]
        firsts = inner.gradient(targets, floats, output_gradients=seeds)
        norms = [ops.sum(ops.square(g)) for g in firsts if g is not None]
    return [*firsts, *outer.gradient(norms, floats)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_eager_tapes_walk_as_traces_do(case: Case) -> None:
    total = Sum(case)
    firsts = total.grads
    with total.trace:
        norms = [ops.sum(ops.square(grad)) for grad in firsts if grad is not None]
        seconds = gradients(norms, total.xs)
    for grad, found in zip([*firsts, *seconds], taped(case, total), strict=True):
        assert (grad is None) == (found is None)
        if grad is not None:
            (expected,) = values(total.trace.graph, [grad], total.feeds)
            np.testing.assert_allclose(
                np.asarray(found), expected, rtol=1e-9, atol=1e-11
            )
