"""Projections applied to a weight after each update."""

from __future__ import annotations

from typing import Any, Self

from pydl import config, ops
from pydl.objects.family import Family


class Constraint:
    """Maps a weight to the nearest allowed one: ``constraint(w)``."""

    def __call__(self, w: Any) -> Any:
        """The projected weight."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The constraint of a `get_config` dict."""
        return cls(**config)


class MaxNorm(Constraint):
    """The norm along `axis` is at most `max_value`."""

    def __init__(self, max_value: float = 2, axis: int | list[int] = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        return w * (ops.minimum(norms, self.max_value) / (norms + config.epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """No value is negative."""

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, 0.0)


class UnitNorm(Constraint):
    """The norm along `axis` is 1."""

    def __init__(self, axis: int | list[int] = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return w / (_norms(w, self.axis) + config.epsilon())

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """The norm along `axis` moves into [min_value, max_value], by the share `rate`."""

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | list[int] = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        clipped = ops.minimum(ops.maximum(norms, self.min_value), self.max_value)
        desired = clipped * self.rate + norms * (1 - self.rate)
        return w * (desired / (norms + config.epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def _norms(w: Any, axis: int | list[int]) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_family = Family("constraint", Constraint, (MaxNorm, MinMaxNorm, NonNeg, UnitNorm))


def get(identifier: Any) -> Any:
    """A constraint from a name, a class, a configuration, a function or itself."""
    return _family.get(identifier)


def serialize(constraint: Constraint) -> Any:
    """The JSON form of a constraint."""
    return _family.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint of a JSON form."""
    return _family.deserialize(config, custom_objects)
