"""Several threads, a process forked after use, a worker that is held up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pydl import _core

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
SIZE = 300


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    yield
    _core.set_threads(0)


def product_plan() -> str:
    """A plan that multiplies two matrices and takes exp of the result."""
    shape = [SIZE, SIZE]
    port = {"dtype": "float32", "shape": shape, "step": 0}
    entry = {
        "name": "main",
        "inputs": [{"name": "a", **port}, {"name": "b", **port}],
        "outputs": [{"name": "y", **port}],
        "arena": (SIZE * SIZE * 4 + 63) // 64 * 64,
        "values": [
            ["float32", shape, "input", 0, 0],
            ["float32", shape, "input", 1, 0],
            ["float32", shape, "arena", 0, 0],
            ["float32", shape, "output", 0, 0],
        ],
        "code": [
            ["matmul", [0, 1], [2], {"transpose_a": 0, "transpose_b": 0}],
            ["tanh", [2], [3], {}],
        ],
    }
    plan = {"format": "pydl-plan", "version": 1, "producer": "test", "state": []}
    return json.dumps({**plan, "entries": [entry], "notes": {}})


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux and two processors",
)
def test_workers_keep_off_the_callers_processor() -> None:
    script = (
        "import os, sys\n"
        "import numpy as np\n"
        "from pydl import _core\n"
        "_core.set_threads(2)\n"
        "program = _core.Program(sys.argv[1], 'main')\n"
        f"a, b, y = (np.ones(({SIZE}, {SIZE}), np.float32) for _ in range(3))\n"
        "program.run(_core.State(0), [a, b], [y])\n"
        "tasks = {int(t) for t in os.listdir('/proc/self/task')} - {os.getpid()}\n"
        "all_processors = os.sched_getaffinity(0)\n"
        "print([len(all_processors - os.sched_getaffinity(t)) for t in tasks])\n"
    )
    command = [sys.executable, "-c", script, product_plan()]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    assert found.stdout.strip() == "[1]", found.stdout


def test_two_threads_run_one_program() -> None:
    program = _core.Program(product_plan(), "main")
    operands = [
        [RNG.standard_normal((SIZE, SIZE)).astype(np.float32) for _ in range(2)]
        for _ in range(2)
    ]
    want = []
    for pair in operands:
        want.append(np.empty((SIZE, SIZE), np.float32))
        program.run(_core.State(0), pair, [want[-1]])
    problems: list[str] = []

    def work(which: int) -> None:
        out = np.empty((SIZE, SIZE), np.float32)
        for turn in range(50):
            out.fill(np.nan)
            program.run(_core.State(0), operands[which], [out])
            if not np.array_equal(out, want[which]):
                problems.append(f"thread {which}, turn {turn}")

    workers = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive(), "a thread hangs"
    assert problems == []


FORKS = """
import os, sys
import numpy as np
from pydl import _core

x = np.random.default_rng(0).standard_normal((400, 400)).astype(np.float32)
attrs = {"transpose_a": 0, "transpose_b": 0}
_core.set_threads(2)
(want,) = _core.run_op("matmul", [x, x], attrs)
for _ in range(20):
    child = os.fork()
    if child == 0:
        (got,) = _core.run_op("matmul", [x, x], attrs)
        os._exit(0 if np.array_equal(got, want) else 1)
    (got,) = _core.run_op("matmul", [x, x], attrs)
    _, status = os.waitpid(child, 0)
    assert np.array_equal(got, want)
    assert status == 0, status
"""


def test_fork_after_use() -> None:
    """Children of a process whose workers ran compute the same, and nothing hangs."""
    subprocess.run([sys.executable, "-c", FORKS], cwd=ROOT, check=True, timeout=60)


def test_a_worker_held_up_delays_nobody() -> None:
    """One worker sleeps 100 ms before it takes work: the others finish without it."""
    x = RNG.standard_normal((400, 400)).astype(np.float32)
    attrs = {"transpose_a": 0, "transpose_b": 0}
    _core.set_threads(2)
    (want,) = _core.run_op("matmul", [x, x], attrs)
    best = np.inf
    for _ in range(3):
        _core.delay_worker(1, 100_000)
        started = time.perf_counter()
        (got,) = _core.run_op("matmul", [x, x], attrs)
        best = min(best, time.perf_counter() - started)
        np.testing.assert_array_equal(got, want)
        time.sleep(0.12)  # let it wake up before the next round
    _core.delay_worker(1, 0)
    assert best < 0.09, f"waited for the sleeper: {best:.3f} s"


@pytest.mark.parametrize("count", [-1, 257, 2**31])
def test_impossible_thread_counts(count: int) -> None:
    with pytest.raises((ValueError, TypeError), match="count|incompatible"):
        _core.set_threads(count)
