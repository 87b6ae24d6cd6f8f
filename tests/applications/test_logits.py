"""Logits for equal weights, against Keras's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from application_cases import LOGITS, Logits, built, images, weights
from pydl import applications

DATA = Path(__file__).parents[1] / "data" / "application_logits.json"
STORED = json.loads(DATA.read_text())
TESTED = [case for case in LOGITS if case.tested]

#: Relative 2-norm of the difference that each precision may make.
LIMITS = {"highest": 2e-4, "exact": 1e-5}


@pytest.fixture
def precision() -> Iterator[None]:
    before = pydl.config.float32_matmul_precision()
    yield
    pydl.config.set_float32_matmul_precision(before)


@pytest.mark.parametrize("case", TESTED, ids=lambda case: case.key)
@pytest.mark.usefixtures("precision")
def test_logits(case: Logits) -> None:
    expected = np.array(STORED[case.key])
    model = built(applications, case)
    model.set_weights(weights((w.name, tuple(w.shape)) for w in model.weights))
    x = images(case)
    for name, limit in LIMITS.items():
        pydl.config.set_float32_matmul_precision(name)
        for run in (eagerly, compiled):
            found = np.asarray(run(model, x), "float64")
            error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
            assert error < limit, f"{name}, {run.__name__}: {error}"
            np.testing.assert_array_equal(found.argmax(1), expected.argmax(1))


def eagerly(model: Any, x: np.ndarray) -> Any:
    return model(x, training=False)


def compiled(model: Any, x: np.ndarray) -> Any:
    return model.predict(x, verbose=0)
