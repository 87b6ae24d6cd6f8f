"""Compiled functions and functions of functions: `function`, `grad`,
`value_and_grad`."""

from pydl.execution.compiled import Function, function
from pydl.execution.derivative import grad, value_and_grad

__all__ = ["Function", "function", "grad", "value_and_grad"]
