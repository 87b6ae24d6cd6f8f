"""Adadelta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Adadelta(Optimizer):
    """Steps as large as recent steps were, divided by recent gradients.

    M. D. Zeiler (2012), "ADADELTA: An Adaptive Learning Rate Method". Composed of
    elementwise ops: a chain per variable.

    Args:
        learning_rate: a float, schedule or callable; 1.0 as in the paper.
        rho: the share of the old means kept each step.
        epsilon: added under the roots.

    >>> Adadelta(1.0).get_config()["rho"]
    0.95
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def slot_names(self) -> Sequence[str]:
        return ("accumulated_grad", "accumulated_delta_var")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """``d = -g rms(mean of d^2) / rms(mean of g^2)``, ``w += lr d``."""
        squares, steps = self.slots_of(variable)
        rest = 1.0 - self.rho
        a = squares * self.rho + ops.square(gradient) * rest
        top, below = ops.sqrt(steps + self.epsilon), ops.sqrt(a + self.epsilon)
        step = ops.negative(top * gradient / below)
        squares.assign(a)
        steps.assign(steps * self.rho + ops.square(step) * rest)
        variable.assign(variable + learning_rate * step)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "epsilon": self.epsilon,
        }
