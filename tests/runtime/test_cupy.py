"""Tensors as CuPy arrays, with a stand-in that has CuPy's documented interface.

Its arrays lie in the emulation's device memory, or on a GPU; CuPy itself is not needed.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core, kernels, ops
from pydl.runtime import gpu
from pydl.runtime.cupy_pool import share_pool

FOUND = _core.devices()
pytestmark = pytest.mark.skipif(
    not FOUND["count"], reason=f"no device: {FOUND['missing']}"
)


class FakeArray:
    """What pydl uses of `cupy.ndarray`."""

    def __init__(self, memory: Any) -> None:
        self.memory = memory
        self.shape = tuple(memory.shape)
        self.dtype = np.dtype(memory.dtype)
        self.flags = SimpleNamespace(c_contiguous=True)
        self.device = SimpleNamespace(id=int(memory.device.partition(":")[2]))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return dict(self.memory.__cuda_array_interface__)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device.id

    def reshape(self, shape: tuple[int, ...]) -> FakeArray:
        return FakeArray(self.memory.reshape(shape))

    def __array__(self, *arguments: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


class FakeDevice:
    """`cupy.cuda.Device`: makes a device the current one."""

    current = 0

    def __init__(self, index: int) -> None:
        self.index = index

    def __enter__(self) -> FakeDevice:
        self.outer, FakeDevice.current = FakeDevice.current, self.index
        return self

    def __exit__(self, *error: object) -> None:
        FakeDevice.current = self.outer


class FakePool:
    freed = 0

    def malloc(self, nbytes: int) -> None:
        raise AssertionError("CuPy's own pool")

    def free_all_blocks(self) -> None:
        FakePool.freed += 1


def empty(shape: tuple[int, ...], dtype: str) -> FakeArray:
    return FakeArray(_core.DeviceArray(f"cuda:{FakeDevice.current}", dtype, shape))


def asarray(x: Any) -> FakeArray:
    return x if isinstance(x, FakeArray) else FakeArray(x)


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    module = SimpleNamespace(
        ndarray=FakeArray,
        asarray=asarray,
        ascontiguousarray=asarray,
        empty=empty,
        cuda=SimpleNamespace(Device=FakeDevice),
        get_default_memory_pool=FakePool,
    )
    monkeypatch.setattr(gpu, "_found", [module])
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_tensors_are_cupy_arrays(cupy: Any) -> None:
    with pydl.device("cuda"):
        x = ops.convert_to_tensor(np.arange(4, dtype="float32"))
    y = ops.reshape(x * 2.0 + 1.0, (2, 2))
    assert isinstance(x.array, FakeArray) and isinstance(y.array, FakeArray)
    assert isinstance(y.cupy(), FakeArray)
    assert y.shape == (2, 2) and y.dtype == "float32" and y.device == "cuda:0"
    assert y.tolist() == [[1.0, 3.0], [5.0, 7.0]]
    assert float(ops.sum(y)) == 16.0


def test_variables_lend_their_memory(cupy: Any) -> None:
    variable = pydl.Variable(np.ones(3, "float32"))
    with pydl.device("cuda"):
        kept = variable.value
        assert isinstance(kept.array, FakeArray)
        variable.assign(variable + 1.0)
        assert kept.tolist() == [1.0] * 3
    assert variable.numpy().tolist() == [2.0] * 3


def test_cupy_arrays_are_taken_and_given(cupy: Any) -> None:
    a = asarray(gpu_array(np.ones((4, 3), "float32")))
    got = kernels.gemm(a, np.ones((3, 2), "float32"))
    assert isinstance(got, FakeArray)
    assert gpu.to_host(got).tolist() == [[3.0, 3.0]] * 4
    x = ops.convert_to_tensor(a)
    assert x.device == "cuda:0" and float(ops.sum(x)) == 12.0


def test_fit_takes_cupy_arrays(cupy: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 8)).astype("float32"), rng.integers(0, 3, 64)
    results = []
    for arrays in ((x, y), (asarray(gpu_array(x)), asarray(gpu_array(y)))):
        pydl.utils.set_random_seed(5)
        model = pydl.Sequential([pydl.Input((8,)), pydl.layers.Dense(3)])
        loss = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        with pydl.device("cuda"):
            model.fit(*arrays, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_room_takes_back_what_cupy_holds(cupy: Any) -> None:
    calls = []

    def crowded() -> str:
        calls.append(FakePool.freed)
        if len(calls) == 1:
            raise MemoryError("cuda:0: out of memory")
        return "done"

    before = FakePool.freed
    assert gpu.with_room(crowded) == "done"
    assert calls == [before, before + 1]
    with pytest.raises(MemoryError, match="still"):
        gpu.with_room(lambda: (_ for _ in ()).throw(MemoryError("still")))


POOL = FakePool()


class FakeAllocators:
    """The part of `cupy.cuda` that deals with memory."""

    def __init__(self) -> None:
        self.chosen = POOL.malloc
        #: In the emulation every stream is as good as pydl's own.
        self.ptr = _core.device_info("cuda:0")["stream"]

    def get_allocator(self) -> Any:
        return self.chosen

    def set_allocator(self, allocator: Any) -> None:
        self.chosen = allocator

    def get_current_stream(self) -> FakeAllocators:
        return self

    def PythonFunctionAllocator(self, allocate: Any, free: Any) -> Any:  # noqa: N802
        self.free = free
        return SimpleNamespace(malloc=lambda nbytes: allocate(nbytes, 0))


def test_cupy_allocates_from_the_pool() -> None:
    memory = FakeAllocators()
    share_pool(SimpleNamespace(cuda=memory, get_default_memory_pool=lambda: POOL))
    before = _core.device_info("cuda:0")["in_use_bytes"]
    address = memory.chosen(1 << 20)
    assert _core.device_info("cuda:0")["in_use_bytes"] >= before + (1 << 20)
    other = memory.chosen(0)
    assert address and other and address != other
    memory.free(address, 0)
    memory.free(other, 0)
    assert _core.device_info("cuda:0")["in_use_bytes"] == before
    with pytest.raises(MemoryError, match="cuda:0"):
        memory.chosen(1 << 45)
    with pytest.raises(KeyError):
        memory.free(address, 0)


@pytest.mark.parametrize("why", ["another allocator", "PYDL_CUPY_POOL"])
def test_cupys_pool_stays_where_a_user_wants_it(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = FakeAllocators()
    if why == "another allocator":
        memory.chosen = len
    else:
        monkeypatch.setenv(why, "0")
    chosen = memory.chosen
    share_pool(SimpleNamespace(cuda=memory, get_default_memory_pool=lambda: POOL))
    assert memory.chosen is chosen


def gpu_array(array: np.ndarray) -> Any:
    made = _core.DeviceArray("cuda:0", array.dtype.name, array.shape)
    made.upload(array)
    return made
