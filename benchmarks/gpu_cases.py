"""What is timed on a GPU, as data every worker reads. Needs NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.cases import MLPS, Mlp

#: Elements of the arrays that kernels limited by memory work on: 256 MB of float32.
LONG = 64 * 2**20
ROWS, COLUMNS = 16384, 4096  # the same as a matrix


@dataclass(frozen=True)
class Product:
    """c = a b of n x n matrices. `mode`: "fp32", as exact as float32; "tf32", the
    second operand given transposed; "bf16", operands and result of bfloat16."""

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


PRODUCTS = {
    case.name: case
    for case in (
        Product(n, mode) for n in (1024, 4096, 8192) for mode in ("fp32", "tf32", "bf16")
    )
}  # fmt: skip

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
    """Products that fill the GPU, of operands rounded to bfloat16."""

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.rows, self.sizes[0]), np.float32)
        return x, rng.integers(0, self.sizes[-1], self.rows)


WIDE = WideMlp("mlp-8192-bf16", (8192, 8192, 8192), 8192, 16_384, 8)
STEPS: dict[str, Mlp] = {**MLPS, WIDE.name: WIDE}
