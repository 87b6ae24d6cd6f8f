"""The part of a model that `compile` sets up: optimizer, losses, metrics, flags."""

from __future__ import annotations

from typing import Any

from pydl import optimizers, tree
from pydl.graph.trace import current_trace
from pydl.optimizers import LossScaleOptimizer
from pydl.training.config import deserialize_arguments, serialize_arguments
from pydl.training.state import TrainingState
from pydl.training.step import total_loss


def _with_loss_scale(optimizer: Any) -> LossScaleOptimizer:
    chosen = optimizers.get(optimizer)
    if isinstance(chosen, LossScaleOptimizer):
        return chosen
    return LossScaleOptimizer(chosen)


class Compiled:
    """A mixin; the class it is mixed into has layers, variables and a `call`."""

    _training: TrainingState | None = None
    _compile_arguments: dict[str, Any] | None = None
    _early_stop = False
    _metrics: list[Any]
    history: Any = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say what to minimize, how, and what to watch.

        Args:
            optimizer: a name or an Optimizer.
            loss: a name, function or Loss; a list or dict of them for several outputs,
                or the structure the model returns.
            loss_weights: factors of the losses of several outputs, in the same forms.
            metrics: a list of names, functions or Metrics; for several outputs one
                entry for each, a dict, or the structure the model returns.
            weighted_metrics: the same, weighted by sample weights.
            run_eagerly: run op by op, so that layers can be stepped through.
            steps_per_execution: accepted; `fit` makes many steps per native call
                anyway.
            jit_compile: accepted; steps are always compiled unless run_eagerly.
            auto_scale_loss: whether a model whose policy is ``"mixed_float16"`` gets
                its optimizer inside a `LossScaleOptimizer`.
        """
        model: Any = self
        if auto_scale_loss and model.dtype_policy.name == "mixed_float16":
            optimizer = _with_loss_scale(optimizer)
        state = TrainingState(
            self, optimizer, loss, loss_weights, metrics, weighted_metrics, run_eagerly,
            steps_per_execution,
        )  # fmt: skip
        object.__setattr__(self, "_training", state)
        arguments = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights,
            "metrics": metrics, "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }  # fmt: skip
        object.__setattr__(self, "_compile_arguments", arguments)

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, serialized; None before."""
        if self._compile_arguments is None:
            return None
        return serialize_arguments(
            {**self._compile_arguments, "optimizer": self.optimizer}
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Call `compile` with what `get_compile_config` gave."""
        self.compile(**deserialize_arguments(config))
        model: Any = self
        if model.built and self.optimizer is not None:
            self.optimizer.build(model.trainable_variables)

    def _compiled(self, method: str) -> TrainingState:
        if self._training is None:
            raise ValueError(f"You must call `compile()` before calling `{method}()`.")
        return self._training

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._training is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer given to `compile`, None before."""
        return None if self._training is None else self._training.optimizer

    @property
    def loss(self) -> Any:
        """The loss as given to `compile`."""
        return None if self._training is None else self._training.loss.loss

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op."""
        return self._training is not None and self._training.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._compiled("run_eagerly").run_eagerly = bool(value)

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled: always, unless `run_eagerly`."""
        return not self.run_eagerly

    @jit_compile.setter
    def jit_compile(self, value: Any) -> None:
        """Accepted: compiling is chosen by `run_eagerly`."""

    @property
    def steps_per_execution(self) -> int:
        """As given to `compile`; `fit` makes many steps per native call anyway."""
        return 1 if self._training is None else self._training.steps_per_execution

    @property
    def stop_training(self) -> bool:
        """Set it in a callback to end `fit` after the present batch or epoch."""
        return self._early_stop

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        object.__setattr__(self, "_early_stop", bool(value))

    # -- losses and metrics ------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The running loss, the compiled metrics as one, the running losses of several
        outputs, and metrics set as attributes of the model and its layers. May be
        overridden: these are what is reset at the beginning of epochs."""
        state = self._training
        if state is None:
            return self._own_metrics()
        model: Any = self
        key = (model.structure_version, len(self._metrics))
        if state.own_metrics is None or state.own_metrics[0] != key:
            state.own_metrics = key, self._own_metrics()
        return [*state.compiled_metrics(), *state.own_metrics[1]]

    def _own_metrics(self) -> list[Any]:
        """The metrics set as attributes of the model and of its layers."""
        model: Any = self
        below = (m for layer in model._flatten_layers() for m in layer._metrics)
        unique = {id(metric): metric for metric in (*self._metrics, *below)}
        return list(unique.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    @property
    def _loss_tracker(self) -> Any:
        """The running mean of the loss."""
        return None if self._training is None else self._training.loss_tracker

    def get_metrics_result(self) -> dict[str, Any]:
        """The value of every metric, by name: numbers, or tensors inside a step."""
        traced = current_trace() is not None
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result() if traced else metric.read()
            if isinstance(value, dict):
                results.update(value)
            else:
                results[metric.name] = value
        return results

    def reset_metrics(self) -> None:
        """Start all metrics over."""
        for metric in self.metrics:
            metric.reset_state()

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss that is minimized, regularization included. May be overridden; it is
        called while a step is traced."""
        state = self._compiled("compute_loss")
        total, each = total_loss(state, y, y_pred, sample_weight)
        state.track_terms(each, rows_of(y_pred))
        return total

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Take a batch into the compiled metrics and return the results of all. May be
        overridden to log other numbers."""
        state = self._compiled("compute_metrics")
        state.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()


def rows_of(structure: Any) -> float:
    """The number of rows of a batch of tensors."""
    for tensor in tree.flatten(structure):
        if hasattr(tensor, "shape") and len(tensor.shape):
            return float(tensor.shape[0])
    return 1.0
