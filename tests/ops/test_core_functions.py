"""dtype, saturate_cast, unstack, slice, slice_update."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from differences import check_gradient
from pydl import ops

rng = np.random.default_rng(5)


def test_dtype():
    assert [ops.dtype(x) for x in (1.0, 1, True)] == ["float32", "int32", "bool"]
    assert ops.dtype(np.ones(2)) == "float64"
    assert ops.dtype(pydl.KerasTensor((2,), "int64")) == "int64"


@pytest.mark.parametrize(
    ("values", "kind", "target", "expected"),
    [
        ([300, -5, 7], "int32", "uint8", [255, 0, 7]),
        ([300, -300, 7], "int64", "int8", [127, -128, 7]),
        ([3e9, -3e9, 1.9], "float64", "int32", [2**31 - 1, -(2**31), 1]),
        ([200, 0, 7], "uint8", "int8", [127, 0, 7]),
        ([True, False], "bool", "int32", [1, 0]),
        ([1, 2], "uint8", "int64", [1, 2]),
    ],
)
def test_saturate_cast(values, kind, target, expected):
    found = ops.saturate_cast(np.array(values, kind), target)
    assert found.dtype == target and found.tolist() == expected


def test_saturate_cast_of_floats_keeps_them_finite():
    found = ops.saturate_cast(np.array([1e300, -1e300, 2.0]), "float32")
    limit = float(np.finfo("float32").max)
    assert found.tolist() == [limit, -limit, 2]


def test_unstack():
    x = rng.normal(size=(2, 3, 4))
    for axis in (0, 1, -1):
        parts = ops.unstack(x, axis=axis)
        np.testing.assert_array_equal(np.stack(parts, axis), x)
    assert ops.unstack(pydl.Input((3,)), num=2)[1].shape == (3,)
    with pytest.raises(ValueError, match="Cannot infer argument `num`"):
        ops.unstack(pydl.Input((3,)))
    with pytest.raises(ValueError, match="expected num=3"):
        ops.unstack(x, num=2, axis=1)


STARTS = [(0, 0), (1, 1), (1, 2), (5, 1), (-3, 0)]


@pytest.mark.parametrize("starts", STARTS)
def test_slice_update_early_and_late(starts):
    x, new = rng.normal(size=(3, 4)), rng.normal(size=(2, 2))
    row, column = min(max(starts[0], 0), 1), min(max(starts[1], 0), 2)
    expected = x.copy()
    expected[row : row + 2, column : column + 2] = new
    late = pydl.function(ops.slice_update)
    for found in (
        ops.slice_update(x, starts, new),
        ops.slice_update(x, np.array(starts), new),
        late(x, np.array(starts), new),
    ):
        np.testing.assert_array_equal(np.asarray(found), expected)


def test_gradients_of_slice_update():
    x, new = rng.normal(size=(3, 4)), rng.normal(size=(2, 2))

    def early(x, new):
        return ops.sum(ops.square(ops.slice_update(x, (0, 1), new)))

    check_gradient(pydl.grad(early, (0, 1)), early, [x, new])
    place = np.array([0, 1])

    def at(x, new, starts):
        return ops.sum(ops.square(ops.slice_update(x, starts, new)))

    late = pydl.function(pydl.grad(at, (0, 1)))
    check_gradient(lambda x, new: late(x, new, place), early, [x, new])


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8"])
def test_slice_update_of_other_dtypes(dtype):
    found = ops.slice_update(np.zeros(3, dtype), [1], np.ones(1, dtype))
    assert found.dtype == dtype and found.tolist() == [0, 1, 0]
    whole = ops.slice_update(np.zeros(3, dtype), [0], np.ones(3, dtype))
    assert whole.tolist() == [1, 1, 1]


def test_slice_at_a_place_known_late():
    x = rng.normal(size=(3, 4))
    late = pydl.function(lambda x, s: ops.slice(x, s, (2, -1)))
    for start in (0, 1):
        np.testing.assert_array_equal(
            np.asarray(late(x, np.array([start, 0]))), x[start : start + 2]
        )
    np.testing.assert_array_equal(np.asarray(late(x, np.array([9, 0]))), x[1:])
    with pytest.raises(ValueError, match="between 0 and the dimensions"):
        pydl.function(lambda x, s: ops.slice(x, s, (4, 1)))(x, np.array([0, 0]))


def test_box_mistakes():
    x = np.ones((3, 4))
    with pytest.raises(ValueError, match="fit into it"):
        ops.slice_update(x, (0, 0), np.ones((4, 1)))
    with pytest.raises(ValueError, match="one start index per axis"):
        ops.slice_update(x, (0,), np.ones((1, 1)))
