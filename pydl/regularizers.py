"""Penalties on weights and outputs, added to the loss."""

from __future__ import annotations

import math
from typing import Any, Self

from pydl import ops
from pydl.objects.family import Family


class Regularizer:
    """A scalar penalty of a tensor: ``regularizer(x)``."""

    def __call__(self, x: Any) -> Any:
        """The penalty."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise NotImplementedError(
            f"{type(self).__name__} does not implement get_config()"
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The regularizer of a `get_config` dict."""
        return cls(**config)


class L1L2(Regularizer):
    """``l1 * sum(abs(x)) + l2 * sum(x ** 2)``."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        terms = []
        if self.l1:
            terms.append(self.l1 * ops.sum(ops.absolute(x)))
        if self.l2:
            terms.append(self.l2 * ops.sum(ops.square(x)))
        if not terms:
            return ops.convert_to_tensor(0.0, dtype=x.dtype)
        return terms[0] if len(terms) == 1 else terms[0] + terms[1]

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum(abs(x))``."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(x ** 2)``."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between different rows (or columns) of a matrix.

    Args:
        factor: its weight.
        mode: ``"rows"`` or ``"columns"``.

    >>> float(OrthogonalRegularizer(1.0)(ops.eye(3)))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(
                'Invalid value for argument `mode`. Expected one of {"rows", '
                f'"columns"}}. Received: mode={mode}'
            )
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        if len(x.shape) != 2:
            raise ValueError(
                "Inputs to OrthogonalRegularizer must have rank 2. Received: "
                f"inputs.shape={tuple(x.shape)}"
            )
        rows = ops.convert_to_tensor(x)
        if self.mode == "columns":
            rows = ops.transpose(rows)
        square = ops.sum(ops.square(rows), axis=1, keepdims=True)
        rows = rows * ops.rsqrt(ops.maximum(square, 1e-24))
        cosines = ops.absolute(ops.matmul(rows, ops.transpose(rows)))
        size = rows.shape[0]
        apart = cosines * (1.0 - ops.eye(size, dtype=rows.dtype))
        return ops.sum(apart) * (self.factor / (size * (size - 1.0)))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _factor(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float, "
            f"received: {name}={value!r} of type {type(value).__name__}"
        )
    if math.isnan(value) or math.isinf(value) or value < 0:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float, "
            f"received: {name}={value}"
        )
    return float(value)


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_family = Family(
    "regularizer",
    Regularizer,
    (L1, L1L2, L2, OrthogonalRegularizer),
    {"l1_l2": L1L2},
)


def get(identifier: Any) -> Any:
    """A regularizer from a name, a class, a configuration, a function or itself."""
    return _family.get(identifier)


def serialize(regularizer: Regularizer) -> Any:
    """The JSON form of a regularizer."""
    return _family.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer of a JSON form."""
    return _family.deserialize(config, custom_objects)
