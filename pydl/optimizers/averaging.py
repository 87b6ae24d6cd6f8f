"""The exponential moving average of weights (`use_ema`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl import ops
from pydl.runtime.variable import Variable

if TYPE_CHECKING:
    from pydl.optimizers.optimizer import Optimizer


class MovingAverage:
    """``average = momentum * average + (1 - momentum) * weight``, after each step."""

    def __init__(
        self, optimizer: Optimizer, momentum: float, frequency: int | None
    ) -> None:
        if not 0 <= momentum <= 1:
            raise ValueError(
                f"{optimizer.name}: ema_momentum: expected a number in [0, 1], "
                f"received {momentum}"
            )
        if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
            raise ValueError(
                f"{optimizer.name}: ema_overwrite_frequency: expected an int >= 1 or "
                f"None, received {frequency}"
            )
        self.optimizer = optimizer
        self.momentum = momentum
        self.frequency = frequency
        self.pairs: list[tuple[Variable, Variable]] = []

    @property
    def state(self) -> list[Variable]:
        """The averages."""
        return [average for _, average in self.pairs]

    def build(self, variables: list[Variable]) -> None:
        """Make the averages, zero as yet."""
        add = self.optimizer.add_variable_from_reference
        self.pairs = [(v, add(v, "average")) for v in variables]

    def update(self, iterations: Any) -> None:
        """Take in the weights of this step; `iterations` is the count before it."""
        first = ops.cast(ops.equal(ops.convert_to_tensor(iterations), 0), "float32")
        keep = ops.multiply(ops.subtract(1.0, first), self.momentum)
        for variable, average in self.pairs:
            share = ops.cast(keep, variable.dtype)
            weight = ops.convert_to_tensor(variable)
            old = ops.convert_to_tensor(average)
            new = ops.add(ops.multiply(share, old), ops.multiply(1.0 - share, weight))
            average.assign(new)
            if self.frequency is not None:
                variable.assign(ops.where(self._due(iterations), new, weight))

    def _due(self, iterations: Any) -> Any:
        count = ops.add(ops.convert_to_tensor(iterations), 1)
        passes = ops.floor(
            ops.divide(ops.cast(count, "float64"), float(self.frequency or 1))
        )
        return ops.equal(
            ops.multiply(passes, float(self.frequency or 1)), ops.cast(count, "float64")
        )

    def overwrite(self) -> None:
        """Put the averages in place of the weights."""
        for variable, average in self.pairs:
            variable.assign(average)
