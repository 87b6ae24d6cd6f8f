"""What is timed on a GPU, as data every worker reads. Needs NumPy only."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.cases import MLPS, Mlp

#: Tiny problems: does the script run? (`python -m benchmarks.gpu --smoke`)
SMOKE = os.environ.get("PYDL_GPU_SMOKE") == "1"
#: The matrix that kernels limited by memory work on: 256 MB of float32.
ROWS, COLUMNS = (32, 64) if SMOKE else (16384, 4096)
LONG = ROWS * COLUMNS


@dataclass(frozen=True)
class Product:
    """c = a b of n x n matrices. `mode`: "fp32", as exact as float32; "tf32", the
    second operand given transposed; "bf16": matrices of bfloat16."""

    n: int
    mode: str

    @property
    def name(self) -> str:
        return f"gemm-{self.n}-{self.mode}"

    @property
    def flops(self) -> float:
        return 2.0 * self.n**3

    def operands(self) -> tuple[np.ndarray, np.ndarray]:
        """Random float32 matrices: multiplying zeros takes less power and time."""
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((2, self.n, self.n), np.float32)
        return a, b


SIZES = (64, 96) if SMOKE else (1024, 4096, 8192)
_PRODUCTS = [Product(n, mode) for n in SIZES for mode in ("fp32", "tf32", "bf16")]
PRODUCTS = {case.name: case for case in _PRODUCTS}

#: Kernels limited by memory: bytes they have to move.
STREAMS = {
    "copy": 8 * LONG,
    "elementwise": 12 * LONG,  # relu(x * y + x)
    "sum-rows": 4 * LONG,
    "sum-columns": 4 * LONG,
    "softmax": 8 * LONG,
    "dropout": 8 * LONG,
    "adam": 28 * LONG,
}


@dataclass(frozen=True)
class WideMlp(Mlp):
    """Products that fill the GPU, under the policy "mixed_bfloat16"."""

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.rows, self.sizes[0]), np.float32)
        return x, rng.integers(0, self.sizes[-1], self.rows)


_WIDTH = 64 if SMOKE else 8192
_LAYERS = (_WIDTH, _WIDTH, _WIDTH)
WIDE = WideMlp("mlp-8192-bf16", _LAYERS, _WIDTH, 2 * _WIDTH, 2 if SMOKE else 8)
STEPS: dict[str, Mlp] = {**MLPS, WIDE.name: WIDE}
if SMOKE:
    STEPS = {
        n: replace(case, rows=2 * case.batch, epochs=1) for n, case in STEPS.items()
    }
