"""Whole processes: a script, import, planning, one-row predict, memory, sizes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import ROOT, peers_python
from benchmarks.report import Row

SCRIPTS = ROOT / "benchmarks" / "scripts"
DIGITS = ROOT / "pydl" / "datasets" / "digits.npz"


def run(command: Sequence[str], **environment: str) -> str:
    merged = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    merged |= environment
    merged.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        command, env=merged, capture_output=True, text=True, check=True
    )
    return done.stdout


def _wall(command: Sequence[str], **environment: str) -> float:
    start = time.perf_counter()
    run(command, **environment)
    return time.perf_counter() - start


def digits_script(rounds: int) -> Row:
    script = str(SCRIPTS / "digits_script.py")
    ours, theirs = [], {"Keras-JAX": [], "Keras-TensorFlow": []}
    for _ in range(rounds):
        ours.append(_wall([sys.executable, script, "pydl", str(DIGITS)]))
        for name, times in theirs.items():
            backend = name.split("-")[1].lower()
            command = [peers_python(), script, "keras", str(DIGITS)]
            times.append(_wall(command, KERAS_BACKEND=backend))
    best = min(theirs, key=lambda name: statistics.median(theirs[name]))
    ratio = statistics.median(theirs[best]) / statistics.median(ours)
    return Row("20-epoch digits script, whole process", 6.0, ratio, "x", best)


_PLANNING = """
import time, numpy as np, pydl
from pydl.utils import set_random_seed
set_random_seed(0)
x = np.random.default_rng(0).standard_normal((25600, 784), dtype=np.float32)
y = np.zeros(25600, np.int64)
def build():
    model = pydl.Sequential([pydl.Input((784,))])
    for units in (128, 64):
        model.add(pydl.layers.Dense(units, activation="relu"))
    model.add(pydl.layers.Dense(10))
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
def first_step(model):
    start = time.perf_counter()
    model.fit(x[:128], y[:128], batch_size=128, verbose=0)
    return time.perf_counter() - start
first = first_step(build())
again = min(first_step(build()) for _ in range(5))
print(first * 1e3, again * 1e3)
"""


def planning(rounds: int) -> list[Row]:
    """The second model of a process plans without first-use imports."""
    runs = [
        [float(n) for n in run([sys.executable, "-c", _PLANNING]).split()]
        for _ in range(rounds)
    ]
    first = statistics.median(run[0] for run in runs)
    plan = statistics.median(run[1] for run in runs)
    return [
        Row(
            "planning the MLP training step (fit of one step, warm)",
            15,
            plan,
            " ms",
            least=False,
        ),
        Row("first fit to first finished step", 60, first, " ms", least=False),
    ]


_PREDICT = """
import time, numpy as np, pydl
model = pydl.Sequential([pydl.Input((784,))])
for units in (128, 64):
    model.add(pydl.layers.Dense(units, activation="relu"))
model.add(pydl.layers.Dense(10))
x = np.random.default_rng(0).standard_normal((1, 784), dtype=np.float32)
w = [np.array(a) for a in model.get_weights()]
def bare():
    h = np.maximum(x @ w[0] + w[1], 0)
    h = np.maximum(h @ w[2] + w[3], 0)
    return h @ w[4] + w[5]
def ours():
    return model.predict(x, verbose=0)
assert np.allclose(bare(), ours(), atol=1e-4)
def best(f):
    times = []
    for _ in range(30):
        start = time.perf_counter()
        for _ in range(100): f()
        times.append((time.perf_counter() - start) / 100)
    return sorted(times)[len(times) // 2]
print(best(ours) / best(bare), best(bare) * 1e6, best(ours) * 1e6)
"""


def predict_row(rounds: int) -> Row:
    runs = [run([sys.executable, "-c", _PREDICT]).split() for _ in range(rounds)]
    ratio = statistics.median(float(run[0]) for run in runs)
    peer = f"NumPy {float(runs[0][1]):.0f} us, predict {float(runs[0][2]):.0f} us"
    return Row("predict of one row", 3.0, ratio, "x", peer, least=False)


_IMPORT = """
import resource, sys, time
import numpy
def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / 1e6
before, start = rss(), time.perf_counter()
import pydl
print(time.perf_counter() - start, rss() - before)
pydl.Sequential, pydl.Model, pydl.layers.Dense, pydl.ops.matmul, pydl.losses.get
pydl.optimizers.Adam, pydl.metrics.Mean, pydl.callbacks.EarlyStopping
print(time.perf_counter() - start, rss() - before)
"""


def import_cost(rounds: int) -> list[Row]:
    """Modules load when first used: the import alone, and with all a script touches."""
    command = [sys.executable, "-c", _IMPORT]
    run(command)  # writes the bytecode caches, as an installer does
    runs = [[float(n) for n in run(command).split()] for _ in range(max(rounds, 7))]
    seconds, megabytes, all_seconds, all_megabytes = (
        statistics.median(column) for column in zip(*runs, strict=True)
    )
    return [
        Row("import pydl over NumPy", 0.06, seconds, " s", least=False),
        Row("import pydl over NumPy, memory", 15, megabytes, " MB", least=False),
        Row("import with all a script touches", 0.06, all_seconds, " s", "", False),
        Row("the same, memory", 15, all_megabytes, " MB", least=False),
    ]


def peak_memory(rounds: int) -> Row:
    script = str(SCRIPTS / "peak_memory.py")
    ours = min(float(run([sys.executable, script, "pydl"])) for _ in range(rounds))
    theirs = min(float(run([peers_python(), script, "torch"])) for _ in range(rounds))
    peer = f"PyTorch {theirs:.0f} MB, pydl {ours:.0f} MB"
    return Row(
        "peak memory of training, less the data", 0.35, ours / theirs, "x", peer, False
    )


def _megabytes(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def sizes() -> list[Row]:
    """Build the wheel, install it and what it needs into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        wheels, target = Path(folder) / "wheels", Path(folder) / "target"
        pip = [sys.executable, "-m", "pip", "-q"]
        run([*pip, "wheel", "--no-deps", "-w", str(wheels), str(ROOT)])
        wheel = next(wheels.glob("pydl-*.whl"))
        run([*pip, "install", "--no-compile", "--target", str(target), str(wheel)])
        others = [f for f in target.iterdir() if not f.name.startswith("numpy")]
        everything = sum(
            _megabytes(f) if f.is_dir() else f.stat().st_size / 1e6 for f in others
        )
        return [
            Row("CPU wheel", 6, wheel.stat().st_size / 1e6, " MB", least=False),
            Row(
                "pydl's installed files",
                20,
                _megabytes(target / "pydl"),
                " MB",
                least=False,
            ),
            Row(
                "everything installed without NumPy", 60, everything, " MB", least=False
            ),
        ]
