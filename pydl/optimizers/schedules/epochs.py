"""Learning rates that restart, and the plain decays of primers."""

from __future__ import annotations

import math
from typing import Any

from pydl import ops
from pydl.optimizers.schedules.decays import LearningRateSchedule


def _positive(name: str, **numbers: float) -> None:
    for argument, value in numbers.items():
        if value <= 0:
            raise ValueError(f"{name}: {argument}: expected > 0, received {value}")


class CosineDecayRestarts(LearningRateSchedule):
    """`CosineDecay` again and again: each time longer and from a smaller start.

    I. Loshchilov and F. Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm
    Restarts".

    Args:
        initial_learning_rate: the first start.
        first_decay_steps: the length of the first decay.
        t_mul: the length of each decay as a multiple of the last one's.
        m_mul: the start of each decay as a multiple of the last one's.
        alpha: the end as a share of `initial_learning_rate`.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> round(float(schedule(10)), 4)
    0.1
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        _positive(name, first_decay_steps=first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def _place(self, done: Any) -> tuple[Any, Any]:
        """Restarts so far, and how much of the present decay is over."""
        t_mul = float(self.t_mul)
        if t_mul == 1.0:
            restarts = ops.floor(done)
            return restarts, done - restarts
        restarts = ops.floor(ops.log(1.0 - done * (1.0 - t_mul)) / math.log(t_mul))
        length = ops.power(t_mul, restarts)
        return restarts, (done - (1.0 - length) / (1.0 - t_mul)) / length

    def __call__(self, step: Any) -> Any:
        step = ops.cast(ops.convert_to_tensor(step), "float32")
        restarts, part = self._place(step / float(self.first_decay_steps))
        height = ops.power(float(self.m_mul), restarts) * 0.5
        cosine = height * (ops.cos(part * math.pi) + 1.0)
        share = cosine * (1.0 - float(self.alpha)) + float(self.alpha)
        return share * float(self.initial_learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


def _epoch(step: Any, steps_per_epoch: int) -> Any:
    """Whole epochs that are over."""
    step = ops.cast(ops.convert_to_tensor(step), "float32")
    return ops.floor(step / float(steps_per_epoch))


class EpochDecay(LearningRateSchedule):
    """``k / epoch``, epochs counted from 1.

    An addition to Keras's schedules.

    Args:
        k: the rate in the first epoch, > 0.
        steps_per_epoch: optimizer steps of an epoch, > 0.

    >>> schedule = EpochDecay(0.1, steps_per_epoch=10)
    >>> round(float(schedule(10)), 4)
    0.05
    """

    def __init__(
        self, k: float, steps_per_epoch: int, name: str = "EpochDecay"
    ) -> None:
        _positive(name, k=k, steps_per_epoch=steps_per_epoch)
        self.k = k
        self.steps_per_epoch = steps_per_epoch
        self.name = name

    def __call__(self, step: Any) -> Any:
        return ops.divide(float(self.k), _epoch(step, self.steps_per_epoch) + 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "k": self.k,
            "steps_per_epoch": self.steps_per_epoch,
            "name": self.name,
        }


class StepDecay(LearningRateSchedule):
    """``initial * drop ** floor(epoch / epochs_drop)``, epochs counted from 0.

    An addition to Keras's schedules; `ExponentialDecay` with ``staircase=True`` in
    terms of epochs.

    Args:
        initial_learning_rate: the rate at first, > 0.
        steps_per_epoch: optimizer steps of an epoch, > 0.
        drop: the rate is multiplied by this, > 0.
        epochs_drop: every so many epochs, > 0.

    >>> schedule = StepDecay(0.1, steps_per_epoch=10, drop=0.5, epochs_drop=2)
    >>> [round(float(schedule(step)), 4) for step in (0, 19, 20)]
    [0.1, 0.1, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        steps_per_epoch: int,
        drop: float = 0.5,
        epochs_drop: int = 10,
        name: str = "StepDecay",
    ) -> None:
        _positive(
            name, initial_learning_rate=initial_learning_rate, drop=drop,
            steps_per_epoch=steps_per_epoch, epochs_drop=epochs_drop,
        )  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.steps_per_epoch = steps_per_epoch
        self.drop = drop
        self.epochs_drop = epochs_drop
        self.name = name

    def __call__(self, step: Any) -> Any:
        epoch = _epoch(step, self.steps_per_epoch)
        drops = ops.floor(epoch / float(self.epochs_drop))
        return ops.power(float(self.drop), drops) * float(self.initial_learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
            "drop": self.drop,
            "epochs_drop": self.epochs_drop,
            "name": self.name,
        }
