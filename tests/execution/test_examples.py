"""The examples in the docstrings of tapes, functions and control flow run."""

from __future__ import annotations

import doctest
import importlib

import pytest

import pydl

MODULES = [
    "execution.compiled", "execution.derivative", "layers.base.remat",
    "ops.branches", "ops.core", "ops.custom", "ops.loops", "ops.scans",
    "ops.stateless", "ops.tape", "runtime.cache", "runtime.numerics",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"pydl.{name}")
    names = {"pydl": pydl, **vars(module)}
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    examples = finder.find(module, globs=names)
    assert any(example.examples for example in examples)
    for example in examples:
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
