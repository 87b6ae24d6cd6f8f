"""A small model and data for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.layers import Dense, Dropout, Input
from pydl.models import Sequential


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """250 rows of 8 numbers in 4 classes: 7 batches of 32 and a rest of 26."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((4, 8)) * 3
    labels = rng.integers(0, 4, 250)
    x = centres[labels] + rng.standard_normal((250, 8))
    return x.astype("float32"), labels


@pytest.fixture
def make_model() -> Callable[..., Any]:
    """Makes equal models: the same seed, so the same first weights."""

    def make(
        optimizer: Any = "adam",
        loss: Any = "sparse_categorical_crossentropy",
        metrics: Any = ("accuracy",),
        dropout: float = 0.0,
        activation: str | None = "softmax",
        units: int = 4,
        **arguments: Any,
    ) -> Any:
        pydl.utils.set_random_seed(11)
        layers = [Input((8,)), Dense(16, activation="relu")]
        if dropout:
            layers.append(Dropout(dropout))
        layers.append(Dense(units, activation=activation))
        model = Sequential(layers)
        model.compile(optimizer, loss, metrics=list(metrics or ()), **arguments)
        return model

    return make
