"""Variables: one buffer, versions, views that keep what they saw."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from pydl.graph.trace import Trace, TraceTensor
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable


def test_the_buffer_is_aligned_and_never_moves() -> None:
    for size in (1, 3, 17, 1000):
        v = Variable(np.arange(size, dtype="float32"))
        address = v.buffer.ctypes.data
        assert address % 64 == 0
        v.assign(np.ones(size))
        assert v.buffer.ctypes.data == address and v.numpy().sum() == size


def test_versions_grow_with_every_write() -> None:
    v = Variable([1.0, 2.0])
    assert v.version == 0 and v.dtype == "float32"
    v.assign([3.0, 4.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub([0.5, 0.5])
    assert v.version == 3
    np.testing.assert_array_equal(v.numpy(), [3.5, 4.5])


def test_a_value_keeps_what_it_saw() -> None:
    v = Variable(np.zeros(4, "float32"))
    before = v.value
    array = before.numpy()
    again = v.value
    v.assign(np.ones(4))
    for seen in (before, again, array):
        np.testing.assert_array_equal(np.asarray(seen), 0)
    np.testing.assert_array_equal(v.value, 1)
    assert not array.flags.writeable


def test_initializers() -> None:
    def ones(shape: tuple[int, ...], dtype: str) -> np.ndarray:
        return np.ones(shape, dtype)

    assert Variable(ones, shape=(2, 3)).numpy().sum() == 6
    assert Variable(3).dtype == "int32" and Variable(3.0).dtype == "float32"
    assert Variable(np.float64(3)).dtype == "float64"
    assert Variable(True).dtype == "bool"
    assert Variable(np.ones(2), dtype="bfloat16").dtype == "bfloat16"
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    v = Variable(fortran)
    assert v.buffer.flags.c_contiguous
    np.testing.assert_array_equal(v.numpy(), fortran)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Variable(np.ones, name="w"), ["w", "shape"]),
        (lambda: Variable(lambda s, dtype: np.ones(3), shape=(2,)), ["(2,)", "(3,)"]),
        (lambda: Variable([1.0], shape=(2,)), ["(2,)", "(1,)"]),
        (lambda: Variable(["a"]), ["numbers"]),
        (lambda: Variable([1.0], dtype="float99"), ["float99"]),
        (lambda: Variable([1.0], aggregation="maybe"), ["aggregation", "maybe"]),
        (lambda: Variable([1.0], name="w").assign([1.0, 2.0]), ["w", "(1,)", "(2,)"]),
        (lambda: Variable([1.0], name="w").assign(["a"]), ["w", "numbers"]),
    ],
)
def test_errors_name_what_is_wrong(make, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((ValueError, TypeError)) as raised:
        make()
    for word in words:
        assert word in str(raised.value)


def test_under_a_trace() -> None:
    v = Variable([1.0, 2.0], name="v")
    with Trace("step") as trace:
        assert isinstance(v.value, TraceTensor)
        v.assign(np.array([5, 6]))
        read = v.value
        assert isinstance(read, TraceTensor)
        with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
            v.assign(trace.input("x", (3,), "float32"))
        made = Variable([7.0])  # is made outside the trace
    assert trace.graph.assigns[v] is read.value
    assert v.version == 0 and float(made) == 7.0
    np.testing.assert_array_equal(v.numpy(), [1, 2])


def test_assigning_another_dtype_casts() -> None:
    v = Variable([1.0])
    v.assign(np.array([3], "int64"))
    assert v.dtype == "float32" and float(v) == 3.0
    with Trace("cast") as trace:
        v.assign(trace.input("x", (1,), "int32"))
    assert trace.graph.assigns[v].dtype == "float32"


def test_copies_have_their_own_buffer() -> None:
    v = Variable([1.0, 2.0], name="v", trainable=False)
    v.path = "layer/v"
    held = v.value
    for other in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        other.assign([3.0, 4.0])
        assert (other.path, other.trainable) == ("layer/v", False)
        assert other.buffer.ctypes.data % 64 == 0
    np.testing.assert_array_equal(v.numpy(), [1, 2])
    np.testing.assert_array_equal(held, [1, 2])
    assert [float(x) for x in v] == [1.0, 2.0]


def test_tensors() -> None:
    tensor = Tensor(np.arange(6, dtype="float32").reshape(2, 3))
    assert tensor.shape == (2, 3) and tensor.dtype == "float32" and tensor.ndim == 2
    assert len(tensor) == 2 and [row.shape for row in tensor] == [(3,), (3,)]
    assert np.asarray(tensor, dtype="int32").dtype == np.int32
    copy = np.array(tensor)
    copy[0, 0] = 99
    assert tensor.numpy()[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        tensor.numpy()[0, 0] = 1
    np.testing.assert_array_equal(np.from_dlpack(tensor), tensor.numpy())
    assert tensor.astype("int32").dtype == "int32"
    scalar = Tensor(np.asarray(2.5, "float32"))
    assert (float(scalar), int(scalar), bool(scalar)) == (2.5, 2, True)
    assert f"{scalar:.2f}" == "2.50"
    assert repr(scalar) == "<Tensor shape=(), dtype=float32, value=2.5>"
    with pytest.raises(ValueError, match="one element|size 1|ambiguous"):
        bool(tensor)
