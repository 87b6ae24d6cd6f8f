"""What is timed, as data every worker reads. Needs NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mlp:
    """A dense network trained with Adam on shuffled rows: a classifier of sparse
    labels, or with `decodes` an autoencoder (sigmoid, binary cross-entropy)."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    rows: int
    epochs: int  # in one timed call
    dropout: float = 0.0  # behind every hidden layer
    decodes: bool = False

    @property
    def steps(self) -> int:
        return self.rows // self.batch * self.epochs

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Synthetic rows whose labels a network can learn, float32 and int64; pixels
        of an autoencoder are its targets too."""
        rng = np.random.default_rng(0)
        if self.decodes:
            x = rng.random((self.rows, self.sizes[0]), np.float32)
            return x, x
        x = rng.standard_normal((self.rows, self.sizes[0])).astype(np.float32)
        weights = rng.standard_normal((self.sizes[0], self.sizes[-1]))
        return x, (x @ weights).argmax(1).astype(np.int64)

    @property
    def flops(self) -> float:
        """Multiply-adds count two; the first layer needs no input gradient."""
        pairs = list(zip(self.sizes, self.sizes[1:], strict=False))
        products = [2.0 * self.batch * i * o for i, o in pairs]
        return 3 * sum(products) - products[0]


MLPS = {
    case.name: case
    for case in (
        Mlp("mlp-128", (784, 128, 64, 10), 128, 25_600, 1),
        Mlp("mlp-32", (784, 128, 64, 10), 32, 25_600, 1),
        Mlp("digits-32", (64, 128, 64, 10), 32, 1_248, 20),
    )
}


LANGUAGE_MLPS = {
    case.name: case
    for case in (
        Mlp("wide-256", (1024, 2048, 2048, 10), 256, 4_096, 1, dropout=0.5),
        Mlp("autoencoder-128", (784, 256, 32, 256, 784), 128, 12_800, 1, decodes=True),
    )
}
NETWORKS = MLPS | LANGUAGE_MLPS


@dataclass(frozen=True)
class Lookup:
    """A table of rows of 64 and one unit behind it, trained on its squared error, in
    order. Each row of a batch looks one up, all equally likely."""

    optimizer: str  # "sgd", "adagrad", or "adam" of the rows looked up
    table: int
    batch: int = 4_096
    steps: int = 64  # in one timed call

    width = 64

    @property
    def name(self) -> str:
        batch = "" if self.batch == 4_096 else f"-batch-{self.batch}"
        return f"embedding-{self.optimizer}-{self.table}{batch}"

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices and numbers to learn, int32 and float32, one column each."""
        rng = np.random.default_rng(0)
        shape = (self.batch * self.steps, 1)
        indices = rng.integers(0, self.table, shape).astype(np.int32)
        return indices, rng.standard_normal(shape).astype(np.float32)


TABLES = (10_000, 100_000, 1_000_000)
LOOKUPS = {
    case.name: case
    for optimizer in ("sgd", "adagrad", "adam")
    for case in (
        *(Lookup(optimizer, table) for table in TABLES),
        Lookup(optimizer, TABLES[-1], 16_384, 16),
    )
}


@dataclass(frozen=True)
class Gemm:
    """c[m, n] = op(a) op(b), float32."""

    m: int
    n: int
    k: int
    transpose_a: bool = False
    transpose_b: bool = False

    @property
    def name(self) -> str:
        kind = "NT"[self.transpose_a] + "NT"[self.transpose_b]
        return f"gemm-{self.m}x{self.n}x{self.k}-{kind}"

    def operands(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        a = (self.k, self.m) if self.transpose_a else (self.m, self.k)
        b = (self.n, self.k) if self.transpose_b else (self.k, self.n)
        return (
            rng.standard_normal(a).astype(np.float32),
            rng.standard_normal(b).astype(np.float32),
        )

    @property
    def flops(self) -> float:
        return 2.0 * self.m * self.n * self.k

    @property
    def bytes(self) -> float:
        return 4.0 * (self.m * self.k + self.k * self.n + self.m * self.n)


def _dense(batch: int, inputs: int, outputs: int) -> list[Gemm]:
    """Forward, weight gradient and input gradient of a dense layer."""
    return [
        Gemm(batch, outputs, inputs),
        Gemm(inputs, outputs, batch, transpose_a=True),
        Gemm(batch, inputs, outputs, transpose_b=True),
    ]


SQUARES = [Gemm(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)]
DENSE = [
    *_dense(128, 784, 128),
    *_dense(128, 128, 64),
    *_dense(32, 784, 128),
    *_dense(32, 128, 64),
    *_dense(256, 1024, 2048),
    *_dense(256, 2048, 2048),
    *_dense(32, 128, 512),
    *_dense(14, 512, 512),
]
NARROW = [*_dense(128, 64, 10), *_dense(32, 64, 10), *_dense(256, 2048, 10)]
GEMMS = {case.name: case for case in [*SQUARES, *DENSE, *NARROW]}
