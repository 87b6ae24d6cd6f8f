"""The spine's figures table."""

from __future__ import annotations

from benchmarks.cases import MLPS
from benchmarks.figures import accuracy, process, products, steps
from benchmarks.figures.session import Session

PARTS = ("products", "steps", "process", "accuracy")

#: float32 lanes of the widest bundle, by its name.
LANES = {"avx512": 16, "avx2": 8, "neon": 4, "baseline": 4, "ref": 1}

#: case -> (times the best of all, times PyTorch)
BARS = {"mlp-128": (1.4, 3.0), "mlp-32": (1.4, 4.0), "digits-32": (1.8, 9.0)}


def run(parts: list[str], rounds: int, seeds: int, counts: list[int]) -> None:
    """Measure, print, store. `parts`: some of `PARTS`; `counts`: of threads."""
    from pydl import _core

    session = Session("spine")
    for threads in counts:
        limits = session.limits(threads)
        if "products" in parts:
            timings = products.measure(threads, rounds)
            lanes = LANES[_core.info()["isa"]]
            session.add(products.rows(timings, limits, lanes), threads)
            session.keep(timings)
        if "steps" in parts:
            timings = steps.measure(list(MLPS), threads, rounds)
            session.add(steps.rows(timings, BARS), threads)
            session.add([steps.adam_share(threads, rounds)], threads)
            session.keep(timings)
    if "process" in parts:
        session.add([process.digits_script(rounds), *process.planning(rounds)])
        session.add([process.predict_row(rounds), *process.import_cost(rounds)])
        session.add([process.peak_memory(min(rounds, 3)), *process.sizes()])
    if "accuracy" in parts:
        session.add(accuracy.rows("Keras-JAX" not in session.lacking, seeds))
    session.finish()
