"""LAMB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.adam import taken_in
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Lamb(Optimizer):
    """Adam whose step is as long, layer by layer, as the weights are.

    Y. You et al. (2020), "Large Batch Optimization for Deep Learning: Training BERT in
    76 minutes", algorithm 2. Composed of elementwise ops and two norms per variable.

    Args:
        learning_rate: a float, schedule or callable.
        beta_1: the share of the old mean of gradients kept each step.
        beta_2: the same for squares.
        epsilon: added to the divisor.

    >>> Lamb().get_config()["beta_1"]
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def slot_names(self) -> Sequence[str]:
        return ("momentum", "velocity")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """Adam's step ``u``, times ``norm(w) / norm(u)`` where both are above 0."""
        momentum, velocity = self.slots_of(variable)
        count, dtype = self.step_count(), variable.dtype
        first = ops.cast(taken_in(self.beta_1, count), dtype)
        second = ops.cast(taken_in(self.beta_2, count), dtype)
        m = momentum + (gradient - momentum) * (1.0 - self.beta_1)
        v = velocity + (ops.square(gradient) - velocity) * (1.0 - self.beta_2)
        step = m / first / (ops.sqrt(v / second) + self.epsilon)
        weight = ops.convert_to_tensor(variable)
        length = ops.sqrt(ops.sum(ops.square(weight)))
        size = ops.sqrt(ops.sum(ops.square(step)))
        both = ops.logical_and(ops.greater(length, 0.0), ops.greater(size, 0.0))
        ratio = ops.where(both, ops.divide_no_nan(length, size), 1.0)
        momentum.assign(m)
        velocity.assign(v)
        variable.assign(weight - step * (ratio * learning_rate))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
