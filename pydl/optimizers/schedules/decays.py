"""Learning rates that change with the step, traced as functions of `iterations`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl import ops


def _float(step: Any) -> Any:
    return ops.cast(ops.convert_to_tensor(step), "float32")


def _check_steps(name: str, steps: float) -> None:
    if steps <= 0:
        raise ValueError(f"{name}: decay_steps: expected > 0, received {steps}")


class LearningRateSchedule:
    """A rate for each step: write ``__call__(step)`` with ops."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this schedule again."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config()")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A schedule from what `get_config` gave."""
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """``initial * decay_rate ** (step / decay_steps)``.

    Args:
        staircase: drop at whole multiples of `decay_steps` only.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        _check_steps(name, decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        part = _float(step) / float(self.decay_steps)
        if self.staircase:
            part = ops.floor(part)
        return ops.power(float(self.decay_rate), part) * float(
            self.initial_learning_rate
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """``initial / (1 + decay_rate * step / decay_steps)``.

    Args:
        staircase: drop at whole multiples of `decay_steps` only.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        _check_steps(name, decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        part = _float(step) / float(self.decay_steps)
        if self.staircase:
            part = ops.floor(part)
        return ops.divide(
            float(self.initial_learning_rate), 1.0 + part * float(self.decay_rate)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[0]`` up to step ``boundaries[0]``, then ``values[1]``, and so on."""

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:  # fmt: skip
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"{name}: expected one value more than boundaries, received "
                f"{len(boundaries)} boundaries and {len(values)} values"
            )
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = _float(step)
        rate = ops.convert_to_tensor(float(self.values[-1]), dtype="float32")
        for boundary, value in zip(
            self.boundaries[::-1], self.values[-2::-1], strict=True
        ):
            rate = ops.where(ops.less_equal(step, float(boundary)), float(value), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """From `initial` to `end_learning_rate` along ``(1 - step / decay_steps) **
    power``.

    Args:
        cycle: start over with a longer decay each time the end is reached.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        _check_steps(name, decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step, steps = _float(step), float(self.decay_steps)
        if self.cycle:
            # The number of spans begun, at least one: ceil(x) is -floor(-x).
            spans = ops.maximum(ops.negative(ops.floor(step / -steps)), 1.0)
            left = 1.0 - step / (spans * steps)
        else:
            left = 1.0 - ops.minimum(step, steps) / steps
        span = float(self.initial_learning_rate) - float(self.end_learning_rate)
        return ops.power(left, float(self.power)) * span + float(self.end_learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """Half a cosine from `initial` to ``alpha * initial``, after an optional warm-up.

    Args:
        alpha: the end as a share of the start.
        warmup_target: rise in a line from `initial` to this first.
        warmup_steps: the length of that rise.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        _check_steps(name, decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _decay(self, step: Any, start: float) -> Any:
        steps = float(self.decay_steps)
        part = ops.minimum(step, steps) / steps
        cosine = (ops.cos(part * math.pi) + 1.0) * 0.5
        return (cosine * (1.0 - self.alpha) + self.alpha) * start

    def __call__(self, step: Any) -> Any:
        step, initial = _float(step), float(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._decay(step, initial)
        target, warm = float(self.warmup_target), float(self.warmup_steps)
        decayed = self._decay(ops.maximum(step - warm, 0.0), target)
        if not warm:
            return decayed
        rising = step / warm * (target - initial) + initial
        return ops.where(ops.less(step, warm), rising, decayed)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }
