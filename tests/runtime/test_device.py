"""Programs on a device against the same kernels on the CPU: the same bits.

However a program runs: launched directly, as one graph, or as graphs that the host
walks. Over the emulation (conftest.py chooses it), or a GPU against itself.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from capi import plans
from pydl import _core
from pydl.layers import Dense, Dropout, Input
from pydl.models import Sequential

DEVICES = _core.devices()
pytestmark = pytest.mark.skipif(
    not DEVICES["count"], reason=f"no device: {DEVICES['missing']}"
)
EMULATED = DEVICES["filler"] == "emulated"
ROOT = Path(__file__).parents[2]
#: How a program may run: environment while it is bound.
WAYS = {
    "direct": {"PYDL_CUDA_GRAPHS": "0"},
    "one graph": {},
    "graphs, walked": {"PYDL_CUDA_CONDITIONAL": "0"},
}
Array = np.ndarray[Any, Any]


@pytest.fixture(params=list(WAYS))
def way(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in WAYS[request.param].items():
        monkeypatch.setenv(name, value)
    return str(request.param)


class Entry:
    """An entry of a plan and a state of its own."""

    def __init__(
        self, text: str, name: str, state: list[Array], isa: str, mirrored: bool = False
    ) -> None:
        self.program = _core.Program(text, name, isa)
        self.state = [np.array(array) for array in state]
        self.slots = _core.State(len(state))
        self.mirrors = [_core.Mirror(array) for array in self.state]
        for index, array in enumerate(self.state):
            mirror = self.mirrors[index] if mirrored else None
            self.slots.set(index, array, mirror)

    def run(self, inputs: list[Any], outputs: list[Any]) -> int:
        return self.program.run(self.slots, inputs, outputs)

    def content(self) -> list[bytes]:
        for mirror in self.mirrors:
            mirror.to_host()
        return [array.tobytes() for array in self.state]


def linear(name: str, isa: str, mirrored: bool = False) -> Entry:
    """An entry of the linear classifier (`capi.plans`)."""
    entries = [plans.train_entry(8), plans.predict_entry(4)]
    text = json.dumps(plans.make_plan(entries))
    return Entry(text, name, plans.make_state(), isa, mirrored)


def batches(steps: int, bad: int = -1) -> tuple[Array, Array]:
    """Rows and labels of so many batches of 8; batch `bad` has a label out of range."""
    rng = np.random.default_rng(steps)
    x = rng.normal(size=(8 * steps, plans.FEATURES)).astype(np.float32)
    y = rng.integers(plans.CLASSES, size=8 * steps)
    if bad >= 0:
        y[8 * bad + 3] = plans.CLASSES
    return x, y


def train(entry: Entry, steps: int, bad: int = -1) -> tuple[int, bytes, int]:
    x, y = batches(steps, bad)
    loss, fault = np.full(1, -1, np.float32), np.full(1, -1, np.int64)
    passes = entry.run([np.array([steps]), x, y], [loss, fault])
    return passes, loss.tobytes(), int(fault[0])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("steps", "bad"), [(1, -1), (7, -1), (9, 4), (3, 0), (5, 4)])
def test_loops_and_flags(way: str, steps: int, bad: int, mirrored: bool) -> None:
    """The stop flag, the update left out, and every later run of the same program."""
    host = linear("train_step:8", "emulated" if EMULATED else "cuda")
    device = linear("train_step:8", "cuda", mirrored)
    for _ in range(4):
        want = train(host, steps, bad)
        assert train(device, steps, bad) == want
        assert want[0] == (bad + 1 if bad >= 0 else steps)
        assert device.content() == host.content()
    kernels = [row["kernel"] for row in device.program.explain()]
    assert kernels[0] == (
        "host_walk" if "CONDITIONAL" in str(WAYS[way]) else "graph_node"
    )


def test_no_pass_changes_nothing(way: str) -> None:
    device = linear("train_step:8", "cuda")
    before = device.content()
    for _ in range(3):
        x, y = batches(1)
        loss, fault = np.full(1, -1, np.float32), np.full(1, -5, np.int64)
        assert device.run([np.array([0]), x, y], [loss, fault]) == 0
        assert loss[0] == -1 and fault[0] == -5 and device.content() == before


@pytest.mark.parametrize("rows", [4, 40])
def test_stepped_outputs(way: str, rows: int) -> None:
    host = linear("predict:4", "emulated" if EMULATED else "cuda")
    device = linear("predict:4", "cuda")
    x = np.random.default_rng(rows).normal(size=(rows, plans.FEATURES)).astype("f4")
    want = np.zeros((rows, plans.CLASSES), np.float32)
    host.run([np.array([rows // 4]), x], [want])
    for _ in range(3):
        got = np.full((rows + 1, plans.CLASSES), 7, np.float32)
        device.run([np.array([rows // 4]), x], [got])
        assert got[:rows].tobytes() == want.tobytes() and (got[rows] == 7).all()


def make_model(optimizer: str, dropout: float) -> Any:
    pydl.utils.set_random_seed(5)
    model = Sequential(
        [
            Input((20,)),
            Dense(33, activation="relu"),
            Dropout(dropout),
            Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_training_steps(way: str, optimizer: str, tmp_path: Path) -> None:
    """An exported training step with dropout, over several runs."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(160, 20)).astype("f4")
    y = rng.integers(4, size=160)
    model = make_model(optimizer, 0.3)
    model.train_on_batch(x[:32], y[:32])
    model.export(tmp_path / "model.pydl")
    text, state = _core.read_model(str(tmp_path / "model.pydl"))
    host = Entry(text, "train_step:32", state, "emulated" if EMULATED else "cuda")
    device = Entry(text, "train_step:32", state, "cuda", mirrored=True)
    for steps in (1, 3, 5, 5, 2):
        results = []
        for entry in (host, device):
            loss, fault = np.zeros(1, "f4"), np.ones(1, "i8")
            entry.run(
                [np.array([steps]), x[: 32 * steps], y[: 32 * steps]], [loss, fault]
            )
            results.append((loss.tobytes(), fault[0], entry.content()))
        assert results[0] == results[1]


def on_device(array: Array) -> Any:
    made = _core.DeviceArray("cuda", array.dtype.name, array.shape)
    made.upload(array)
    return made


def back(array: Any) -> Array:
    made = np.empty(array.shape, array.dtype)
    array.download(made)
    return made


def test_arrays_on_the_device(way: str) -> None:
    """Uploaded once, passed many times; outputs stay there."""
    host = linear("predict:4", "cuda")
    x = np.random.default_rng(3).normal(size=(16, plans.FEATURES)).astype("f4")
    want = np.zeros((16, plans.CLASSES), np.float32)
    host.run([np.array([4]), x], [want])
    device = linear("predict:4", "cuda")
    there, count = on_device(x), on_device(np.array([4]))
    for _ in range(3):
        out = _core.DeviceArray("cuda", "float32", (16, plans.CLASSES))
        device.run([count, there], [out])
        np.testing.assert_array_equal(back(out), want)
    np.testing.assert_array_equal(back(there), x)
    # Rows of an array are arrays.
    out = _core.DeviceArray("cuda", "float32", (8, plans.CLASSES))
    device.run([np.array([2]), there.rows(4, 12)], [out])
    np.testing.assert_array_equal(back(out), want[4:12])
    shaped = out.reshape((2, 4, plans.CLASSES))
    np.testing.assert_array_equal(back(shaped), want[4:12].reshape(2, 4, -1))


def test_more_addresses_than_graphs(way: str) -> None:
    """Graphs of the least recent addresses leave; their turn comes again."""
    device = linear("predict:4", "cuda")
    x = np.random.default_rng(4).normal(size=(8, plans.FEATURES)).astype("f4")
    count, there = on_device(np.array([2])), on_device(x)
    outs = [_core.DeviceArray("cuda", "float32", (8, plans.CLASSES)) for _ in range(11)]
    want = np.zeros((8, plans.CLASSES), np.float32)
    device.run([np.array([2]), x], [want])
    for _ in range(3):
        for out in outs:
            out.upload(np.zeros((8, plans.CLASSES), "f4"))
            device.run([count, there], [out])
            np.testing.assert_array_equal(back(out), want)


def test_arrays_of_others() -> None:
    """Anything with __cuda_array_interface__; a stream of its own is waited for."""

    class Foreign:
        def __init__(self, array: Any, **changes: Any) -> None:
            self.array = array
            self.__cuda_array_interface__ = array.__cuda_array_interface__ | changes

    x = np.arange(12, dtype="f4").reshape(3, 4)
    there = on_device(x)
    out = _core.DeviceArray("cuda", "float32", (3, 4))
    _core.run_op("neg", [Foreign(there)], {}, [Foreign(out)], isa="cuda")
    np.testing.assert_array_equal(back(out), -x)
    _core.run_op("abs", [Foreign(out, stream=None)], {}, [out], isa="cuda")
    np.testing.assert_array_equal(back(out), x)
    pointer = there.ptr
    for changes, words in (
        ({"strides": (4, 12)}, "row-major"),
        ({"typestr": "<c8"}, "<c8"),
        ({"data": (pointer, True)}, "writable"),
        ({"data": (x.ctypes.data, False)}, "no device"),
    ):
        with pytest.raises(ValueError, match=words):
            _core.run_op("neg", [x], {}, [Foreign(there, **changes)], isa="cuda")
    with pytest.raises(ValueError, match="input 0: expected an array"):
        _core.run_op("neg", [object()], {}, isa="cuda")


def test_device_memory_is_not_the_hosts() -> None:
    there = on_device(np.ones(3, "f4"))
    with pytest.raises(
        ValueError, match="memory of the host, received memory of cuda:0"
    ):
        _core.run_op("neg", [there], {}, isa="ref")
    with pytest.raises(ValueError):
        _core.State(1).set(0, there)
    if DEVICES["count"] > 1:
        with pytest.raises(ValueError, match="cuda:1"):
            _core.run_op("neg", [there], {}, isa="cuda:1")


def test_arrays_are_checked() -> None:
    array = _core.DeviceArray("cuda", "float32", (2, 3))
    assert (array.dtype, array.shape, array.nbytes) == ("float32", (2, 3), 24)
    assert array.device == "cuda:0"
    with pytest.raises(ValueError, match=r"float32 \(2, 3\)"):
        array.upload(np.zeros((3, 2), "f4"))
    with pytest.raises(ValueError, match="float64"):
        array.download(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="rows"):
        array.rows(1, 3)
    with pytest.raises(ValueError, match="reshape"):
        array.reshape((5,))
    for shape in ((-1,), (2**62, 4), (2**40,)):
        with pytest.raises((ValueError, MemoryError)):
            _core.DeviceArray("cuda", "float32", shape)
    empty = _core.DeviceArray("cuda", "int64", (0, 4))
    assert back(empty).shape == (0, 4) and empty.ptr == 0
    for name in ("cuda:9", "cuda:", "tpu"):
        with pytest.raises(ValueError, match="device"):
            _core.device_info(name)


def test_stale_mirrors(way: str) -> None:
    """Host, device, host, device: each sees what the other wrote."""
    host = linear("train_step:8", "emulated" if EMULATED else "cuda")
    device = linear("train_step:8", "cuda", mirrored=True)
    for turn in range(4):
        train(host, 2)
        train(device, 2)
        weight = device.mirrors[0]
        assert weight.host_is_stale and not weight.device_is_stale
        assert device.content() == host.content()
        assert not weight.host_is_stale
        for entry in (host, device):  # Python writes
            entry.state[0][...] += turn
        weight.host_written()
        assert weight.device_is_stale
        there = weight.on_device("cuda")
        np.testing.assert_array_equal(back(there), device.state[0])
        host.slots.touch(0)


def test_one_mirror_for_programs_on_both_sides() -> None:
    device = linear("train_step:8", "cuda", mirrored=True)
    other = linear("train_step:8", "baseline")
    for index, array in enumerate(device.state):
        other.slots.set(index, array, device.mirrors[index])
    train(device, 1)
    assert device.mirrors[0].host_is_stale
    train(other, 1)  # on the CPU, over the same memory
    assert not device.mirrors[0].host_is_stale and device.mirrors[0].device_is_stale
    alone = linear("train_step:8", "baseline")
    train(alone, 1)
    train(alone, 1)
    for got, want in zip(device.state, alone.state, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="another array"):
        device.slots.set(0, np.array(device.state[0]), device.mirrors[0])


def test_state_that_is_only_read_is_sent_when_touched() -> None:
    entry = linear("predict:4", "cuda")
    x = np.ones((4, plans.FEATURES), np.float32)
    out = np.zeros((4, plans.CLASSES), np.float32)
    entry.run([np.array([1]), x], [out])
    first = out.copy()
    entry.state[0][...] = 0
    entry.slots.touch(0)
    entry.run([np.array([1]), x], [out])
    assert not np.array_equal(out, first)


def test_two_threads() -> None:
    """One program, two states."""
    text = json.dumps(plans.make_plan([plans.train_entry(8)]))
    program = _core.Program(text, "train_step:8", "cuda")
    alone = linear("train_step:8", "cuda")
    for _ in range(10):
        train(alone, 3)
    entries = [linear("train_step:8", "cuda") for _ in range(2)]
    failures: list[BaseException] = []

    def work(entry: Entry) -> None:
        entry.program = program
        try:
            for _ in range(10):
                train(entry, 3)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(entry,)) for entry in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert entries[0].content() == entries[1].content() == alone.content()


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    if not EMULATED:
        pytest.skip("only the emulation's memory can be limited")
    gc.collect()
    _core.release_memory("cuda")

    def limit(extra: int) -> None:
        used = _core.device_info("cuda")["in_use_bytes"]
        monkeypatch.setenv("PYDL_EMULATED_MEMORY", str(used + extra))

    yield limit
    monkeypatch.delenv("PYDL_EMULATED_MEMORY", raising=False)


def test_out_of_memory(little_memory: Callable[[int], None]) -> None:
    """The message says who needs how much; afterwards everything works as before."""
    small = np.ones((4, 4), "f4")
    _core.run_op("neg", [small], {}, isa="cuda")
    little_memory(4_000_000)
    large = np.ones((2000, 1000), "f4")
    with pytest.raises(MemoryError, match=r"cuda:0: out of memory: .* needed for"):
        _core.run_op("exp", [large], {}, isa="cuda")
    with pytest.raises(MemoryError, match="an array float32"):
        _core.DeviceArray("cuda", "float32", (2000, 1000))
    np.testing.assert_array_equal(
        _core.run_op("neg", [small], {}, isa="cuda")[0], -small
    )


def test_waiting_memory_makes_room(little_memory: Callable[[int], None]) -> None:
    arrays = [_core.DeviceArray("cuda", "float32", (1 << 20,)) for _ in range(4)]
    little_memory(1 << 20)
    del arrays
    pooled = _core.device_info("cuda")["pooled_bytes"]
    assert pooled >= 16 << 20
    _core.DeviceArray("cuda", "float32", (2 << 20,))
    assert _core.device_info("cuda")["pooled_bytes"] < pooled


def test_statistics() -> None:
    before = _core.device_info("cuda")
    array = _core.DeviceArray("cuda", "float32", (1000, 1000))
    during = _core.device_info("cuda")
    assert during["in_use_bytes"] - before["in_use_bytes"] >= 4_000_000
    assert during["peak_bytes"] >= during["in_use_bytes"]
    del array
    after = _core.device_info("cuda")
    assert after["in_use_bytes"] == before["in_use_bytes"]
    _core.release_memory("cuda")
    assert _core.device_info("cuda")["pooled_bytes"] == 0
    _core.synchronize("cuda")


def test_profile() -> None:
    entry = linear("train_step:8", "cuda")
    x, y = batches(3)
    outputs = [np.zeros(1, np.float32), np.zeros(1, np.int64)]
    seconds = entry.program.profile(entry.slots, [np.array([3]), x, y], outputs)
    rows = entry.program.explain()
    assert len(seconds) == len(rows)
    for row, time in zip(rows, seconds, strict=True):
        assert (time > 0) == (row["op"] not in ("loop", "if"))
        assert row["isa"] == "cuda"


def test_precision_and_device_of_a_program() -> None:
    entry = linear("predict:4", "cuda")
    assert (entry.program.isa, entry.program.device) == ("cuda", "cuda:0")
    assert linear("predict:4", "baseline").program.device == ""
    with pytest.raises(ValueError, match="bfloat16"):
        _core.run_op("neg", [np.ones(1, "f4")], {}, isa="cuda", precision="half")
    with pytest.raises(ValueError, match="cuda:77"):
        linear("predict:4", "cuda:77")


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PYDL_CUDA": "off"}, "PYDL_CUDA=off"),
        ({"PYDL_CUDA": "", "PYDL_CUDA_LIBRARY": "/nowhere/x.so"}, "/nowhere/x.so"),
        (
            {"PYDL_CUDA": "", "PYDL_CUDA_LIBRARY": str(ROOT / "pydl/libpydl.so")},
            "not a",
        ),
    ],
)
def test_what_is_missing_is_said(environment: dict[str, str], words: str) -> None:
    code = """
import numpy as np
from pydl import _core
found = _core.devices()
assert found["count"] == 0, found
print(found["missing"])
try:
    _core.run_op("neg", [np.ones(1)], {}, isa="cuda")
except ValueError as error:
    assert str(error) == found["missing"], error
"""
    done = run_python(code, **environment)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    listed = run_python("import pydl.cli; pydl.cli.main(['info'])", **environment)
    assert words in listed.stdout, listed.stderr


def test_a_child_made_by_fork_is_told() -> None:
    code = """
import os, sys
import numpy as np
from pydl import _core
x = np.ones(3, "f4")
_core.run_op("neg", [x], {}, isa="cuda")
child = os.fork()
if child == 0:
    try:
        _core.run_op("neg", [x], {}, isa="cuda")
    except RuntimeError as error:
        os._exit(0 if "fork" in str(error) else 2)
    os._exit(1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
    assert run_python(code).returncode == 0
