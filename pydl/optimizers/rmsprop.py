"""RMSprop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    Args:
        learning_rate: a float, schedule or callable.
        rho: the share of the old mean kept each step.
        momentum: in [0, 1].
        epsilon: added under the root, against division by zero.
        centered: divide by the variance instead of the mean of squares.
    """

    opcode = "rmsprop_update"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def slot_names(self) -> Sequence[str]:
        names = ["velocity"]
        if self.centered:
            names.append("average_gradient")
        if self.momentum > 0:
            names.append("momentum")
        return names

    def _make_slots(self) -> list[list[Variable]]:
        """Made slot by slot, as Keras orders them: velocities, momentums, averages."""
        made: dict[str, list[Variable]] = {}
        for name in ("velocity", "momentum", "average_gradient"):
            if name in self.slot_names():
                made[name] = [
                    self.add_variable_from_reference(v, name) for v in self._trainable
                ]
        return [
            [made[name][i] for name in self.slot_names()]
            for i in range(len(self._trainable))
        ]

    def attributes(self) -> dict[str, Any]:
        return {
            "rho": float(self.rho),
            "momentum": float(self.momentum),
            "epsilon": float(self.epsilon),
            "centered": int(self.centered),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
