"""Adamax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.adam import taken_in
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root of squares.

    D. P. Kingma and J. Ba (2015), "Adam: A Method for Stochastic Optimization",
    algorithm 2. Composed of elementwise ops: a chain per variable.

    Args:
        learning_rate: a float, schedule or callable.
        beta_1: the share of the old mean of gradients kept each step.
        beta_2: the share of the old largest gradient kept each step.
        epsilon: added to the divisor.

    >>> Adamax(0.002).get_config()["beta_2"]
    0.999
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
        return ("momentum", "norm")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """``m += (g - m)(1 - beta_1)``, ``u = max(beta_2 u, |g|)``, ``w -= lr m / ((1 -
        beta_1^t)(u + epsilon))``."""
        momentum, norm = self.slots_of(variable)
        first = ops.cast(taken_in(self.beta_1, self.step_count()), variable.dtype)
        m = momentum + (gradient - momentum) * (1.0 - self.beta_1)
        u = ops.maximum(norm * self.beta_2, ops.abs(gradient))
        step = learning_rate / first * m / (u + self.epsilon)
        momentum.assign(m)
        norm.assign(u)
        variable.assign(variable - step)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
