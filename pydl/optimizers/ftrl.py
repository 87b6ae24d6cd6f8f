"""Follow the regularized leader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import ops
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights for wide linear models.

    H. B. McMahan et al. (2013), "Ad Click Prediction: a View from the Trenches",
    algorithm 1, with shrinkage. Composed of elementwise ops: a chain per variable.

    Args:
        learning_rate: a float, schedule or callable.
        learning_rate_power: at most 0: how rates fall with squared gradients.
        initial_accumulator_value: what the sums of squares start from, at least 0.
        l1_regularization_strength: at least 0; keeps weights at 0.
        l2_regularization_strength: at least 0.
        l2_shrinkage_regularization_strength: at least 0; pulls on the gradient only.
        beta: added to `l2_regularization_strength`, halved and divided by the rate.

    >>> Ftrl().get_config()["learning_rate_power"]
    -0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self._check(
            learning_rate_power=-learning_rate_power,
            initial_accumulator_value=initial_accumulator_value,
            l1_regularization_strength=l1_regularization_strength,
            l2_regularization_strength=l2_regularization_strength,
            l2_shrinkage_regularization_strength=l2_shrinkage_regularization_strength,
        )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    @staticmethod
    def _check(**numbers: float) -> None:
        for name, value in numbers.items():
            kind, sign = ("negative", -1) if name.endswith("power") else ("positive", 1)
            if value < 0:
                raise ValueError(
                    f"`{name}` needs to be {kind} or zero. Received: "
                    f"{name}={sign * value}."
                )

    def slot_names(self) -> Sequence[str]:
        return ("accumulator", "linear")

    def slot_start(self, name: str) -> float:
        return self.initial_accumulator_value if name == "accumulator" else 0.0

    def _power(self, x: Any) -> Any:
        if self.learning_rate_power == -0.5:
            return ops.sqrt(x)
        return ops.power(x, -float(self.learning_rate_power))

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """``n += g^2``, ``z += g - (n'^p - n^p) / lr w``, then the weight that
        minimizes the regularized sum."""
        accumulator, linear = self.slots_of(variable)
        l1 = float(self.l1_regularization_strength)
        l2 = self.beta / (2.0 * learning_rate) + float(self.l2_regularization_strength)
        old, new = accumulator + 0.0, accumulator + ops.square(gradient)
        shrunk = gradient
        if self.l2_shrinkage_regularization_strength:
            share = 2.0 * float(self.l2_shrinkage_regularization_strength)
            shrunk = gradient + variable * share
        power = self._power(new)
        z = linear + shrunk - (power - self._power(old)) / learning_rate * variable
        accumulator.assign(new)
        linear.assign(z)
        quadratic = power / learning_rate + l2 * 2.0
        variable.assign((ops.clip(z, -l1, l1) - z) / quadratic)

    def get_config(self) -> dict[str, Any]:
        names = (
            "learning_rate_power", "initial_accumulator_value",
            "l1_regularization_strength", "l2_regularization_strength",
            "l2_shrinkage_regularization_strength", "beta",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
