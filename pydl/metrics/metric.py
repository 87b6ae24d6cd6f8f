"""The base of metrics: state in Variables, updated by ops, so plans hold it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pydl import ops
from pydl.graph.trace import current_trace, outside_trace
from pydl.lookup import snake_case
from pydl.metrics.stateless import StatelessMetric
from pydl.runtime import watchers
from pydl.runtime.variable import Variable


class Metric(StatelessMetric):
    """A running statistic. Write `update_state` and `result`.

    Args:
        dtype: dtype of the state and the result, float32 unless given.
        name: name in logs.
    """

    #: "up" or "down": which way is better; None: not known.
    _direction: ClassVar[str | None] = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._dtype = "float32" if dtype is None else getattr(dtype, "name", str(dtype))
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of the state and the result."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state, that of metrics held as attributes included."""
        nested = [m for m in vars(self).values() if isinstance(m, Metric)]
        return self._variables + [v for metric in nested for v in metric.variables]

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a Variable of the state, zero unless an initializer is given."""
        dtype = dtype or self._dtype
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        with outside_trace():
            if callable(initializer):
                start = np.asarray(initializer(shape, dtype=dtype))
            elif initializer in ("zeros", "ones"):
                start = np.full(shape, initializer == "ones", dtype)
            else:
                raise ValueError(
                    f"metric {self.name!r}: initializer: expected 'zeros', 'ones' or a "
                    f"callable, received {initializer!r}"
                )
            variable = Variable(
                start, dtype=dtype, trainable=False, name=name or "state"
            )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None,
        name: str | None = None,
    ) -> Variable:  # fmt: skip
        """The older name of `add_variable`."""
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    def reset_state(self) -> None:
        """Back to the start: all state zero."""
        scope = watchers.current_scope()
        traced = current_trace() is not None or scope is not None
        for variable in self.variables:
            if traced:
                variable.assign(np.zeros(tuple(variable.shape), variable.dtype))
                continue
            variable.fill(0)  # each epoch resets all metrics: the short way

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state")

    def result(self) -> Any:
        """The value so far."""
        raise NotImplementedError(f"{type(self).__name__} must define result")

    def read(self) -> Any:
        """The value so far as a Python number (an array where it is not one number)."""
        value = np.asarray(self.result())
        return value.item() if value.ndim == 0 else value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this metric again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def as_float(variable: Any, dtype: str) -> Any:
    """The value of a Variable in the dtype of a result."""
    return ops.cast(ops.convert_to_tensor(variable), dtype)
