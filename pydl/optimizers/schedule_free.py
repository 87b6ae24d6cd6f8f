"""Schedule-free AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.adam import taken_in
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class ScheduleFreeAdamW(Optimizer):
    """Adam without a schedule: gradients at an average of two sequences.

    A. Defazio et al. (2024), "The Road Less Scheduled", algorithm 1. Composed of
    elementwise ops: a chain per variable. The first slot is the sequence ``z``.

    Args:
        learning_rate: a float, schedule or callable.
        beta_1: in (0, 1]: the share of the average in the weights.
        beta_2: the share of the old mean of squares kept each step.
        epsilon: added to the divisor.
        warmup_steps: rise in a line to the rate over so many steps.

    >>> ScheduleFreeAdamW().get_config()["warmup_steps"]
    0
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.warmup_steps = warmup_steps

    def slot_names(self) -> Sequence[str]:
        return ("momentum", "velocity")

    def _make_slots(self) -> list[list[Variable]]:
        slots = super()._make_slots()
        for variable, (momentum, _) in zip(self._trainable, slots, strict=True):
            momentum.assign(variable.numpy())
        return slots

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """``z`` takes Adam's step; the weights are the average of ``z`` and of its
        running mean ``x``."""
        momentum, velocity = self.slots_of(variable)
        step = ops.cast(self.step_count(), variable.dtype)
        if self.warmup_steps > 0:
            warm = ops.minimum(step / float(self.warmup_steps), 1.0)
            learning_rate = learning_rate * warm
        second = ops.cast(taken_in(self.beta_2, self.step_count()), variable.dtype)
        v = velocity + (ops.square(gradient) - velocity) * (1.0 - self.beta_2)
        divisor = ops.sqrt(v / second) + self.epsilon
        z_old = ops.convert_to_tensor(momentum)
        z = z_old - gradient * learning_rate / divisor
        rest = 1.0 - self.beta_1
        x = (variable - z_old * rest) / self.beta_1
        x = x * (1.0 - 1.0 / step) + z / step
        momentum.assign(z)
        velocity.assign(v)
        variable.assign(z * rest + x * self.beta_1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
