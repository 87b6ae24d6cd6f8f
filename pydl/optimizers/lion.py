"""Lion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Lion(Optimizer):
    """Steps of one size in the direction of the sign of a running mean.

    X. Chen et al. (2023), "Symbolic Discovery of Optimization Algorithms", algorithm 2.
    Composed of elementwise ops: a chain per variable.

    Args:
        learning_rate: a float, schedule or callable; a tenth to a third of Adam's.
        beta_1: in (0, 1]: the share of the mean in the step.
        beta_2: the share of the old mean kept each step.

    >>> Lion(1e-4).get_config()["beta_2"]
    0.99
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ValueError(
                "Argument `beta_1` must be in the [0, 1] range. Otherwise, the "
                f"optimizer degenerates to SignSGD. Received: beta_1={beta_1}."
            )

    def slot_names(self) -> Sequence[str]:
        return ("momentum",)

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """``w -= lr sign(beta_1 m + (1 - beta_1) g)``; ``m`` is the mean by beta_2."""
        (momentum,) = self.slots_of(variable)
        mixed = momentum * self.beta_1 + gradient * (1.0 - self.beta_1)
        mean = momentum * self.beta_2 + gradient * (1.0 - self.beta_2)
        variable.assign(variable - learning_rate * ops.sign(mixed))
        momentum.assign(mean)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
        }
