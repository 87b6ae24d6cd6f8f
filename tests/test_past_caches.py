"""Results too large for the caches are stored past them where their memory is aligned:
the same bits as stored plainly, which is what happens one element further on."""

from __future__ import annotations

from typing import Any

import pytest

import harness
from harness import Case, candidates

POOL: dict[str, Any] = {"strides": [2, 2], "low": [0, 0], "high": [0, 0]}
SMALL = {**POOL, "window": [2, 2]}
WIDE = {**POOL, "window": [3, 3], "high": [1, 1]}
IMAGES, HALF = ("float32", (13, 128, 128, 32)), ("float32", (13, 64, 64, 32))
INDEX = ("uint8", HALF[1], ("integers", 0, 4))
BACK = {"size": [128, 128]}
ROWS, FEW = ("float32", (40_000, 96)), ("float32", (700_001, 6))
CHANNEL = ("float32", (96,), "positive")
NORM = {"epsilon": 1e-3}

CASES = [
    Case("max_pool", (IMAGES,), SMALL),
    Case("max_pool", (IMAGES,), WIDE),
    Case("avg_pool", (IMAGES,), SMALL),
    Case("max_pool_grad", (HALF, INDEX), {**SMALL, **BACK}),
    Case("max_pool_grad", (HALF, INDEX), {**WIDE, **BACK}),
    Case("avg_pool_grad", (HALF,), {**SMALL, **BACK}),
    Case("batch_norm", (ROWS, ROWS), {**NORM, "residual": 1, "activation": "relu"}),
    Case("batch_norm", (FEW,), NORM),
    Case(
        "batch_norm_grad",
        (ROWS, ROWS, CHANNEL, CHANNEL, ROWS),
        {**NORM, "residual": 1, "grad": "relu"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)
def test_stores_past_the_caches(case: Case) -> None:
    here = [pair for pair in candidates(case.op) if pair[0] not in ("ref", "emulated")]
    for isa, kernel in here:
        plain = harness.run(case, isa, kernel, shift=1)
        results = harness.run(case, isa, kernel)
        for a, b in zip(plain, results, strict=True):
            assert a.tobytes() == b.tobytes(), (isa, kernel)
