"""CuPy: cuBLAS products and elementwise kernels."""

from __future__ import annotations

from collections.abc import Callable

import cupy
from serve import Run, repeated, serve

from benchmarks.gpu_cases import COLUMNS, PRODUCTS, ROWS, STREAMS, Product


def waited(work: Callable[[], object]) -> Run:
    """Many calls, then a wait."""
    work()

    def some() -> None:
        for _ in range(10):
            work()
        cupy.cuda.Stream.null.synchronize()

    timed = repeated(some, 0.05)
    return lambda: 10 * timed()


def product(case: Product) -> Run:
    a, b = (cupy.asarray(x) for x in case.operands())
    out = cupy.empty_like(a)
    return waited(lambda: cupy.matmul(a, b, out=out))


def stream(name: str) -> Run | None:
    x = cupy.random.standard_normal((ROWS, COLUMNS), dtype="float32")
    out = cupy.empty_like(x)
    calls: dict[str, Callable[[], object]] = {
        "copy": lambda: cupy.copyto(out, x),
        "sum-rows": lambda: x.sum(1),
        "sum-columns": lambda: x.sum(0),
    }
    return waited(calls[name]) if name in calls else None


def setup(name: str) -> Run | None:
    if name in PRODUCTS:
        return product(PRODUCTS[name]) if PRODUCTS[name].mode == "fp32" else None
    return stream(name) if name in STREAMS else None


serve(setup)
