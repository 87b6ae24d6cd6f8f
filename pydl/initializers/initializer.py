"""The base of all initializers, and those that draw nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from pydl import config, ops


class Initializer:
    """Gives a weight its first value: ``initializer(shape, dtype)``."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        """A tensor of this shape; `dtype` None is `config.floatx()`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(shape, dtype)"
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The initializer of a `get_config` dict."""
        return cls(**config)

    def clone(self) -> Self:
        """An equal initializer."""
        return type(self).from_config(self.get_config())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"<{type(self).__name__}({arguments})>"


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        return ops.zeros(tuple(shape), dtype=dtype)


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        return ops.ones(tuple(shape), dtype=dtype)


class Constant(Initializer):
    """`value` everywhere: a number, or an array that broadcasts to the shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        array = np.broadcast_to(np.asarray(self.value), tuple(shape))
        return ops.cast(ops.convert_to_tensor(array.copy()), dtype or config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Identity(Initializer):
    """`gain` times the identity matrix; only for two axes."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Any:
        if len(shape) != 2:
            raise ValueError(
                "Identity initializer: expected a shape of 2 axes, received "
                f"shape={tuple(shape)}"
            )
        array = self.gain * np.eye(shape[0], shape[1])
        return ops.convert_to_tensor(array, dtype=dtype or config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}
