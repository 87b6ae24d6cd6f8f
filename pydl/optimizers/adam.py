"""Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Adam(Optimizer):
    """Steps scaled by running means of gradients and of their squares.

    Args:
        learning_rate: a float, schedule or callable.
        beta_1: the share of the old mean of gradients kept each step.
        beta_2: the same for squares.
        epsilon: added to the square root, against division by zero.
        amsgrad: divide by the largest mean of squares so far.
    """

    opcode = "adam_update"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def slot_names(self) -> Sequence[str]:
        names = ("momentum", "velocity")
        return (*names, "velocity_hat") if self.amsgrad else names

    def moves_all_rows(self, variable: Variable) -> str:
        return f"{type(self).__name__} moves rows without a gradient too (not LazyAdam)"

    def attributes(self) -> dict[str, Any]:
        return {
            "beta1": float(self.beta_1),
            "beta2": float(self.beta_2),
            "epsilon": float(self.epsilon),
            "amsgrad": int(self.amsgrad),
        }

    def step_size(self, learning_rate: Any) -> Any:
        """The learning rate with the bias of both running means taken out."""
        step = ops.cast(ops.convert_to_tensor(self.iterations), "float32") + 1.0
        first, second = taken_in(self.beta_1, step), taken_in(self.beta_2, step)
        return learning_rate * ops.sqrt(second) / first

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


def taken_in(beta: float, step: Any) -> Any:
    """``1 - beta ** step``, without the loss of digits when beta is near 1."""
    if beta <= 0:
        return 1.0
    return ops.negative(ops.expm1(ops.multiply(step, math.log(beta))))


class AdamW(Adam):
    """Adam with weight decay that is not mixed into the gradients.

    See `exclude_from_weight_decay` for biases and the like.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay: expected a float, received None")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm,
            clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
