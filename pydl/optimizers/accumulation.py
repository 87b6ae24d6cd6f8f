"""Gradient accumulation: one update for the mean gradient of several steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import ops
from pydl.graph.trace import current_trace
from pydl.runtime.variable import Variable

if TYPE_CHECKING:
    from pydl.optimizers.optimizer import Optimizer

#: Applies gradients to variables.
Update = Callable[[Sequence[Any], Sequence[Variable]], None]


class Accumulation:
    """Sums of gradients; every `steps` calls their mean is applied.

    A compiled step computes the update each time and keeps it only when it is due: a
    plan has no branches.
    """

    def __init__(self, optimizer: Optimizer, steps: int) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. Received: "
                f"gradient_accumulation_steps={steps}"
            )
        self.optimizer = optimizer
        self.steps = steps
        self._sums: dict[int, Variable] = {}

    @property
    def state(self) -> list[Variable]:
        """The sums."""
        return list(self._sums.values())

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the sums, zero as yet."""
        add = self.optimizer.add_variable_from_reference
        for variable in variables:
            self._sums[id(variable)] = add(variable, "gradient_accumulator")

    def apply(
        self, grads: Sequence[Any], variables: Sequence[Variable], update: Update
    ) -> None:
        """Add gradients up; call `update` with their means when it is due."""
        sums = [self._sums[id(variable)] for variable in variables]
        totals = [
            ops.add(
                ops.convert_to_tensor(s), ops.cast(ops.convert_to_tensor(g), s.dtype)
            )
            for s, g in zip(sums, grads, strict=True)
        ]
        if current_trace() is None:
            self._apply_now(totals, sums, variables, update)
            return
        due = self._due()
        kept = [*variables, *self.optimizer.changing_state()]
        before = [ops.convert_to_tensor(variable) for variable in kept]
        update(self._means(totals), variables)
        for variable, old in zip(kept, before, strict=True):
            variable.assign(ops.where(due, ops.convert_to_tensor(variable), old))
        for total, variable in zip(totals, sums, strict=True):
            variable.assign(ops.where(due, ops.zeros_like(total), total))

    def _apply_now(
        self, totals: Sequence[Any], sums: Sequence[Variable],
        variables: Sequence[Variable], update: Update,
    ) -> None:  # fmt: skip
        due = (int(self.optimizer._iterations) + 1) % self.steps == 0
        if due:
            update(self._means(totals), variables)
        for total, variable in zip(totals, sums, strict=True):
            variable.assign(np.zeros(variable.shape, variable.dtype) if due else total)

    def _means(self, totals: Sequence[Any]) -> list[Any]:
        return [ops.divide(total, float(self.steps)) for total in totals]

    def _due(self) -> Any:
        """Whether this step is the last of a group."""
        count = ops.convert_to_tensor(self.optimizer._iterations)
        groups = self.groups(ops.add(count, 1))
        return ops.equal(ops.multiply(groups, self.steps), ops.add(count, 1))

    def groups(self, count: Any) -> Any:
        """``count // steps`` of an int64 count (exact below 2^52)."""
        share = ops.divide(ops.cast(count, "float64"), float(self.steps))
        return ops.cast(ops.floor(share), "int64")
