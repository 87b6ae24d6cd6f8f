"""NumPy: matrix products, as its BLAS does them."""

from __future__ import annotations

import numpy as np
from serve import Run, repeated, serve

from benchmarks.cases import GEMMS


def gemm(name: str) -> Run:
    case = GEMMS[name]
    a, b = case.operands()
    a = a.T if case.transpose_a else a
    b = b.T if case.transpose_b else b
    out = np.empty((case.m, case.n), np.float32)
    return repeated(lambda: np.matmul(a, b, out=out))


serve(lambda name: gemm(name) if name in GEMMS else None)
