"""Moving, indexing, sorting and counting against NumPy, eager and traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
import pydl.ops as ops
from graph_values import values
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace, TraceTensor

rng = np.random.default_rng(5)
A = rng.normal(size=(3, 4)).astype(np.float32)
CUBE = rng.normal(size=(2, 3, 4)).astype(np.float32)
ROW = rng.normal(size=7).astype(np.float32)
INTS = rng.integers(0, 5, (4, 6)).astype(np.int32)
BOOLS = np.array([[True, False, True], [False, False, True]])
HOLED = np.array([[1.0, np.nan, 2.0], [5.0, 4.0, 3.0]], np.float32)

Function = Callable[[Any, Any], Any]  # of ops or np, and an array


def segment(ufunc: Any, start: float) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        out = np.full((6, *x.shape[1:]), start, x.dtype)
        ufunc.at(out, [0, 2, 2, 4], x)
        return out

    return call


IDS = np.array([0, 2, 2, 4])

#: The same call in both; what has no counterpart in NumPy is below.
BOTH: list[tuple[Function, Any]] = [
    (lambda m, x: m.flip(x), CUBE),
    (lambda m, x: m.flip(x, 1), CUBE),
    (lambda m, x: m.flip(x, (0, 2)), CUBE),
    (lambda m, x: m.fliplr(x), A),
    (lambda m, x: m.flipud(x), A),
    (lambda m, x: m.roll(x, 5), A),
    (lambda m, x: m.roll(x, -1, 1), A),
    (lambda m, x: m.roll(x, (1, 2), (0, 1)), A),
    *((lambda m, x, k=k: m.rot90(x, k), A) for k in (-1, 0, 1, 2, 3)),
    (lambda m, x: m.rot90(x, 1, (2, 1)), CUBE),
    (lambda m, x: m.tile(x, 3), A),
    (lambda m, x: m.tile(x, (2, 1, 3)), A),
    (lambda m, x: m.tile(x, (2, 0)), A),
    (lambda m, x: m.repeat(x, 2), A),
    (lambda m, x: m.repeat(x, 3, 1), A),
    (lambda m, x: m.repeat(x, [1, 0, 2], 0), A),
    (lambda m, x: m.take_along_axis(x, np.array([[1], [-1], [0]]), 1), A),
    (lambda m, x: m.take_along_axis(x, np.array([[2, 0, 0, 1]]), 0), A),
    (lambda m, x: m.take_along_axis(x, np.array([5, -2]), None), A),
    *((lambda m, x, a=a: m.cumsum(x, a), CUBE) for a in (None, 0, 1, -1)),
    *((lambda m, x, a=a: m.cumprod(x, a), CUBE) for a in (None, 0, 1, -1)),
    (lambda m, x: m.cumsum(x, 1), INTS),
    *((lambda m, x, n=n: m.diff(x, n), A) for n in (0, 1, 2, 3, 4, 5)),
    (lambda m, x: m.diff(x, axis=0), INTS),
    (lambda m, x: m.diff(x), BOOLS),
    *((lambda m, x, a=a: m.sort(x, a), CUBE) for a in (None, 0, 1, -1)),
    (lambda m, x: m.sort(x), HOLED),
    (lambda m, x: m.sort(x), BOOLS),
    (lambda m, x: m.sort(x, 0), INTS),
    *((lambda m, x, a=a: m.median(x, a), CUBE) for a in (None, 0, 1, (0, 2))),
    (lambda m, x: m.median(x, 1, keepdims=True), INTS),
    (lambda m, x: m.median(x, 1), HOLED),
    *(
        (lambda m, x, how=how: m.quantile(x, [0.1, 0.5, 1.0], 1, method=how), CUBE)
        for how in ("linear", "lower", "higher", "midpoint", "nearest")
    ),
    (lambda m, x: m.quantile(x, 0.3, (0, 1), keepdims=True), CUBE),
    (lambda m, x: m.percentile(x, [[10, 50], [90, 100]], 0), A),
    (lambda m, x: m.searchsorted(np.sort(ROW), x), A),
    (lambda m, x: m.searchsorted(np.array([0, 1, 1, 4], np.int32), x, "right"), INTS),
    (lambda m, x: m.digitize(x, np.array([-1.0, 0.0, 0.5], np.float32)), A),
    *((lambda m, x, k=k: m.tril(x, k), CUBE) for k in (-2, 0, 1, 9)),
    *((lambda m, x, k=k: m.triu(x, k), CUBE) for k in (-2, 0, 1, 9)),
    *((lambda m, x, k=k: m.diag(x, k), ROW) for k in (-2, 0, 3)),
    *((lambda m, x, k=k: m.diag(x, k), A) for k in (-2, 0, 3, 4)),
    (lambda m, x: m.diagflat(x, 1), A),
    *((lambda m, x, k=k: m.diagonal(x, k, 2, 1), CUBE) for k in (-3, -1, 0, 2, 5)),
    (lambda m, x: m.trace(x, 1), A),
    (lambda m, x: m.trace(x, 0, 1, 2), CUBE),
    (lambda m, x: m.meshgrid(x, np.arange(3, dtype=np.int32))[0], ROW),
    (lambda m, x: m.meshgrid(np.arange(3, dtype=np.int32), x, indexing="ij")[1], ROW),
    (lambda m, x: m.isin(x, np.array([1, 3, 9], np.int32)), INTS),
    (lambda m, x: m.isin(x, np.array([1, 3], np.int32), invert=True), INTS),
]

#: Keys of CUBE, (2, 3, 4).
KEYS: list[Any] = [
    np.s_[1],
    np.s_[..., -1],
    np.s_[::-1],
    np.s_[:, ::-2, 3:0:-1],
    np.s_[:, 5:1:-1],
    np.s_[:, 0:2:-1],
    np.s_[-1, None, ::-1, 1],
    [1, 0, -1],
    np.array([[0, 1], [1, 1]]),
    np.s_[:, [2, 0]],
    np.s_[..., np.array([3, -1, 0])],
    np.s_[[0, 1], [2, -1]],
    np.s_[[0, 1], :, [2, -1]],
    np.s_[0, :, [2, -1]],
    np.s_[:, [0, 1], [2, -1]],
    np.s_[:, 1, [2, -1, 3]],
    np.s_[None, :, np.array([[0], [1]]), [2, -1]],
    np.s_[::-1, [[0], [1]], [2, -1]],
    np.s_[[1], [2], [3]],
    np.s_[[0, 1], None, 1],
]


def same(found: Any, expected: Any, rtol: float = 1e-5) -> None:
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-6)


def traced(function: Callable[[Any], Any], x: np.ndarray) -> Any:
    with Trace("case") as trace:
        result = function(trace.input("x", x.shape, x.dtype.name))
    return values(trace.graph, [result], {"x": x})[0]


@pytest.mark.parametrize("number", range(len(BOTH)))
def test_as_numpy(number: int) -> None:
    function, x = BOTH[number]
    expected = np.asarray(function(np, x))
    same(function(ops, x).numpy(), expected)
    same(traced(lambda t: function(ops, t), x), expected)


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_keys(key: Any) -> None:
    expected = CUBE[key]
    same(ops.get_item(CUBE, key).numpy(), expected)
    same(ops.convert_to_tensor(CUBE)[key].numpy(), expected)
    same(traced(lambda x: x[key], CUBE), expected)


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_gradients_of_keys(key: Any) -> None:
    with Trace("case") as trace:
        x = trace.input("x", CUBE.shape, "float32")
        picked = x[key]
        weight = rng.normal(size=picked.shape).astype(np.float32)
        (grad,) = gradients([ops.sum(picked * weight)], [x])
    assert grad is not None
    expected = np.zeros_like(CUBE)
    np.add.at(expected, key, weight)
    same(values(trace.graph, [grad], {"x": CUBE})[0], expected)


def test_tensors_as_keys() -> None:
    rows = ops.convert_to_tensor(np.array([1, -1], np.int32))
    same(ops.convert_to_tensor(CUBE)[rows].numpy(), CUBE[[1, -1]])
    same(ops.convert_to_tensor(CUBE)[:, rows, 0].numpy(), CUBE[:, [1, -1], 0])
    scalar = ops.convert_to_tensor(np.array(2, np.int32))
    same(ops.convert_to_tensor(CUBE)[0, scalar].numpy(), CUBE[0, 2])


def test_masks() -> None:
    tensor = ops.convert_to_tensor(CUBE)
    same(tensor[CUBE > 0].numpy(), CUBE[CUBE > 0])
    same(tensor[tensor > 0].numpy(), CUBE[CUBE > 0])
    same(tensor[:, np.array([True, False, True])].numpy(), CUBE[:, [0, 2]])
    with Trace("case") as trace:
        x = trace.input("x", (3,), "float32")
        with pytest.raises(TypeError, match="get_item with a mask: needs values"):
            x[x > 0]


def test_wrong_keys() -> None:
    tensor = ops.convert_to_tensor(CUBE)
    with pytest.raises(IndexError, match="index 2 is out of range on axis 0"):
        tensor[2]
    with pytest.raises(ValueError, match="indices between -2 and 1"):
        tensor[[2]]
    with pytest.raises(ValueError, match=r"get_item: expected indices into axes"):
        tensor[[0], [3]]
    with pytest.raises(ValueError, match="a step of 0"):
        tensor[::0]
    with pytest.raises(TypeError, match="expected integers, slices"):
        tensor["a"]
    with pytest.raises(TypeError, match="expected integer indices"):
        tensor[[0.5]]


def test_top_k() -> None:
    x = np.array([[1.0, 3.0, 3.0, np.nan, 2.0], [5.0, 5.0, 0.0, -1.0, 5.0]], np.float32)
    found, order = ops.top_k(x, 3)
    same(order.numpy(), np.array([[3, 1, 2], [0, 1, 4]], np.int32))
    same(found.numpy(), np.array([[np.nan, 3, 3], [5, 5, 5]], np.float32))
    hits = ops.in_top_k(np.array([0, 2]), x[:, [0, 1, 2, 4]], 2)
    assert hits.numpy().tolist() == [False, False]
    hits = ops.in_top_k(np.array([2, 3]), x[:, [0, 1, 2, 4]], 2)
    assert hits.numpy().tolist() == [True, True]
    with pytest.raises(ValueError, match="attribute 'k' must be between 0"):
        ops.top_k(x, 6)


def test_argsort_is_stable() -> None:
    order = ops.argsort(INTS, 1).numpy()
    assert order.dtype == np.int32
    np.testing.assert_array_equal(order, np.argsort(INTS, 1, kind="stable"))
    part = ops.argpartition(A, 2, axis=1).numpy()
    chosen = np.take_along_axis(A, part, 1)
    assert (chosen[:, :2].max(1) <= chosen[:, 2]).all()
    assert (chosen[:, 3] >= chosen[:, 2]).all()


def test_scatter() -> None:
    indices = np.array([[0, 1], [2, 3], [0, 1], [-1, 0]])
    new = np.array([1.0, 2.0, 4.0, 8.0], np.float32)
    expected = np.zeros((3, 4), np.float32)
    np.add.at(expected, tuple(indices.T), new)
    same(ops.scatter(indices, new, (3, 4)).numpy(), expected)
    updated = A.copy()
    for place, value in zip(indices, new, strict=True):
        updated[tuple(place)] = value
    same(ops.scatter_update(A, indices, new).numpy(), updated)
    same(traced(lambda x: ops.scatter_update(x, indices, new), A), updated)
    for reduction, ufunc in (
        ("add", np.add), ("max", np.maximum), ("min", np.minimum), ("mul", np.multiply)
    ):  # fmt: skip
        joined = A.copy()
        ufunc.at(joined, tuple(indices.T), new)
        same(ops.scatter_update(A, indices, new, reduction).numpy(), joined)
    with pytest.raises(ValueError, match=r"expected indices into axes of sizes \(3,\)"):
        ops.scatter(np.array([[3]]), np.ones((1, 4), np.float32), (3, 4))
    with pytest.raises(ValueError, match="expected reduction None, 'add'"):
        ops.scatter_update(A, indices, new, "sub")


def test_boxes() -> None:
    start = ops.convert_to_tensor(np.array([1, 7]))
    same(ops.slice(A, start, (2, 3)).numpy(), A[1:3, 1:4])
    expected = A.copy()
    expected[1:3, 1:3] = 1.0
    ones = np.ones((2, 2), np.float32)
    same(ops.slice_update(A, [1, 1], ones).numpy(), expected)
    place = ops.convert_to_tensor(1)
    same(ops.slice_update(A, [place, 1], ones).numpy(), expected)
    with pytest.raises(ValueError, match="one start index per axis"):
        ops.slice_update(A, [1], ones)


def test_segments() -> None:
    data = rng.normal(size=(4, 3)).astype(np.float32)
    for name, ufunc, start in (
        ("sum", np.add, 0.0), ("max", np.maximum, -np.inf), ("min", np.minimum, np.inf),
        ("prod", np.multiply, 1.0),
    ):  # fmt: skip
        function = getattr(ops, f"segment_{name}")
        same(function(data, IDS, 6).numpy(), segment(ufunc, start)(data))
        same(function(data, IDS).numpy(), segment(ufunc, start)(data)[:5])
        same(
            traced(lambda x, f=function: f(x, IDS, 6), data),
            segment(ufunc, start)(data),
        )
    same(ops.segment_sum(INTS, IDS, 6).numpy(), segment(np.add, 0)(INTS))
    with Trace("case") as trace:
        x = trace.input("x", (4, 3), "float32")
        ids = trace.input("ids", (4,), "int32")
        with pytest.raises(TypeError, match="segment_max without num_segments: needs"):
            ops.segment_max(x, ids)


def test_counts() -> None:
    x = np.array([3, 0, 3, 1], np.int32)
    assert ops.bincount(x, minlength=6).numpy().tolist() == [1, 1, 0, 2, 0, 0]
    weights = np.array([0.5, 1.0, 2.0, 4.0], np.float32)
    assert ops.bincount(x, weights).numpy().tolist() == [1.0, 4.0, 0.0, 2.5]
    rows = ops.bincount(np.array([[0, 1], [1, 1]])).numpy()
    assert rows.tolist() == [[1, 1], [0, 2]]
    for limits in (None, (-1.0, 0.5)):
        found, edges = ops.histogram(A, 5, limits)
        counts, expected = np.histogram(A, 5, limits)
        assert found.numpy().tolist() == counts.tolist()
        same(edges.numpy(), expected)
    with Trace("case") as trace:
        scores = trace.input("x", (3,), "float32")
        ops.histogram(scores, 4, (0.0, 1.0))
        with pytest.raises(TypeError, match="histogram without range: needs values"):
            ops.histogram(scores, 4)


def test_what_needs_values() -> None:
    for found, expected in zip(ops.nonzero(BOOLS), np.nonzero(BOOLS), strict=True):
        assert found.numpy().tolist() == expected.tolist()
    values_, inverse, counts = ops.unique(INTS, return_inverse=True, return_counts=True)
    expected = np.unique(INTS, return_inverse=True, return_counts=True)
    assert values_.numpy().tolist() == expected[0].tolist()
    np.testing.assert_array_equal(inverse.numpy(), expected[1].reshape(INTS.shape))
    assert counts.numpy().tolist() == expected[2].tolist()
    sized = ops.unique(np.array([3, 1, 3]), size=4, fill_value=9)
    assert sized.numpy().tolist() == [1, 3, 9, 9]
    with Trace("case") as trace:
        x = trace.input("x", (3,), "float32")
        assert isinstance(x, TraceTensor)
        for function in (ops.nonzero, ops.unique):
            with pytest.raises(TypeError, match="needs values"):
                function(x)


def test_gradient_of_cumprod_with_zeros() -> None:
    x = np.array([[2.0, 0.0, 3.0, 0.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0]])
    weight = rng.normal(size=x.shape)
    with Trace("case") as trace:
        t = trace.input("x", x.shape, "float64")
        (grad,) = gradients([ops.sum(ops.cumprod(t, 1) * weight)], [t])
    assert grad is not None
    found = values(trace.graph, [grad], {"x": x})[0]
    expected = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[place] += step
            ends.append(np.sum(np.cumprod(moved, 1) * weight))
        expected[place] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


#: Of a symbolic tensor (None, 3, 4): the shape of the result.
SYMBOLIC: list[tuple[Callable[[Any], Any], tuple[int | None, ...]]] = [
    (lambda x: x[:, ::-1, 1:], (None, 3, 3)),
    (lambda x: x[::-1], (None, 3, 4)),
    (lambda x: x[:, [0, 2]], (None, 2, 4)),
    (lambda x: x[:, [0, 2], [1, -1]], (None, 2)),
    (lambda x: ops.flip(x), (None, 3, 4)),
    (lambda x: ops.roll(x, 1, 2), (None, 3, 4)),
    (lambda x: ops.tile(x, (1, 2, 3)), (None, 6, 12)),
    (lambda x: ops.tile(x, (2, 1, 1)), (None, 3, 4)),
    (lambda x: ops.repeat(x, 2, 1), (None, 6, 4)),
    (lambda x: ops.repeat(x, 2, 0), (None, 3, 4)),
    (lambda x: ops.take_along_axis(x, ops.argsort(x, 1), 1), (None, 3, 4)),
    (lambda x: ops.sort(x, 1), (None, 3, 4)),
    (lambda x: ops.top_k(x, 2)[1], (None, 3, 2)),
    (lambda x: ops.cumsum(x, 1), (None, 3, 4)),
    (lambda x: ops.diff(x, 2, axis=2), (None, 3, 2)),
    (lambda x: ops.median(x, 1), (None, 4)),
    (lambda x: ops.quantile(x, [0.1, 0.9], (1, 2)), (2, None)),
    (lambda x: ops.tril(x), (None, 3, 4)),
    (lambda x: ops.diagonal(x, 1, 1, 2), (None, 3)),
    (lambda x: ops.searchsorted(np.arange(3.0, dtype=np.float32), x), (None, 3, 4)),
]


@pytest.mark.parametrize("number", range(len(SYMBOLIC)))
def test_symbolic(number: int) -> None:
    function, shape = SYMBOLIC[number]
    x = pydl.Input((3, 4))
    y = function(x)
    assert y.shape == shape
    data = rng.normal(size=(5, 3, 4)).astype(np.float32)
    found = np.asarray(pydl.Model(x, y)(data))
    expected = function(ops.convert_to_tensor(data)).numpy()
    np.testing.assert_array_equal(found, expected)
