"""The public functions against NumPy: values, dtypes, both eager and traced."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl.ops as ops
from graph_values import values
from pydl.graph.trace import Trace, TraceTensor
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

rng = np.random.default_rng(11)
A = rng.normal(size=(3, 4)).astype(np.float32)
B = rng.uniform(0.2, 2.0, size=(3, 4)).astype(np.float32)
ROW = rng.normal(size=4).astype(np.float32)
CUBE = rng.normal(size=(2, 3, 4)).astype(np.float32)
INTS = np.array([[3, -1, 2], [0, 7, -5]], np.int32)
BOOLS = np.array([[True, False], [True, True]])
SPECIAL = np.array([1.0, np.nan, np.inf, -np.inf], np.float32)


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def erf(x: Any) -> Any:
    return np.vectorize(math.erf)(x)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def case(op: Callable[..., Any], expected: Callable[..., Any], *arrays: Any) -> Any:
    return pytest.param(op, expected, arrays, id=getattr(op, "__name__", "?"))


def named(name: str, *arrays: Any) -> Any:
    """A function that has the same name and meaning in NumPy."""
    return case(getattr(ops, name), getattr(np, name), *arrays)


CASES = [
    *(named(name, A) for name in ("abs", "negative", "sign", "square", "exp", "expm1")),
    *(named(name, A) for name in ("tanh", "floor", "sin", "cos", "ravel", "transpose")),
    *(named(name, B) for name in ("sqrt", "reciprocal", "log", "log1p")),
    *(named(name, A) for name in ("sum", "mean", "max", "min", "var", "std", "argmax")),
    *(
        named(name, INTS)
        for name in ("sum", "max", "min", "argmin", "argmax", "square")
    ),
    *(named(name, BOOLS) for name in ("any", "all", "logical_not", "sum")),
    *(named(name, SPECIAL) for name in ("isnan", "isinf", "isfinite", "max", "argmax")),
    *(named(name, A, ROW) for name in ("add", "subtract", "multiply", "divide")),
    *(named(name, A, ROW) for name in ("maximum", "minimum", "less", "greater_equal")),
    *(
        named(name, INTS, INTS.T.reshape(2, 3))
        for name in ("equal", "not_equal", "greater")
    ),
    *(named(name, BOOLS, BOOLS[0]) for name in ("logical_and", "logical_or")),
    named("power", B, A),
    named("where", A > 0, A, B),
    case(ops.rsqrt, lambda x: 1 / np.sqrt(x), B),
    case(ops.erf, erf, A),
    case(ops.sigmoid, sigmoid, A),
    case(ops.relu, lambda x: np.maximum(x, 0), A),
    case(ops.relu6, lambda x: np.clip(x, 0, 6), A * 5),
    case(ops.elu, lambda x: np.where(x > 0, x, np.expm1(x)), A),
    case(ops.silu, lambda x: x * sigmoid(x), A),
    case(ops.softplus, lambda x: np.log1p(np.exp(x)), A),
    case(ops.softsign, lambda x: x / (1 + np.abs(x)), A),
    case(ops.leaky_relu, lambda x: np.where(x < 0, 0.2 * x, x), A),
    case(ops.hard_sigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1), A * 4),
    case(ops.log_sigmoid, lambda x: np.log(sigmoid(x)), A),
    case(
        lambda x: ops.gelu(x, approximate=False),
        lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2))),
        A,
    ),
    case(lambda x: ops.clip(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5), A),
    case(lambda x: ops.power(x, 2), lambda x: x**2, INTS),
    case(lambda x: ops.power(x, 3), lambda x: x**3, INTS),
    case(ops.softmax, softmax, A),
    case(lambda x: ops.softmax(x, axis=1), lambda x: softmax(x, 1), CUBE),
    case(ops.log_softmax, lambda x: np.log(softmax(x)), A),
    case(ops.logsumexp, lambda x: np.log(np.exp(x).sum()), A),
    case(
        lambda x: ops.logsumexp(x, axis=0), lambda x: np.log(np.exp(x).sum(0)), A + 90
    ),
    case(
        lambda x: ops.sum(x, axis=(0, -1), keepdims=True),
        lambda x: x.sum(axis=(0, 2), keepdims=True),
        CUBE,
    ),
    case(lambda x: ops.mean(x, axis=1), lambda x: x.mean(axis=1), CUBE),
    case(
        lambda x: ops.var(x, axis=-1, keepdims=True),
        lambda x: x.var(axis=-1, keepdims=True),
        CUBE,
    ),
    case(
        lambda x: ops.argmax(x, axis=1, keepdims=True),
        lambda x: x.argmax(axis=1, keepdims=True),
        CUBE,
    ),
    case(
        lambda x: ops.argmin(x, axis=0),
        lambda x: x.argmin(axis=0),
        INTS.astype(np.int8),
    ),
    case(lambda x: ops.max(x, initial=9.0), lambda x: np.max(x, initial=9.0), A),
    case(ops.norm, np.linalg.norm, A),
    case(lambda x: ops.norm(x, ord=1, axis=1), lambda x: np.abs(x).sum(1), A),
    case(ops.matmul, np.matmul, A, B.T.copy()),
    case(ops.matmul, np.matmul, CUBE, B.T.copy()),
    case(ops.matmul, np.matmul, A, ROW),
    case(ops.matmul, np.matmul, ROW, ROW),
    case(ops.dot, np.dot, ROW, B.T.copy()),
    case(lambda x: ops.reshape(x, (2, -1)), lambda x: x.reshape(2, -1), A),
    case(lambda x: ops.transpose(x, (1, 2, 0)), lambda x: x.transpose(1, 2, 0), CUBE),
    case(lambda x: ops.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1), CUBE),
    case(lambda x: ops.swapaxes(x, 0, 2), lambda x: np.swapaxes(x, 0, 2), CUBE),
    case(
        lambda x: ops.expand_dims(x, (0, -1)), lambda x: np.expand_dims(x, (0, -1)), A
    ),
    case(lambda x: ops.squeeze(x[None, :, None]), lambda x: x, A),
    case(
        lambda x: ops.broadcast_to(x, (2, 3, 4)),
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        A,
    ),
    case(
        lambda x, y: ops.concatenate([x, y], axis=-1),
        lambda x, y: np.concatenate([x, y], axis=-1),
        A,
        B,
    ),
    case(
        lambda x, y: ops.stack([x, y], axis=1), lambda x, y: np.stack([x, y], 1), A, B
    ),
    case(lambda x: ops.split(x, 2, axis=1)[1], lambda x: np.split(x, 2, axis=1)[1], A),
    case(lambda x: ops.split(x, [1, -1], axis=1)[1], lambda x: x[:, 1:-1], A),
    case(
        lambda x: ops.pad(x, ((1, 0), (0, 2)), constant_values=7),
        lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=7),
        A,
    ),
    case(lambda x: ops.pad(x, 1), lambda x: np.pad(x, 1), INTS),
    case(lambda x: ops.slice(x, (1, 0), (2, 3)), lambda x: x[1:3, 0:3], A),
    case(lambda x: x[1], lambda x: x[1], CUBE),
    case(lambda x: x[..., -1], lambda x: x[..., -1], CUBE),
    case(lambda x: x[0, None, ::2, 1:-1], lambda x: x[0, None, ::2, 1:-1], CUBE),
    case(lambda x: x[:, 5:], lambda x: x[:, 5:], CUBE),
    case(lambda x: ops.take(x, [0, -1], axis=1), lambda x: x[:, [0, -1]], CUBE),
    case(lambda x: ops.take(x, [[5], [2]]), lambda x: x.ravel()[[[5], [2]]], A),
    case(ops.zeros_like, np.zeros_like, INTS),
    case(lambda x: ops.full_like(x, 3), lambda x: np.full_like(x, 3), A),
    case(lambda x: ops.cast(x, "int32"), lambda x: x.astype(np.int32), A * 3),
    case(lambda x: ops.cast(x, "bool"), lambda x: x.astype(bool), INTS),
    case(
        lambda x: ops.one_hot(x, 8),
        lambda x: np.eye(8, dtype=np.float32)[x],
        INTS**2 % 8,
    ),
    case(
        lambda x: ops.one_hot(x, 8, axis=0),
        lambda x: np.moveaxis(np.eye(8, dtype=np.float32)[x], -1, 0),
        INTS**2 % 8,
    ),
    case(lambda x: 2.0 - x / 4 + 3 * x, lambda x: 2 - x / 4 + 3 * x, A),
    case(lambda x: -x @ ops.transpose(x), lambda x: -x @ x.T, A),
    case(
        lambda x: (x > 0) & ~(x > 1) | (x < -1),
        lambda x: (x > 0) & ~(x > 1) | (x < -1),
        A,
    ),
]


@pytest.mark.parametrize(("op", "expected", "arrays"), CASES)
def test_values(op: Any, expected: Any, arrays: Any) -> None:
    want = np.asarray(expected(*(np.asarray(x, _wide(x)) for x in arrays)))
    eager = op(*(ops.convert_to_tensor(x) for x in arrays))
    assert isinstance(eager, Tensor)
    assert eager.shape == want.shape
    np.testing.assert_allclose(eager.numpy(), want, rtol=2e-6, atol=1e-6)
    with Trace("case") as trace:
        inputs = [
            trace.input(f"x{i}", x.shape, x.dtype.name) for i, x in enumerate(arrays)
        ]
        traced = op(*inputs)
    assert isinstance(traced, TraceTensor)
    assert (traced.shape, traced.dtype) == (eager.shape, eager.dtype)
    feeds = {f"x{i}": x for i, x in enumerate(arrays)}
    np.testing.assert_array_equal(
        values(trace.graph, [traced], feeds)[0], eager.numpy()
    )


def _wide(x: Any) -> Any:
    return np.float64 if x.dtype == np.float32 else x.dtype


LOGITS = rng.normal(size=(3, 4))
SOFT = softmax(rng.normal(size=(3, 4)))
LABELS = np.array([1, 3, 0])
HARD = np.eye(4)[LABELS]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropies(dtype: str) -> None:
    def close(found: Any, expected: Any) -> None:
        assert found.dtype == dtype
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)

    x, p = LOGITS.astype(dtype), softmax(LOGITS).astype(dtype)
    log_p = np.log(softmax(LOGITS))
    of_label = -log_p[np.arange(3), LABELS]
    close(ops.categorical_crossentropy(SOFT, x, True), -(SOFT * log_p).sum(-1))
    close(ops.categorical_crossentropy(HARD, p), of_label)
    close(ops.categorical_crossentropy(HARD.T, p.T, axis=0), of_label)
    close(ops.categorical_crossentropy(HARD, 3 * p), of_label)  # scaled to sum to 1
    for labels in (LABELS, LABELS[:, None], LABELS.astype(np.uint8), LABELS * 1.0):
        close(
            ops.sparse_categorical_crossentropy(labels, x, from_logits=True), of_label
        )
        close(ops.sparse_categorical_crossentropy(labels, p), of_label)
    q = sigmoid(LOGITS)
    expected = -(SOFT * np.log(q) + (1 - SOFT) * np.log(1 - q))
    close(ops.binary_crossentropy(SOFT, x, from_logits=True), expected)
    close(ops.binary_crossentropy(SOFT, q.astype(dtype)), expected)


def test_binary_crossentropy_of_large_logits_is_exact() -> None:
    loss = ops.binary_crossentropy(
        [0.0, 1.0, 1.0], [50.0, 50.0, -500.0], from_logits=True
    )
    np.testing.assert_allclose(loss.numpy(), [50.0, np.exp(-50.0), 500.0], rtol=1e-5)


def test_labels_out_of_range() -> None:
    with pytest.raises(
        ValueError, match="between 0 and 3; the one at flat index 1 is not"
    ):
        ops.sparse_categorical_crossentropy([0, 4, -1], A, from_logits=True)
    with Trace("case") as trace:
        labels = trace.input("labels", (3,), "int64")
        ops.sparse_categorical_crossentropy(labels, A)
    ((fault, text),) = trace.faults
    assert "labels between 0 and 3" in text
    feeds = {"labels": np.array([0, 1, 9])}
    assert values(trace.graph, [fault], feeds)[0].tolist() == [3]


PROMOTIONS = [
    (("bool", "int8"), "int8"),
    (("uint8", "int8"), "int16"),
    (("int64", "float32"), "float32"),
    (("float32", "float64"), "float64"),
    (("float16", "bfloat16"), "float32"),
    (("uint32", "int32"), "int64"),
    (("int32", float), "float32"),
    (("bool", int), "int32"),
    (("float64", float), "float64"),
    (("uint8", int), "uint8"),
    ((int, float), "float32"),
    (("float16", "int64"), "float16"),
    ((bool, bool), "bool"),
]


@pytest.mark.parametrize(("operands", "expected"), PROMOTIONS)
def test_promotion(operands: tuple[Any, Any], expected: str) -> None:
    from pydl.ops.dtypes import result_type

    assert result_type(*operands) == result_type(*operands[::-1]) == expected


@pytest.mark.parametrize(
    ("result", "dtype"),
    [
        (lambda: ops.add(A, 1), "float32"),
        (lambda: ops.add(A, np.float64(1)), "float32"),
        (lambda: ops.add(A, A.astype(np.float64)), "float64"),
        (lambda: ops.multiply(INTS, 2.5), "float32"),
        (lambda: ops.divide(INTS, 2), "float32"),
        (lambda: ops.mean(INTS), "float32"),
        (lambda: ops.sum(BOOLS), "int32"),
        (lambda: ops.exp(INTS), "float32"),
        (lambda: ops.convert_to_tensor(3), "int32"),
        (lambda: ops.convert_to_tensor([1.5, 2]), "float32"),
        (lambda: ops.convert_to_tensor([True]), "bool"),
        (lambda: ops.convert_to_tensor([A[0], A[1]]), "float32"),
        (lambda: ops.zeros((2,)), "float32"),
        (lambda: ops.full((2,), 7), "int32"),
        (lambda: ops.arange(3), "int32"),
        (lambda: ops.arange(0.0, 1.0, 0.5), "float32"),
        (lambda: ops.argmax(A), "int32"),
        (lambda: ops.logical_and(A, 1), "bool"),
    ],
)
def test_result_dtypes(result: Callable[[], Any], dtype: str) -> None:
    assert result().dtype == dtype


def test_making_tensors() -> None:
    for found, expected in [
        (ops.zeros((2, 3)), np.zeros((2, 3))),
        (ops.ones((), "int64"), np.ones(())),
        (ops.full((2,), True), np.array([True, True])),
        (ops.full((2, 2), [1.0, 2.0]), np.array([[1, 2], [1, 2]])),
        (ops.arange(2, 11, 3), np.arange(2, 11, 3)),
        (ops.arange(5, 0, -2), np.arange(5, 0, -2)),
        (ops.eye(3, k=1), np.eye(3, k=1)),
        (ops.linspace(0.0, 1.0, 5), np.linspace(0, 1, 5)),
        (ops.stack([1.0, ops.ones(())]), np.ones(2)),
        (ops.convert_to_tensor([[1, ops.ones((), "int32")], [3, 4]]), [[1, 1], [3, 4]]),
    ]:
        np.testing.assert_array_equal(found.numpy(), expected)


def test_converted_arrays_are_copied() -> None:
    array = np.zeros(3, np.float32)
    tensor = ops.convert_to_tensor(array)
    array[0] = 1
    assert tensor.numpy().tolist() == [0, 0, 0]
    variable = Variable(np.zeros((2, 2), np.float32))
    flat = ops.reshape(variable, (4,))
    variable.assign(np.ones((2, 2)))
    assert flat.numpy().tolist() == [0, 0, 0, 0]


WRONG = [
    (lambda: ops.add(A, np.ones(3, np.float32)), ValueError, r"add.*\(3, 4\).*\(3,\)"),
    (lambda: ops.matmul(CUBE, A), ValueError, r"\(2, 3, 4\) and \(3, 4\)"),
    (lambda: ops.matmul(A, CUBE), ValueError, "second to last of x2"),
    (lambda: ops.sum(A, axis=2), ValueError, "sum: expected axis between -2 and 1"),
    (lambda: ops.sum(A, axis=(0, 0)), ValueError, "different axes"),
    (lambda: ops.sum(A, axis=0.5), TypeError, "axis=0.5"),
    (lambda: ops.reshape(A, (5, -1)), ValueError, r"reshape.*\(3, 4\)"),
    (lambda: ops.reshape(A, ("a",)), TypeError, "shape to be integers"),
    (lambda: ops.convert_to_tensor("text"), TypeError, "received 'text'"),
    (lambda: ops.convert_to_tensor(None), TypeError, "NoneType"),
    (lambda: ops.convert_to_tensor(300, "uint8"), ValueError, "0 to 255.*received 300"),
    (lambda: ops.cast(A, "float31"), ValueError, "float31"),
    (lambda: ops.get_item(A, 3), IndexError, "index 3 is out of range on axis 0"),
    (lambda: ops.get_item(A, (0, 0, 0)), IndexError, "3 indices"),
    (lambda: ops.get_item(A, slice(None, None, 0)), ValueError, "step of 0"),
    (lambda: ops.get_item(A, "a"), TypeError, "expected integers, slices"),
    (lambda: ops.take(A, [3], axis=0), ValueError, "flat index 0"),
    (lambda: ops.take(A, [0.5]), TypeError, "integer indices"),
    (lambda: ops.max(np.zeros((0, 3), np.float32)), ValueError, "reduce_max"),
    (lambda: ops.concatenate([]), ValueError, "received none"),
    (lambda: ops.split(A, 5), ValueError, "received 5"),
    (lambda: ops.squeeze(A, 0), ValueError, r"\(3, 4\)"),
    (lambda: ops.norm(A, ord=3), ValueError, "ord=3"),
    (lambda: ops.one_hot(A, 3), TypeError, "float32"),
    (lambda: ops.pad(A, ((1, 1),) * 3), ValueError, "one pair of integers per axis"),
    (lambda: ops.pad(A, ()), ValueError, "one pair of integers per axis"),
    (lambda: ops.moveaxis(A, [0, 1], [0]), ValueError, "as many destinations"),
    (lambda: ops.power(INTS, -1), ValueError, "float base"),
    (lambda: ops.arange(0, 3, 0), ValueError, "step=0"),
    (lambda: ops.zeros((2**70,)), ValueError, "zeros: expected sizes of axes"),
    (lambda: ops.zeros((2, -1)), ValueError, "shape"),
    (lambda: ops.zeros((2**40, 2**40)), ValueError, "too large"),
    (lambda: ops.ones((2**50,)), MemoryError, "allocate"),
    (lambda: ops.add(INTS, 10**30), ValueError, "received 1000000"),
    (lambda: ops.exp(np.zeros((1,) * 9)), ValueError, "at most 8 axes"),
    (lambda: ops.exp(np.zeros(2, complex)), ValueError, "complex128"),
    (lambda: ops.exp([1, None]), TypeError, "None"),
    (lambda: ops.sparse_categorical_crossentropy([np.nan], A[:1]), ValueError, "flat"),
    (lambda: ops.argmax(np.zeros(0)), ValueError, "empty axis"),
    (lambda: ops.where(BOOLS), ValueError, "x1=None"),
    (lambda: ops.binary_crossentropy(A, A[:2]), ValueError, r"\(3, 4\).*\(2, 4\)"),
    (lambda: ops.sparse_categorical_crossentropy(LABELS[:2], A), ValueError, r"\(2,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), WRONG)
def test_errors(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_odd_but_fine() -> None:
    empty = np.zeros((2, 4, 0), np.float32)
    for found, expected in [
        (ops.matmul(empty, np.zeros((0, 3), np.float32)), np.zeros((2, 4, 3))),
        (ops.sum(empty), np.zeros(())),
        (ops.softmax(A[:0]), A[:0]),
        (ops.add(np.arange(3, dtype=">f4"), 1), np.array([1, 2, 3])),
        (ops.add(A, 10**30), A + np.float32(1e30)),
        (ops.add(A.T[::2], 1), A.T[::2] + 1),
        (ops.cast([np.nan, 1e30, -2.7], "int32"), np.array([0, 2**31 - 1, -2])),
        (ops.convert_to_tensor(2.7, "int32"), np.array(2)),
        (ops.sparse_categorical_crossentropy(np.zeros(0, int), A[:0]), np.zeros(0)),
    ]:
        np.testing.assert_array_equal(found.numpy(), expected)


def test_a_traced_value_cannot_leave_its_trace() -> None:
    with Trace("first") as first:
        x = first.input("x", (3,), "float32")
    with pytest.raises(ValueError, match="'first', which is not running"):
        ops.exp(x)
    with Trace("second"), pytest.raises(ValueError, match="tracing 'second'"):
        ops.exp(x)


def test_unknown_dimensions() -> None:
    """Symbolic inference traces with -1 for what is not known yet."""
    with Trace("spec") as trace:
        x = trace.input("x", (-1, 8, 6), "float32")
        weight = trace.input("w", (6, 5), "float32")
        for found, expected in [
            (ops.reshape(x, (ops.shape(x)[0], -1)), (-1, 48)),
            (ops.reshape(x, (-1, 48)), (-1, 48)),
            (ops.mean(x, axis=(1, 2)), (-1,)),
            (ops.matmul(x, weight), (-1, 8, 5)),
            (ops.softmax(x, axis=1), (-1, 8, 6)),
            (ops.zeros_like(x, "int32"), (-1, 8, 6)),
            (ops.concatenate([x, x]), (-1, 8, 6)),
            (x[:, 1:3, None, 0], (-1, 2, 1)),
            (x[2:], (-1, 8, 6)),
            (x[0], (8, 6)),
            (x + ops.ones((8, 1)), (-1, 8, 6)),
            (ops.argmax(x, axis=-1), (-1, 8)),
            (ops.categorical_crossentropy(x, x), (-1, 8)),
            (ops.logsumexp(x, axis=1), (-1, 6)),
            (ops.take(x, [0, 1], axis=1), (-1, 2, 6)),
        ]:
            assert found.shape == expected


def test_symbolic_arguments_go_to_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydl.ops import public

    class Symbol:
        pass

    calls: list[Any] = []

    def handler(function: Any, args: Any, kwargs: Any) -> str:
        calls.append((function, args, kwargs))
        return "symbolic"

    monkeypatch.setattr(public, "_symbolic", ())
    monkeypatch.setattr(public, "_handler", None)
    public.register_symbolic(Symbol, handler)
    symbol = Symbol()
    assert ops.concatenate([A, symbol], axis=1) == "symbolic"
    assert ops.sum(x=symbol) == "symbolic"
    assert calls[0][0] is ops.concatenate and calls[0][2] == {"axis": 1}
    assert isinstance(ops.exp(A), Tensor) and len(calls) == 2


def test_namespaces_hold_the_same_functions() -> None:
    for module in (ops.nn, ops.numpy):
        for name in module.__all__:
            assert getattr(module, name) is getattr(ops, name)
    assert set(ops.nn.__all__).isdisjoint(ops.numpy.__all__)


@pytest.mark.parametrize("package", ["__init__", "numpy"])
def test_stubs_list_the_families_that_are_gathered(package: str) -> None:
    path = Path(ops.__file__).with_name(f"{package}.pyi")
    stars = re.findall(r"^from pydl\.ops\.(\w+) import \*", path.read_text(), re.M)
    module = ops if package == "__init__" else ops.numpy
    assert tuple(stars) == module._FAMILIES
