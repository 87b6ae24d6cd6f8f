"""Adafactor."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Adafactor(Optimizer):
    """Mean squares of gradients kept as one number per row and column.

    N. Shazeer and M. Stern (2018), "Adafactor: Adaptive Learning Rates with Sublinear
    Memory Cost", algorithms 4 and 5. Composed of elementwise ops and means. As in
    Keras, the product of rows and columns is part of the state.

    Args:
        learning_rate: a float, schedule or callable.
        beta_2_decay: the mean of squares keeps ``1 - step ** beta_2_decay`` of the old.
        epsilon_1: added to squares.
        epsilon_2: the least scale of a variable.
        clip_threshold: the root mean square a step may have.
        relative_step: kept for Keras: the rate is at most ``1 / sqrt(step)`` always.

    >>> Adafactor().get_config()["relative_step"]
    True
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def _make_slots(self) -> list[list[Variable]]:
        """Row means, column means and mean squares. Vectors have the last alone; two
        numbers stand in for the others, as in Keras's files."""
        return [[*self._factors(v), self._mean_squares(v)] for v in self._trainable]

    def _factors(self, variable: Variable) -> list[Variable]:
        shape = tuple(variable.shape)
        if len(shape) < 2:
            add = self.add_variable
            return [add((), dtype="int32", name=variable.name) for _ in range(2)]
        return [
            self.add_variable(part, dtype=variable.dtype, name=variable.name)
            for part in (shape[:-1], (*shape[:-2], shape[-1]))
        ]

    def _mean_squares(self, variable: Variable) -> Variable:
        return self.add_variable_from_reference(variable, "velocity")

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """``w -= max(epsilon_2, rms(w)) rate clipped(g / sqrt(mean squares))``."""
        step = ops.cast(self.step_count(), variable.dtype)
        rate = ops.minimum(learning_rate, ops.rsqrt(step))
        weight = ops.convert_to_tensor(variable)
        scale = ops.maximum(_rms(weight), float(self.epsilon_2)) * rate
        keep = 1.0 - ops.power(step, float(self.beta_2_decay))
        v = self._updated_squares(variable, ops.square(gradient) + self.epsilon_1, keep)
        move = gradient / ops.sqrt(v)
        limit = ops.maximum(_rms(move) / float(self.clip_threshold), 1.0)
        variable.assign(weight - move * (scale / limit))

    def _updated_squares(self, variable: Variable, squares: Any, keep: Any) -> Any:
        rows, columns, velocity = self.slots_of(variable)
        if len(variable.shape) < 2:
            return velocity.assign(velocity * keep + squares * (1.0 - keep))
        r = rows * keep + ops.mean(squares, axis=-1) * (1.0 - keep)
        c = columns * keep + ops.mean(squares, axis=-2) * (1.0 - keep)
        rows.assign(r)
        columns.assign(c)
        share = ops.divide(r, ops.mean(r, axis=-1, keepdims=True))
        return velocity.assign(ops.expand_dims(share, -1) * ops.expand_dims(c, -2))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))
