"""Compiled functions and functions of functions: `function`, `grad`,
`value_and_grad`."""

from pydl.execution.function import Function, function
from pydl.execution.grad import grad, value_and_grad

__all__ = ["Function", "function", "grad", "value_and_grad"]
