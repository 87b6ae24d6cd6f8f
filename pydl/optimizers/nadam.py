"""Nadam."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.adam import taken_in
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Nadam(Optimizer):
    """Adam with Nesterov momentum.

    T. Dozat (2015), "Incorporating Nesterov Momentum into Adam". Composed of
    elementwise ops: a chain per variable. The running product of momenta is the last
    part of the state.

    Args:
        learning_rate: a float, schedule or callable.
        beta_1: the share of the old mean of gradients kept each step.
        beta_2: the same for squares.
        epsilon: added to the divisor.

    >>> Nadam().get_config()["beta_1"]
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

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of these variables. Later calls do nothing."""
        if not self.built:
            super().build(variables)
            self._u_product = self.add_variable((), 1.0, name="u_product")

    def begin_update(self) -> None:
        """Take this step's momentum into the product."""
        self._u_product.assign(self._u_product * self._momentum_at(self.step_count()))

    def _momentum_at(self, step: Any) -> Any:
        """``beta_1 (1 - 0.96^t / 2)``."""
        return (1.0 - ops.power(0.96, step) * 0.5) * self.beta_1

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """Adam's means; the step looks one momentum ahead."""
        momentum, velocity = self.slots_of(variable)
        step = self.step_count()
        now, ahead = self._momentum_at(step), self._momentum_at(step + 1.0)
        product = ops.convert_to_tensor(self._u_product)
        share_m = ahead / (1.0 - product * ahead)
        share_g = (1.0 - now) / (1.0 - product)
        second = taken_in(self.beta_2, step)
        share_m, share_g, second = (
            ops.cast(x, variable.dtype) for x in (share_m, share_g, second)
        )
        m = momentum + (gradient - momentum) * (1.0 - self.beta_1)
        v = velocity + (ops.square(gradient) - velocity) * (1.0 - self.beta_2)
        mean = m * share_m + gradient * share_g
        momentum.assign(m)
        velocity.assign(v)
        divisor = ops.sqrt(v / second) + self.epsilon
        variable.assign(variable - mean * learning_rate / divisor)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
