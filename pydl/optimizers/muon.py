"""Muon."""

from __future__ import annotations

import math
import re
from typing import Any

from pydl import ops
from pydl.optimizers.adam import taken_in
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class Muon(Optimizer):
    """Momentum made orthogonal for matrices; AdamW for everything else.

    K. Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks";
    scale by J. Liu et al. (2025), "Muon is Scalable for LLM Training". Composed of
    matrix products and elementwise ops.

    Args:
        learning_rate: a float, schedule or callable.
        adam_beta_1, adam_beta_2, epsilon: of AdamW.
        adam_weight_decay, weight_decay: decay of AdamW's variables and of matrices.
        exclude_layers: regular expressions; variables whose path has one use AdamW.
        exclude_embeddings: so do variables with "embedding" in their path.
        muon_a, muon_b, muon_c: coefficients of the Newton-Schulz iteration.
        adam_lr_ratio: AdamW's learning rate as a multiple.
        momentum: the share of the old momentum kept each step.
        ns_steps: number of iterations.
        nesterov: look ahead along the momentum.
        rms_rate: scale by this and the root of the longer side; None: no scale.

    >>> Muon().get_config()["ns_steps"]
    5
    """

    def __init__(
        self, learning_rate: Any = 0.001, adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999, adam_weight_decay: float = 0.004,
        epsilon: float = 1e-7, weight_decay: float | None = 0.004,
        clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False,
        ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None, name: str | None = None,
        exclude_layers: Any = None, exclude_embeddings: bool = True,
        muon_a: float = 3.4445, muon_b: float = -4.775, muon_c: float = 2.0315,
        adam_lr_ratio: float = 1, momentum: float = 0.95, ns_steps: int = 5,
        nesterov: bool = True, rms_rate: float | None = 0.2, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate
        self.exclude_layers = exclude_layers or []

    def uses_adam(self, variable: Variable) -> bool:
        """Whether a variable is updated by AdamW."""
        path = str(variable.path)
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in path.lower():
            return True
        return any(re.search(part, path) for part in self.exclude_layers)

    def decay_of(self, variable: Variable) -> float:
        """Matrices and AdamW's variables have decays of their own."""
        chosen = self.weight_decay
        if self.uses_adam(variable):
            chosen = self.adam_weight_decay
        return 0.0 if chosen is None or self.excludes(variable) else float(chosen)

    def _make_slots(self) -> list[list[Variable]]:
        add = self.add_variable_from_reference
        return [
            [add(v, "momentum"), *([add(v, "velocity")] if self.uses_adam(v) else [])]
            for v in self._trainable
        ]

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """AdamW, or ``w -= lr scale orthogonal(momentum)``."""
        if self.uses_adam(variable):
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio)
            return
        (momentum,) = self.slots_of(variable)
        m = momentum.assign(momentum * self.momentum + gradient)
        ahead = gradient + m * self.momentum if self.nesterov else m
        step = self.zeropower_via_newtonschulz5(ahead, self.ns_steps)
        if self.rms_rate is not None:
            step = step * (math.sqrt(max(variable.shape)) * self.rms_rate)
        variable.assign(variable - step * learning_rate)

    def _adam_step(self, gradient: Any, variable: Variable, rate: Any) -> None:
        momentum, velocity = self.slots_of(variable)
        step = self.step_count()
        second = ops.sqrt(taken_in(self.adam_beta_2, step))
        bias = ops.cast(second / taken_in(self.adam_beta_1, step), variable.dtype)
        m = momentum + (gradient - momentum) * (1.0 - self.adam_beta_1)
        v = velocity + (ops.square(gradient) - velocity) * (1.0 - self.adam_beta_2)
        momentum.assign(m)
        velocity.assign(v)
        variable.assign(variable - m * (rate * bias) / (ops.sqrt(v) + self.epsilon))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """A matrix with the singular vectors of `x` and singular values near 1."""
        tall = x.shape[0] > x.shape[1]
        if tall:
            x = ops.transpose(x)
        x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
        for _ in range(steps):
            a = ops.matmul(x, ops.transpose(x))
            b = a * self.muon_b + ops.matmul(a, a) * self.muon_c
            x = x * self.muon_a + ops.matmul(b, x)
        return ops.transpose(x) if tall else x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "adam_weight_decay": self.adam_weight_decay,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "exclude_embeddings": self.exclude_embeddings,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "rms_rate": self.rms_rate,
        }
