"""LeNet on MNIST."""

from __future__ import annotations

import statistics
import sys

from benchmarks.figures.accuracy import mnist_file
from benchmarks.figures.process import SCRIPTS, run
from benchmarks.report import Row


def rows(seeds: int) -> list[Row]:
    path = mnist_file()
    if path is None:
        print("lenet: no mnist.npz in PYDL_DATA_DIR, its accuracy is not measured")
        return []
    script = str(SCRIPTS / "lenet_accuracy.py")
    found = [
        float(run([sys.executable, script, str(path), str(seed)]))
        for seed in range(min(seeds, 3))
    ]
    what = f"accuracy, MNIST LeNet, 10 epochs, mean of {len(found)} seeds"
    return [Row(what, 0.99, statistics.mean(found), "")]
