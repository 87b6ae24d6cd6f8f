"""Gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class SGD(Optimizer):
    """Gradient descent.

    Without momentum ``w -= learning_rate * g``; with it ``v = momentum * v -
    learning_rate * g`` and ``w += v``, or with `nesterov` ``w += momentum * v -
    learning_rate * g``.

    Args:
        learning_rate: a float, schedule or callable.
        momentum: in [0, 1].
        nesterov: look ahead along the velocity.
    """

    opcode = "sgd_update"
    row_opcode = "sgd_row_update"

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not 0 <= momentum <= 1:
            raise ValueError(
                f"SGD: momentum: expected a float in [0, 1], received {momentum}"
            )
        self.momentum = momentum
        self.nesterov = nesterov

    def slot_names(self) -> Sequence[str]:
        return ("momentum",) if self.momentum else ()

    def attributes(self) -> dict[str, Any]:
        return {"momentum": float(self.momentum), "nesterov": int(self.nesterov)}

    def row_attributes(self) -> dict[str, Any]:
        return {}

    def moves_all_rows(self, variable: Variable) -> str:
        reason = super().moves_all_rows(variable)
        return "momentum moves all rows" if self.momentum else reason

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
        }
