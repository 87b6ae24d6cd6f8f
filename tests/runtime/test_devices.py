"""Choosing a device, and what values do there: names, errors, tensors, variables.

Over the emulation (conftest.py chooses it), or on a GPU.
"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core, config, kernels, ops, placement
from pydl.runtime import gpu

FOUND = _core.devices()
on_device = pytest.mark.skipif(
    not FOUND["count"], reason=f"no device: {FOUND['missing']}"
)
second = pytest.mark.skipif(FOUND["count"] < 2, reason="needs two devices")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    chosen, precision = config.device(), config.float32_matmul_precision()
    config.set_device("cpu")
    yield
    config.set_device(chosen)
    config.set_float32_matmul_precision(precision)


class Foreign:
    """An array of another library on a GPU: all it offers is the interface."""

    def __init__(self, array: np.ndarray, stream: int | None = None) -> None:
        self.memory = _core.DeviceArray("cuda:0", array.dtype.name, array.shape)
        self.memory.upload(array)
        self.stream = stream

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self.memory.__cuda_array_interface__, "stream": self.stream}

    def numpy(self) -> np.ndarray:
        host = np.empty(self.memory.shape, self.memory.dtype)
        self.memory.download(host)
        return host


def transfers() -> dict[str, int]:
    known = _core.device_info("cuda:0")
    return {key: known[key] for key in ("uploads", "downloads")}


# -- names ----------------------------------------------------------------------------


def test_the_cpu_has_several_names() -> None:
    for name in ("cpu", "CPU", "cpu:0", "/CPU:0"):
        with pydl.device(name):
            assert config.device() == "cpu"


@on_device
def test_names_of_devices() -> None:
    for name in ("cuda", "cuda:0", "gpu", "GPU:0", "/device:GPU:0"):
        with pydl.device(name):
            assert config.device() == "cuda:0"


@pytest.mark.parametrize("name", ["", "tpu", "cuda:", "cuda:-1", "cuda:x", 3, None])
def test_unknown_names(name: Any) -> None:
    with pytest.raises(ValueError, match="expected 'cpu', 'cuda' or 'cuda:<number>'"):
        config.set_device(name)


@on_device
def test_an_index_out_of_range_names_what_exists() -> None:
    with pytest.raises(ValueError, match="no 'cuda:99', there are cpu, cuda:"):
        pydl.device("cuda:99")
    with pytest.raises(ValueError, match="there is one CPU"):
        pydl.device("cpu:1")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_why_there_is_no_device() -> None:
    done = run("import pydl; pydl.device('cuda')", PYDL_CUDA="off")
    said = "'cuda' cannot be used: PYDL_CUDA=off: GPUs are not used"
    assert said in done.stderr.splitlines()[-1]
    library = run(
        "import pydl; pydl.config.set_device('cuda')",
        PYDL_CUDA="on", PYDL_CUDA_LIBRARY="/nowhere/lib.so",
    )  # fmt: skip
    assert "/nowhere/lib.so" in library.stderr.splitlines()[-1]


def test_the_environment_chooses() -> None:
    code = "import pydl; print(pydl.config.device())"
    assert run(code, PYDL_DEVICE="cpu").stdout.strip() == "cpu"
    wrong = run(code, PYDL_DEVICE="abacus")
    assert "PYDL_DEVICE=abacus: device: expected" in wrong.stderr
    if FOUND["count"]:
        assert run(code, PYDL_DEVICE="gpu").stdout.strip() == "cuda:0"


@on_device
def test_blocks_nest_and_belong_to_their_thread() -> None:
    seen = []
    with pydl.device("cuda"):
        with pydl.device("cpu"):
            assert config.device() == "cpu"
        assert config.device() == "cuda:0"
        other = threading.Thread(target=lambda: seen.append(config.device()))
        other.start()
        other.join()
    assert seen == ["cpu"] and config.device() == "cpu"


def test_devices_lists_the_cpu_and_gpus() -> None:
    found = pydl.devices()
    assert [d.name for d in found] == [
        "cpu", *(f"cuda:{i}" for i in range(FOUND["count"]))
    ]  # fmt: skip
    assert all(0 < d.free_bytes <= d.memory_bytes for d in found)
    assert "GiB free" in repr(found[0])


def test_precisions() -> None:
    config.set_float32_matmul_precision("high")
    assert placement.machine()[1] == "tensorfloat32"
    with pytest.raises(ValueError, match=r"expected one of \('exact', 'highest'"):
        config.set_float32_matmul_precision("tf32")


# -- tensors --------------------------------------------------------------------------


@on_device
def test_ops_run_where_their_operands_are() -> None:
    host = np.arange(6, dtype="float32").reshape(2, 3)
    with pydl.device("cuda"):
        x = ops.convert_to_tensor(host)
        assert x.device == "cuda:0"
        assert ops.add([1.0], [2.0]).device == "cuda:0"
    y = ops.matmul(x * 2.0, host.T) + 1.0  # outside the block: the operands decide
    assert y.device == "cuda:0" and y.shape == (2, 2) and y.dtype == "float32"
    np.testing.assert_allclose(y.numpy(), (host * 2) @ host.T + 1, rtol=1e-6)
    assert (x + 1.0).device == "cuda:0" and ops.add([1.0], [2.0]).device == "cpu"


@on_device
def test_a_tensor_on_a_device_is_read_like_any_other() -> None:
    with pydl.device("cuda"):
        x = ops.convert_to_tensor(np.array([[3.0, 4.0]], "float32"))
    assert x.tolist() == [[3.0, 4.0]] and len(x) == 1 and x.size == 2
    assert float(x[0, 1]) == 4.0 and int(x[0, 0]) == 3 and bool(x[0, 0] > 2.0)
    assert [row.tolist() for row in x] == [[3.0, 4.0]]
    assert f"{x[0, 0]:.1f}" == "3.0" and "device=cuda:0" in repr(x)
    assert x.astype("int32").dtype == "int32"
    assert ops.reshape(x, (2,)).device == "cuda:0"
    assert not x.numpy().flags.writeable
    np.testing.assert_array_equal(np.asarray(x), [[3.0, 4.0]])
    assert not hasattr(ops.convert_to_tensor([1.0]), "__cuda_array_interface__")
    assert x.__cuda_array_interface__["shape"] == (1, 2)
    assert x.__dlpack_device__() == (2, 0)


@on_device
def test_copies_and_pickles_are_on_the_host() -> None:
    with pydl.device("cuda"):
        x = ops.convert_to_tensor([1.0, 2.0])
    x.note = "kept"
    for made in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert made.device == "cpu" and made.tolist() == [1.0, 2.0]
        assert made.note == "kept"


@on_device
def test_an_eager_result_has_the_bits_of_the_same_kernel() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(17, 33)).astype("float32")
    b = rng.normal(size=(33, 9)).astype("float32")
    with pydl.device("cuda"):
        got = ops.matmul(a, b)
    again = gpu.run_op("matmul", [gpu.upload(a, "cuda:0"), b], {})[0]
    assert got.numpy().tobytes() == gpu.to_host(again).tobytes()
    np.testing.assert_allclose(got.numpy(), a @ b, rtol=1e-4, atol=1e-5)


@on_device
def test_random_tensors_are_the_same_everywhere() -> None:
    here = pydl.random.uniform((100,), seed=3)
    with pydl.device("cuda"):
        there = pydl.random.uniform((100,), seed=3)
    assert there.device == "cuda:0"
    np.testing.assert_array_equal(here.numpy(), there.numpy())


@on_device
@second
def test_two_devices_do_not_mix() -> None:
    with pydl.device("cuda:1"):
        x = ops.convert_to_tensor([1.0])
    with pydl.device("cuda:0"):
        y = ops.convert_to_tensor([1.0])
    assert x.device == "cuda:1"
    with pytest.raises(ValueError, match="one on cuda:1 and one on cuda:0"):
        ops.add(x, y)


@on_device
def test_without_cupy_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pydl.device("cuda"):
        x = ops.convert_to_tensor([1.0])
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match="pip install cupy-cuda13x"):
        x.cupy()


def test_a_host_tensor_is_no_cupy_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "require_cupy", lambda: np)
    with pytest.raises(ValueError, match="the tensor is on the CPU"):
        ops.convert_to_tensor([1.0]).cupy()


# -- variables ------------------------------------------------------------------------


@on_device
def test_a_variable_has_one_value() -> None:
    variable = pydl.Variable(np.array([1.0, 2.0], "float32"))
    with pydl.device("cuda"):
        assert variable.value.device == "cuda:0"
        kept = variable.value
        variable.assign([5.0, 6.0])
        assert kept.tolist() == [1.0, 2.0]
        assert (variable + 1.0).tolist() == [6.0, 7.0]
        variable.assign_add([1.0, 1.0])
    assert variable.value.device == "cpu"
    assert variable.numpy().tolist() == [6.0, 7.0]
    assert variable.buffer.tolist() == [6.0, 7.0]
    assert "[6. 7.]" in repr(variable)


@on_device
def test_what_a_program_wrote_is_seen_everywhere() -> None:
    variable = pydl.Variable(np.zeros(3, "float32"))
    program = counting(variable)
    assert program.device == "cuda:0"
    program.run({})
    kept = variable.value
    before = transfers()
    program.run({})
    program.run({})
    assert transfers() == before  # the value stays on the device
    assert kept.tolist() == [1.0] * 3
    assert variable.numpy().tolist() == [3.0] * 3
    assert variable.numpy().tolist() == [3.0] * 3
    assert transfers()["downloads"] == before["downloads"] + 1
    variable.assign(np.full(3, 10.0))
    program.run({})
    assert copy.deepcopy(variable).numpy().tolist() == [11.0] * 3
    assert pickle.loads(pickle.dumps(variable)).numpy().tolist() == [11.0] * 3


def counting(variable: pydl.Variable, device: str = "cuda") -> Any:
    """A program that adds one to a variable."""
    from pydl.graph.trace import Trace
    from pydl.runtime.program import compile_graph

    with pydl.device(device), Trace("count") as trace:
        variable.assign(variable + 1.0)
        return compile_graph(trace.graph)


@on_device
def test_programs_of_two_machines_share_a_variable() -> None:
    variable = pydl.Variable(np.zeros(3, "float32"))
    here, there = counting(variable, "cpu"), counting(variable, "cuda")
    here.run({})
    for program in (there, here, here, there, there, here):
        program.run({})
    assert variable.numpy().tolist() == [7.0] * 3


@on_device
@second
def test_a_variable_moves_between_devices() -> None:
    variable = pydl.Variable(np.zeros(3, "float32"))
    first, other = counting(variable, "cuda:0"), counting(variable, "cuda:1")
    for program in (first, other, other, first):
        program.run({})
    assert variable.numpy().tolist() == [4.0] * 3


@on_device
def test_assigning_tensors_of_the_device_takes_no_way_over_the_host() -> None:
    variable = pydl.Variable(np.zeros(3, "float32"))
    with pydl.device("cuda"):
        one = ops.convert_to_tensor(np.ones(3, "float32"))
        variable.assign(one)
        before = transfers()
        variable.assign_add(one)
        variable.assign(variable.value)
        variable.assign_add(variable.value)
        assert transfers() == before
    assert variable.numpy().tolist() == [4.0] * 3
    with pydl.device("cuda"), pytest.raises(ValueError, match="expected a value of"):
        variable.assign(ops.ones((2,)))


@on_device
def test_own_loops_update_on_the_device() -> None:
    weights = {}
    for place in ("cpu", "cuda"):
        weight = pydl.Variable(np.ones((4, 2), "float32"))
        optimizer = pydl.optimizers.Adam(0.1)
        with pydl.device(place):
            for _ in range(3):
                optimizer.apply([ops.ones((4, 2)) * weight.value], [weight])
        weights[place] = weight.numpy()
    np.testing.assert_allclose(weights["cuda"], weights["cpu"], rtol=1e-5)


@on_device
def test_fill_and_views() -> None:
    variable = pydl.Variable(np.ones(2, "float32"))
    program = counting(variable)
    program.run({})
    kept = variable.value
    variable.fill(0)
    assert kept.tolist() == [2.0, 2.0] and variable.numpy().tolist() == [0.0, 0.0]
    program.run({})
    assert variable.numpy().tolist() == [1.0, 1.0]


@on_device
def test_runs_nobody_waits_for() -> None:
    variable = pydl.Variable(np.zeros(3, "float32"))
    program = counting(variable)
    for _ in range(3):
        program.run_fast([], [], wait=False)
    program.finish()
    assert variable.numpy().tolist() == [3.0] * 3


@on_device
def test_uploads_beside_programs() -> None:
    array = _core.DeviceArray("cuda:0", "float32", (4,))
    _core.synchronize("cuda:0")
    for start in (0, 10):
        array.upload(np.arange(start, start + 4, dtype="float32"), beside=True)
        assert gpu.to_host(array).tolist() == [*range(start, start + 4)]


# -- kernels --------------------------------------------------------------------------


@on_device
def test_kernels_take_arrays_of_others() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=(8, 5)).astype("float32")
    b = rng.normal(size=(5, 6)).astype("float32")
    stream = _core.device_info("cuda:0")["stream"]
    for order in (None, stream):
        got = kernels.gemm(Foreign(a, order), Foreign(b), activation="relu")
        assert gpu.is_device_array(got)
        np.testing.assert_allclose(
            gpu.to_host(got), np.maximum(a @ b, 0), rtol=1e-4, atol=1e-5
        )
    out = Foreign(np.zeros((8, 6), "float32"))
    assert kernels.gemm(Foreign(a), b, out=out) is out
    np.testing.assert_allclose(out.numpy(), a @ b, rtol=1e-4, atol=1e-5)


@on_device
def test_kernels_on_the_device_report_bad_indices() -> None:
    x = Foreign(np.arange(6, dtype="float32").reshape(3, 2))
    good, bad = Foreign(np.array([2, 0])), Foreign(np.array([1, 7]))
    np.testing.assert_array_equal(gpu.to_host(kernels.take(x, good)), [[4, 5], [0, 1]])
    with pytest.raises(ValueError, match="from 0 to 2, received 7 at flat index 1"):
        kernels.take(x, bad)
    with pytest.raises(ValueError, match="labels from 0 to 1, received 7"):
        kernels.softmax_cross_entropy(x, Foreign(np.array([0, 1, 7])))


@on_device
def test_updates_in_place_on_the_device() -> None:
    var, grad = np.ones(5, "float32"), np.full(5, 0.5, "float32")
    weight = Foreign(var)
    kernels.sgd_update([(weight, Foreign(grad))], lr=0.1)
    np.testing.assert_allclose(weight.numpy(), var - 0.1 * grad, rtol=1e-6)


@on_device
def test_strided_arrays_of_others_are_refused() -> None:
    class Strided(Foreign):
        @property
        def __cuda_array_interface__(self) -> dict[str, Any]:
            return {**super().__cuda_array_interface__, "strides": (4, 16)}

    with pytest.raises(ValueError, match="expected a row-major array"):
        kernels.softmax(Strided(np.ones((4, 4), "float32")))


@on_device
def test_foreign_arrays_become_tensors() -> None:
    x = ops.convert_to_tensor(Foreign(np.array([1.0, 2.0], "float32")))
    assert x.device == "cuda:0" and x.dtype == "float32"
    assert (x + 1.0).tolist() == [2.0, 3.0]
