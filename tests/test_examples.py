"""The examples in docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import pydl

#: Packages all of whose examples are complete.
PACKAGES = (
    "pydl.losses", "pydl.metrics", "pydl.optimizers.schedules.epochs",
    "pydl.layers.normalization", "pydl.layers.regularization", "pydl.layers.spatial",
    "pydl.layers.preprocessing", "pydl.layers.preprocessing.image",
    "pydl.layers.preprocessing.image.boxes", "pydl.ops.image", "pydl.datasets.reuters",
    "pydl.applications",
)  # fmt: skip
MODULES = (
    "pydl.activations", "pydl.backend", "pydl.regularizers", "pydl.tree",
    "pydl.layers.base.state_access", "pydl.layers.core.dot", "pydl.layers.core.einsum",
    "pydl.layers.core.einsum_dense", "pydl.layers.core.embedding",
    "pydl.layers.core.lambda_layer", "pydl.layers.core.learned_activation",
    "pydl.layers.core.reshaping", "pydl.layers.core.wrapper",
    *(f"pydl.optimizers.{name}" for name in (
        "adadelta", "adafactor", "adamax", "ftrl", "lamb", "lion", "loss_scale",
        "multi", "muon", "nadam", "schedule_free",
    )),
    "pydl.utils.progbar", "pydl.utils.settings",
)  # fmt: skip


def names() -> list[str]:
    found = list(MODULES)
    for package in PACKAGES:
        module = importlib.import_module(package)
        found.append(package)
        for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
            found.append(f"{package}.{info.name}")
    return found


@pytest.mark.parametrize("name", names())
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    extras = {"pydl": pydl, "np": np}
    failed, _ = doctest.testmod(module, extraglobs=extras)
    assert failed == 0
