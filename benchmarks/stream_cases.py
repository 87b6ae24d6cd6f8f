"""Ops that memory limits, as data every worker reads. Needs NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: The chain: eight ops, each cheap. Workers write them in their own words.
CHAIN = "minimum(square(relu(x * 1.5 + 0.5) * 0.25 - 1) + 1, 4)"


@dataclass(frozen=True)
class Stream:
    """An op over float32 of one shape, and the bytes it must move."""

    op: str
    shape: tuple[int, ...]
    reads: int = 1  # arrays of the shape
    writes: int = 1

    @property
    def name(self) -> str:
        return f"{self.op}-{'x'.join(map(str, self.shape))}"

    @property
    def bytes(self) -> int:
        return 4 * math.prod(self.shape) * (self.reads + self.writes)

    @property
    def limit(self) -> str:
        """The stream to compare with: a copy, or for reductions a plain read."""
        return "copy" if self.writes else "read"

    def operands(self) -> list[np.ndarray]:
        """`reads` arrays, then what the op has besides: gamma and beta."""
        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal(self.shape) for _ in range(self.reads)]
        if self.op.startswith("layer_norm"):
            arrays += [rng.standard_normal(self.shape[-1]) for _ in range(2)]
        return [array.astype(np.float32) for array in arrays]


MATRICES = ((4096, 1024), (1024, 512), (256, 10))
MANY = (10_000_000,)

STREAMS = {
    case.name: case
    for case in (
        Stream("chain8", MANY),
        Stream("mse", MANY, reads=2, writes=0),
        Stream("sum", MANY, writes=0),
        *(Stream("sum", shape, writes=0) for shape in MATRICES),
        *(Stream("row_sum", shape, writes=0) for shape in MATRICES),
        *(Stream("column_sum", shape, writes=0) for shape in MATRICES),
        *(Stream("softmax", shape) for shape in MATRICES),
        *(Stream("layer_norm", shape) for shape in MATRICES),
        *(Stream("layer_norm_grad", shape, reads=2) for shape in MATRICES),
    )
}
