"""A loss scale that adapts itself, for float16."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydl import ops
from pydl.graph.trace import current_trace
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from pydl.optimizers.optimizer import Optimizer
from pydl.optimizers.rows import compact
from pydl.runtime.variable import Variable

_INNER_ONLY = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None,
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
    "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss so that small gradients do not vanish, and leaves out steps
    whose gradients overflow.

    P. Micikevicius et al. (2018), "Mixed Precision Training". The scale doubles after
    `dynamic_growth_steps` good steps and is halved by a bad one. In a compiled step the
    inner optimizer's instructions stand under an ``if``.

    Args:
        inner_optimizer: what makes the steps.
        initial_scale: the first scale.
        dynamic_growth_steps: good steps until the scale doubles.

    >>> optimizer = LossScaleOptimizer(pydl.optimizers.SGD())
    >>> float(optimizer.scale_loss(1.0))
    32768.0
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, "
                "simply set `loss_scale_factor` directly on the `inner_optimizer`."
            )
        for key, default in _INNER_ONLY.items():
            if kwargs.pop(key, default) != default:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{key}`. Instead, set "
                    f"`{key}` on the `inner_optimizer`."
                )
        self.inner_optimizer = inner_optimizer
        super().__init__(0.0, name=name, **kwargs)
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the scale and the inner optimizer's slots. Later calls do nothing."""
        if self.built:
            return
        variables = list(variables)
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), float(self.initial_scale), name="dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """The scale and the inner optimizer's state."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """How many steps were made, those left out not counted."""
        found: Variable = self.inner_optimizer.iterations
        return found

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self.inner_optimizer.learning_rate = rate

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale."""
        scale: Any = float(self.initial_scale)
        if self.built:
            scale = ops.convert_to_tensor(self.dynamic_scale)
        loss = ops.convert_to_tensor(loss)
        return ops.multiply(loss, ops.cast(scale, loss.dtype))

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Make a step if all gradients are finite; adapt the scale."""
        if not self.built:
            if trainable_variables is None:
                raise ValueError(
                    f"{self.name}: apply(grads) without variables needs "
                    "`optimizer.build(trainable_variables)` first"
                )
            self.build(trainable_variables)
        trace = current_trace()
        if trace is None:
            finite = self.check_finite(grads)
            if bool(finite):
                self._inner_step(grads, trainable_variables)
        else:
            with trace.unguarded() as outer:
                finite = self.check_finite(grads)
                skip = ops.reshape(ops.cast(ops.logical_not(finite), "int64"), (1,))
                if outer is not None:
                    skip = ops.maximum(outer, skip)
                with trace.skip_if(skip):
                    self._inner_step(grads, trainable_variables)
        self._adapt(finite)

    def _inner_step(self, grads: Sequence[Any], variables: Any) -> None:
        inner = self.inner_optimizer
        wanted: Any = self._trainable if variables is None else variables
        inner.loss_scale_factor = ops.convert_to_tensor(self.dynamic_scale)
        try:
            inner.apply(grads, wanted)
        finally:
            inner.loss_scale_factor = None

    def _adapt(self, finite: Any) -> None:
        counter = ops.convert_to_tensor(self.step_counter)
        scale = ops.convert_to_tensor(self.dynamic_scale)
        grow = ops.equal(counter, self.dynamic_growth_steps - 1)
        kept = ops.where(grow, scale * 2.0, scale)
        self.dynamic_scale.assign(ops.where(finite, kept, scale * 0.5))
        counted = ops.where(grow, ops.zeros_like(counter), counter + 1)
        self.step_counter.assign(ops.where(finite, counted, ops.zeros_like(counter)))

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Whether no gradient has an infinite element or a NaN."""
        finite: Any = None
        for grad in grads:
            if grad is None:
                continue
            grad = compact(grad)
            for extreme in (ops.max(grad), ops.min(grad)):  # NaN wins in both
                found = ops.isfinite(extreme)
                finite = found if finite is None else ops.logical_and(finite, found)
        return ops.convert_to_tensor(True) if finite is None else finite

    def finalize_variable_values(self, var_list: Any) -> None:
        """As the inner optimizer does."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """An optimizer from what `get_config` gave."""
        config = dict(config)
        inner = deserialize_keras_object(config.pop("inner_optimizer"), custom_objects)
        return cls(inner, **config)
