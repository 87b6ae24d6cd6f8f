"""The examples in the docstrings of these modules run."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

import pydl

MODULES = [
    "dtype_policies", "execution.compiled", "execution.derivative", "layers.base.remat",
    "layers.core.reversible_embedding", "layers.preprocessing.crossing",
    "layers.preprocessing.pipeline", "layers.preprocessing.text",
    "losses.probabilistic", "losses.probabilistic_classes", "models.function",
    "ops.branches", "ops.core", "ops.custom", "ops.loops", "ops.rearrange", "ops.scans",
    "ops.segment", "ops.stateless", "ops.tape", "ops.vectorize",
    "runtime.cache", "runtime.numerics", "utils.feature_space", "utils.legacy",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"pydl.{name}")
    names = {"pydl": pydl, "np": np, **vars(module)}
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    examples = finder.find(module, globs=names)
    assert any(example.examples for example in examples)
    for example in examples:
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
