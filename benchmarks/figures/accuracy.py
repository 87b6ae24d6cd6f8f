"""Accuracy of the issue's recipes, beside Keras with the same recipe and seeds."""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from benchmarks.figures.process import DIGITS, SCRIPTS, run
from benchmarks.peers import peers_python
from benchmarks.report import Row

BARS = {"digits": 0.97, "mnist": 0.982}


def mnist_file() -> Path | None:
    """mnist.npz in PYDL_DATA_DIR, when there is one."""
    folder = os.environ.get("PYDL_DATA_DIR", "")
    path = Path(folder) / "mnist.npz"
    return path if folder and path.exists() else None


def _mean(library: str, recipe: str, path: Path, seeds: int) -> float:
    python = sys.executable if library == "pydl" else peers_python()
    script = str(SCRIPTS / "accuracy.py")
    results = [
        float(
            run(
                [python, script, library, recipe, str(path), str(seed)],
                KERAS_BACKEND="jax",
            )
        )
        for seed in range(seeds)
    ]
    return statistics.mean(results)


def rows(with_keras: bool, seeds: int) -> list[Row]:
    found = []
    for recipe, bar in BARS.items():
        path = DIGITS if recipe == "digits" else mnist_file()
        if path is None:
            print("mnist: no mnist.npz in PYDL_DATA_DIR, its accuracy is not measured")
            continue
        ours = _mean("pydl", recipe, path, seeds)
        found.append(Row(f"accuracy, {recipe}, mean of {seeds} seeds", bar, ours, ""))
        if with_keras:
            theirs = _mean("keras", recipe, path, seeds)
            points = abs(ours - theirs) * 100
            peer = f"Keras-JAX {theirs:.4f}"
            what = f"accuracy, {recipe}, points away from Keras"
            found.append(Row(what, 0.3, points, "", peer, least=False))
    return found
