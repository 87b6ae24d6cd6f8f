"""Every gradient rule on 16-bit operands, against the same rule in float64."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from graph_values import values
from ops.test_gradients import CASES, Case
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace
from pydl.ops.apply import apply

#: Roundings of the largest gradient's size that a rule may add up.
UNITS = {"float16": 32, "bfloat16": 16}
DTYPES = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
HALVED = [case for case in CASES if case.op != "cast"]


def grads_of(case: Case, inputs: list[Any], dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    with Trace("case") as trace:
        xs = [trace.input(f"x{i}", x.shape, x.dtype.name) for i, x in enumerate(inputs)]
        results = [r for r in apply(case.op, xs, case.attrs) if r.dtype == dtype]
        weights = [np.asarray(rng.uniform(0.5, 2, r.shape)) for r in results]
        rounded = [w.astype(ml_dtypes.bfloat16).astype(DTYPES.get(dtype, "f8"))
                   for w in weights]  # fmt: skip
        floats = [x for x in xs if x.dtype == dtype]
        seeds = [trace.constant(w) for w in rounded]
        grads = [g for g in gradients(results, floats, seeds) if g is not None]
    feeds = {f"x{i}": x for i, x in enumerate(inputs)}
    return [np.asarray(g).astype("f8") for g in values(trace.graph, grads, feeds)]


@pytest.mark.parametrize("dtype", UNITS)
@pytest.mark.parametrize("case", HALVED, ids=str)
def test_gradients(case: Case, dtype: str) -> None:
    arrays = [np.asarray(x) for x in case.inputs]
    half = [x.astype(DTYPES[dtype]) if x.dtype == np.float64 else x for x in arrays]
    wide = [x.astype(np.float64) if x.dtype == DTYPES[dtype] else x for x in half]
    want = grads_of(case, wide, "float64")
    got = grads_of(case, half, dtype)
    eps = float(ml_dtypes.finfo(DTYPES[dtype]).eps)
    assert len(got) == len(want)
    for x, y in zip(got, want, strict=True):
        size = 1 + np.max(np.abs(y), initial=0)
        np.testing.assert_allclose(x, y, rtol=0, atol=UNITS[dtype] * eps * size)
