"""What holds for all shapes and dtypes: broadcasting, promotion, reductions, indexing.

NumPy is the reference for values and shapes, Keras's rules for dtypes. The examples are
the same in every run.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import ml_dtypes  # noqa: F401  (names bfloat16 to NumPy)
import numpy as np
import pytest

from graph_values import values
from pydl import backend, ops
from pydl.graph.trace import Trace

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra import numpy as hnp  # noqa: E402

BOUNDED = settings(
    max_examples=80,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
FLOATS = ("bfloat16", "float16", "float32", "float64")
DTYPES = ("bool", *INTEGERS, *FLOATS)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def filled(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Small whole numbers: every dtype holds them, and their sums and products."""
    rng = np.random.default_rng([seed, *shape])
    low = 0 if dtype.startswith(("u", "b")) and dtype != "bfloat16" else -3
    return rng.integers(low, 2 if dtype == "bool" else 4, shape).astype(dtype)


def run(fn: Any, *arrays: np.ndarray) -> tuple[np.ndarray, str]:
    """The value and dtype of an eager call; a traced one has the same."""
    eager = fn(*arrays)
    with Trace("case") as trace:
        inputs = [
            trace.input(f"x{i}", x.shape, x.dtype.name) for i, x in enumerate(arrays)
        ]
        traced = fn(*inputs)
    assert (traced.shape, traced.dtype) == (eager.shape, eager.dtype)
    feeds = {f"x{i}": np.array(x, order="C") for i, x in enumerate(arrays)}
    (computed,) = values(trace.graph, [traced], feeds)
    found = np.asarray(eager)
    np.testing.assert_array_equal(computed, found)
    return found, str(eager.dtype)


def joined(*dtypes: str) -> str:
    return str(backend.result_type(*dtypes))


# -- promotion -----------------------------------------------------------------


def lattice(a: str, b: str) -> str:
    """Keras's rules, written down by themselves: the smallest dtype above both, where
    floats stand above integers and bfloat16 and float16 meet in float32."""
    if a == b:
        return a
    for low, high in ((a, b), (b, a)):
        if low == "bool" or (low in INTEGERS and high in FLOATS):
            return high
    if a in FLOATS:
        halves = {a, b} == {"bfloat16", "float16"}
        return "float32" if halves else max(a, b, key=FLOATS.index)
    bits = {name: int(name.lstrip("uint")) for name in (a, b)}
    if a[0] == b[0]:
        return max(a, b, key=bits.__getitem__)
    unsigned, signed = (a, b) if a[0] == "u" else (b, a)
    if bits[signed] > bits[unsigned]:
        return signed
    return f"int{bits[unsigned] * 2}"


@pytest.mark.parametrize("a", DTYPES)
def test_promotion_of_pairs(a: str) -> None:
    for b in DTYPES:
        want = lattice(a, b)
        assert joined(a, b) == joined(b, a) == want
        out = ops.add(filled((2,), a), filled((2,), b))
        assert out.dtype == want, (a, b)


@given(st.lists(st.sampled_from(DTYPES), min_size=3, max_size=4))
@BOUNDED
def test_promotion_does_not_depend_on_the_order(dtypes: list[str]) -> None:
    found = {joined(*order) for order in itertools.permutations(dtypes)}
    assert len(found) == 1


@given(st.sampled_from(DTYPES), st.sampled_from([True, 2, 2.5]))
@BOUNDED
def test_python_numbers_are_weak(dtype: str, number: Any) -> None:
    """They change the kind of a dtype, never its size."""
    out = ops.multiply(filled((3,), dtype), number)
    kinds = {bool: 0, int: 1, float: 2}
    own = 0 if dtype == "bool" else 1 if dtype in INTEGERS else 2
    if own >= kinds[type(number)]:
        assert out.dtype == dtype
    else:
        assert out.dtype == ("int32" if isinstance(number, int) else "float32")


# -- broadcasting --------------------------------------------------------------

PAIRS = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply,
    "maximum": np.maximum, "minimum": np.minimum, "less": np.less, "equal": np.equal,
}  # fmt: skip
SHAPES_TOGETHER = hnp.mutually_broadcastable_shapes(
    num_shapes=2, max_dims=4, min_side=0, max_side=4
)


@given(SHAPES_TOGETHER, st.sampled_from(sorted(PAIRS)), st.sampled_from(DTYPES),
       st.sampled_from(DTYPES))  # fmt: skip
@BOUNDED
def test_broadcasting(shapes: Any, name: str, left: str, right: str) -> None:
    a, b = (
        filled(s, d) for s, d in zip(shapes.input_shapes, (left, right), strict=True)
    )
    if name == "subtract" and "bool" in (left, right):
        name = "add"
    found, dtype = run(getattr(ops, name), a, b)
    assert found.shape == shapes.result_shape
    common = joined(left, right)
    want = PAIRS[name](a.astype(common), b.astype(common))
    np.testing.assert_array_equal(found, want)
    assert dtype == ("bool" if name in ("less", "equal") else common)


@given(
    hnp.array_shapes(min_dims=1, max_dims=3), hnp.array_shapes(min_dims=1, max_dims=3)
)
@BOUNDED
def test_what_does_not_broadcast_is_refused(a: Any, b: Any) -> None:
    try:
        want = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ValueError, match="broadcast|shape"):
            ops.add(np.zeros(a), np.zeros(b))
        return
    assert ops.add(np.zeros(a), np.zeros(b)).shape == want


# -- reductions ----------------------------------------------------------------

REDUCTIONS = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min,
              "mean": np.mean, "any": np.any, "all": np.all,
              "count_nonzero": np.count_nonzero}  # fmt: skip


@st.composite
def reduced(draw: Any) -> tuple[np.ndarray, str, Any, bool]:
    name = draw(st.sampled_from(sorted(REDUCTIONS)))
    least = 1 if name in ("max", "min", "mean") else 0
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=least, max_side=3))
    dtype = draw(st.sampled_from(("bool", "int32", "int64", "uint8", "float32",
                                  "float64")))  # fmt: skip
    axes = draw(st.none() | hnp.valid_tuple_axes(len(shape), min_size=1))
    return filled(shape, dtype), name, axes, draw(st.booleans())


@given(reduced())
@BOUNDED
def test_reductions(case: tuple[np.ndarray, str, Any, bool]) -> None:
    x, name, axes, keepdims = case
    extra = {} if name == "count_nonzero" else {"keepdims": keepdims}
    found, _ = run(lambda t: getattr(ops, name)(t, axis=axes, **extra), x)
    want = REDUCTIONS[name](x, axis=axes, **extra)
    assert found.shape == np.shape(want)
    np.testing.assert_allclose(found, want, rtol=1e-6)


@given(st.sampled_from(DTYPES))
@BOUNDED
def test_dtypes_of_reductions(dtype: str) -> None:
    """Sums of small integers are int32 or uint32, means are floats."""
    x = filled((2, 3), dtype)
    small = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32",
             "uint16": "uint32"}  # fmt: skip
    assert ops.sum(x).dtype == small.get(dtype, dtype)
    assert ops.max(x).dtype == dtype
    assert ops.mean(x).dtype == (dtype if dtype in FLOATS else "float32")
    assert ops.argmax(x).dtype == "int32"


# -- indexing ------------------------------------------------------------------


@st.composite
def indexed(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    index = draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    return shape, index


@given(indexed())
@BOUNDED
def test_basic_indexing(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    x = np.arange(math.prod(shape), dtype="float32").reshape(shape)
    found, _ = run(lambda t: ops.convert_to_tensor(t)[index] + 0, x)
    np.testing.assert_array_equal(found, x[index])


@st.composite
def gathered(draw: Any) -> tuple[tuple[int, ...], int, np.ndarray]:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    size = shape[axis]
    indices = draw(hnp.arrays(
        "int32", hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=3),
        elements=st.integers(-size, size - 1),
    ))  # fmt: skip
    return shape, axis, indices


@given(gathered())
@BOUNDED
def test_rows_by_index(case: tuple[tuple[int, ...], int, np.ndarray]) -> None:
    shape, axis, indices = case
    x = np.arange(math.prod(shape), dtype="float32").reshape(shape)
    found, _ = run(lambda t: ops.take(t, indices, axis=axis), x)
    np.testing.assert_array_equal(found, np.take(x, indices, axis=axis))


# -- shapes --------------------------------------------------------------------


@given(SHAPES, st.data(), st.sampled_from(DTYPES))
@BOUNDED
def test_moved_and_reshaped(shape: tuple[int, ...], data: Any, dtype: str) -> None:
    x = filled(shape, dtype)
    order = data.draw(st.permutations(range(len(shape))))
    found, kept = run(lambda t: ops.transpose(t, list(order)), x)
    np.testing.assert_array_equal(found, x.transpose(order))
    flat, _ = run(lambda t: ops.reshape(t, (x.size,)), x)
    np.testing.assert_array_equal(flat, x.reshape(-1))
    assert kept == dtype


@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), st.data())
@BOUNDED
def test_concatenate_and_split_are_inverses(shape: tuple[int, ...], data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    size = shape[axis]
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=3)))
    x = filled(shape, "float32")
    parts = ops.split(x, cuts, axis=axis)
    for found, want in zip(parts, np.split(x, cuts, axis=axis), strict=True):
        np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(ops.concatenate(parts, axis=axis), x)


@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES), SHAPES)
@BOUNDED
def test_casts(before: str, after: str, shape: tuple[int, ...]) -> None:
    x = np.abs(filled(shape, before)) if before != "bool" else filled(shape, before)
    found, dtype = run(lambda t: ops.cast(t, after), x)
    np.testing.assert_array_equal(found, x.astype(after))
    assert dtype == after
