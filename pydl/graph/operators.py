"""Python's operators, shared by every kind of tensor: each calls the op of its name."""

from __future__ import annotations

from typing import Any

#: The `pydl.ops` module, entered by `pydl.ops` itself when it is imported: operators
#: are defined below it and call back into it.
_ops: Any = None


def bind_ops(module: Any) -> None:
    """Enter the module whose functions the operators call."""
    global _ops
    _ops = module


class Operators:
    """Arithmetic, comparison and indexing by NumPy's rules."""

    __slots__ = ()
    __array_priority__ = 1000  # NumPy arrays on the left leave the operator to us

    def __add__(self, other: Any) -> Any:
        return _ops.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return _ops.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return _ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return _ops.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return _ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return _ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _ops.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return _ops.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return _ops.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return _ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _ops.matmul(other, self)

    def __neg__(self) -> Any:
        return _ops.negative(self)

    def __abs__(self) -> Any:
        return _ops.abs(self)

    def __lt__(self, other: Any) -> Any:
        return _ops.less(self, other)

    def __le__(self, other: Any) -> Any:
        return _ops.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return _ops.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return _ops.greater_equal(self, other)

    def __eq__(self, other: object) -> Any:
        return _ops.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return _ops.not_equal(self, other)

    __hash__ = object.__hash__

    def __invert__(self) -> Any:
        return _ops.logical_not(self)

    def __and__(self, other: Any) -> Any:
        return _ops.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return _ops.logical_or(self, other)

    def __getitem__(self, key: Any) -> Any:
        return _ops.get_item(self, key)
