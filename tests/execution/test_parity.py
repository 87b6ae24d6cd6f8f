"""Control flow, boxes and masks as Keras does them.

The numbers are made by ``tests/data/make_execution_parity.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pydl
from pydl import layers, ops, tree

FILE = Path(__file__).parents[1] / "data" / "execution_parity.json"
CASES = {case["function"]: case for case in json.loads(FILE.read_text())["cases"]}


def array(case):
    return np.array(case["values"], "float32").reshape(case["shape"])


def step(carry, row):
    carry = ops.tanh(carry) + row
    return carry, carry * 2


def switch(index):
    branches = [lambda a: a, lambda a: a * 2, lambda a: a * 3]
    return lambda x: ops.switch(index, branches, x)


def masked_loss(reduction):
    def loss(x, target, weight=None):
        function = pydl.losses.MeanSquaredError(reduction=reduction)
        return function(target, layers.Masking()(x), weight)

    return loss


def masking(x):
    y = layers.Masking()(x)
    return y, ops.cast(y._keras_mask, "float32")


def grow(x):
    return ops.while_loop(
        lambda i, a: ops.sum(a * a) < 100,
        lambda i, a: (i + 1, a * 1.5),
        (0, x),
        maximum_iterations=7,
    )


REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none")
FUNCTIONS = {
    "scan": lambda c, x: ops.scan(step, c, x),
    "scan_reverse": lambda c, x: ops.scan(step, c, x, reverse=True),
    "associative_scan": lambda x: ops.associative_scan(ops.add, x),
    "associative_scan_reverse": lambda x: ops.associative_scan(
        ops.add, x, reverse=True, axis=1
    ),
    "map": lambda x: ops.map(lambda row: ops.sum(row * row), x),
    "vectorized_map": lambda x: ops.vectorized_map(lambda row: row * 2 + 1, x),
    "fori_loop": lambda x: ops.fori_loop(1, 4, lambda i, a: a + x[i], x[0]),
    "while_loop": grow,
    "cond": lambda x: ops.cond(ops.sum(x) > 0, lambda: x + 1, lambda: x - 1),
    "slice_update": lambda x, new: ops.slice_update(x, (1, 1), new),
    "slice_update_beyond": lambda x, new: ops.slice_update(x, (2, 3), new),
    "slice": lambda x: ops.slice(x, (1, 0), (2, 3)),
    "masking": masking,
    **{f"switch_{i}": switch(i) for i in (-1, 1, 9)},
    **{f"unstack_{a}": lambda x, a=a: ops.unstack(x, axis=a) for a in (0, 1)},
    **{
        f"saturate_cast_{kind}": lambda x, kind=kind: ops.saturate_cast(x, kind)
        for kind in ("uint8", "int8", "int16")
    },
    **{
        f"loss_{reduction}{suffix}": masked_loss(reduction)
        for reduction in REDUCTIONS
        for suffix in ("", "_weighted")
    },
}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_as_keras(name, compiled):
    function = FUNCTIONS[name]
    function = pydl.function(function) if compiled else function
    inputs = [ops.convert_to_tensor(array(x)) for x in CASES[name]["inputs"]]
    found = tree.flatten(function(*inputs))
    expected = [array(x) for x in CASES[name]["results"]]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-5, atol=1e-6)


def test_every_case_is_there():
    assert set(FUNCTIONS) == set(CASES)
