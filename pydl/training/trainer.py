"""The part of `Model` that compiles, trains, evaluates, predicts and exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import tree
from pydl.placement import CPU, device
from pydl.plan.explain import PlanTable
from pydl.training.callback import CallbackList
from pydl.training.config import deserialize_arguments, serialize_arguments
from pydl.training.data import ArrayData, check_batch_size, weigh_classes
from pydl.training.evaluate import Evaluation
from pydl.training.explain import explain_model
from pydl.training.export import export_model
from pydl.training.fit import Options, fit, prepare_data, resolve_verbose
from pydl.training.predict import Predictor, predict
from pydl.training.state import TrainingState
from pydl.training.step import total_loss


class Trainer:
    """A mixin; the class it is mixed into has layers, variables and a `call`."""

    _training: TrainingState | None = None
    _predictor: Predictor | None = None
    _compile_arguments: dict[str, Any] | None = None
    _early_stop = False
    history: Any = None

    # -- configuration -----------------------------------------------------------------

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
            loss: a name, function or Loss; a list or dict of them for several outputs.
            loss_weights: factors of the losses of several outputs.
            metrics: names, functions or Metrics.
            weighted_metrics: the same, weighted by sample weights.
            run_eagerly: run op by op, so that layers can be stepped through.
            steps_per_execution: accepted; `fit` makes many steps per native call
                anyway.
            jit_compile: accepted; steps are always compiled unless run_eagerly.
            auto_scale_loss: accepted; it concerns float16 training only.
        """
        _refuse_own_steps(type(self))
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

    @property
    def _has_own_loss(self) -> bool:
        return type(self).compute_loss is not Trainer.compute_loss

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss that is minimized, regularization included. May be overridden; it is
        called while the step is traced."""
        return total_loss(self._compiled("compute_loss"), y, y_pred, sample_weight)[0]

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
    def metrics(self) -> list[Any]:
        """The running loss and the metrics."""
        return [] if self._training is None else self._training.all_metrics()

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

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

    @property
    def stop_training(self) -> bool:
        """Set it in a callback to end `fit` after the present batch or epoch."""
        return self._early_stop

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        object.__setattr__(self, "_early_stop", bool(value))

    def get_metrics_result(self) -> dict[str, float]:
        """The value of every metric, by name."""
        return self._compiled("get_metrics_result").results()

    def reset_metrics(self) -> None:
        """Start all metrics over."""
        for metric in self.metrics:
            metric.reset_state()

    def _ensure_built(self, data: ArrayData) -> None:
        """Make the weights of a model that has seen no shapes yet."""
        model: Any = self
        if not model.built:
            x, _, _ = data.unflatten([array[:1] for array in data.arrays])
            with device(CPU):
                model(x)

    # -- arrays ------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train for a number of epochs. Returns a `History`.

        Args:
            x: input rows: an array, or a list or dict of arrays.
            y: labels, one per row.
            batch_size: rows of a step, 32 unless given.
            epochs: the number of the epoch to stop at.
            verbose: 0 silent, 1 or "auto" progress, 2 one line per epoch.
            callbacks: a list of `Callback`s.
            validation_split: the share of the last rows kept for validation.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)``.
            shuffle: take rows in a new order each epoch.
            class_weight: ``{class: weight}``.
            sample_weight: one weight per row.
            initial_epoch: the number of the epoch to start at.
            steps_per_epoch: end epochs after so many steps.
            validation_steps: batches of the validation data to use.
            validation_batch_size: rows of a validation step, as `batch_size` unless
                given.
            validation_freq: validate every so many epochs, or a list of epochs.
        """
        state = self._compiled("fit")
        data, held_out = prepare_data(
            x, y, sample_weight, class_weight, validation_split, validation_data
        )
        options = Options(
            batch_size, epochs, initial_epoch, verbose, shuffle, steps_per_epoch,
            validation_steps, validation_batch_size, validation_freq,
        )  # fmt: skip
        return fit(state, data, held_out, callbacks, options)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics over arrays: a number, a list, or a dict (`return_dict`)."""
        if kwargs:
            raise ValueError(f"evaluate: unknown arguments: {', '.join(kwargs)}")
        state = self._compiled("evaluate")
        data = ArrayData(x, y, sample_weight)
        self._ensure_built(data)
        hooks = _hooks(callbacks, verbose, self)
        evaluation = Evaluation(state, data, check_batch_size(batch_size), hooks, steps)
        hooks.set_params(
            {"verbose": resolve_verbose(verbose), "steps": evaluation.steps}
        )
        return _shaped(evaluation.run(), return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for arrays, as NumPy arrays."""
        predictor = self._predictor
        if type(x) is np.ndarray and not verbose and predictor is not None:
            if (
                callbacks is None
                and len(x) <= (batch_size or 32)
                and not self.run_eagerly
            ):
                out = predictor.find_quick(x)
                if out is not None:
                    return out
        if predictor is None:
            predictor = Predictor(self)
            object.__setattr__(self, "_predictor", predictor)
        data = ArrayData(x)
        self._ensure_built(data)
        batch = check_batch_size(batch_size)
        hooks = None
        if callbacks is not None or resolve_verbose(verbose):
            hooks = _hooks(callbacks, verbose, self)
            count = -(-data.rows // batch)
            hooks.set_params(
                {"verbose": resolve_verbose(verbose), "steps": steps or count}
            )
        return predict(predictor, data, batch, hooks, steps, self.run_eagerly)

    # -- single batches ----------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch. Returns the running loss and metrics."""
        state = self._compiled("train_on_batch")
        if class_weight is not None:
            sample_weight = weigh_classes(y, class_weight, sample_weight)
        data = ArrayData(x, y, sample_weight)
        self._ensure_built(data)
        step = state.train_step(data, data.rows, 0, False)
        step.run_fast([np.ones(1, "int64"), *data.arrays], [])
        return _after_batch(state, return_dict)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics of one batch, added to the running ones."""
        state = self._compiled("test_on_batch")
        data = ArrayData(x, y, sample_weight)
        self._ensure_built(data)
        step = state.test_step(data, data.rows)
        step.run_fast([np.ones(1, "int64"), *data.arrays], [])
        return _after_batch(state, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        rows = len(x) if hasattr(x, "__len__") else None
        if tree.is_nested(x):
            rows = None
        return self.predict(x, batch_size=rows or len(tree.flatten(x)[0]), verbose=0)

    def explain(self) -> list[PlanTable]:
        """The programs made so far by `fit`, `evaluate` and `predict`: a printable
        table each, with the kernel chosen for every instruction and why others were
        not."""
        return explain_model(self)

    # -- files -------------------------------------------------------------------------

    def export(
        self,
        filepath: Any,
        format: str = "pydl",
        verbose: Any = None,
        input_signature: Any = None,
        batch_sizes: Sequence[int] = (1, 32, 256),
        **kwargs: Any,
    ) -> None:
        """Write a plan file that a C program runs and, if compiled, trains.

        Args:
            filepath: where to, usually ``"name.pydl"``.
            format: "pydl".
            verbose: True: say what was written.
            input_signature: shapes come from the model itself; must be None.
            batch_sizes: one ``predict:B`` entry is written for each.
            **kwargs: `train_batch_size`, 32 unless given: that of ``train_step:B``.
        """
        if format != "pydl":
            raise ValueError(f"export: format: expected 'pydl', received {format!r}")
        if input_signature is not None:
            raise ValueError(
                "export: input_signature must be None: the model knows its shapes"
            )
        train_batch = kwargs.pop("train_batch_size", 32)
        if kwargs:
            raise ValueError(f"export: unknown arguments: {', '.join(kwargs)}")
        entries = export_model(self, str(filepath), batch_sizes, train_batch)
        if verbose:
            print(f"wrote {filepath}: {', '.join(entries)}")


def _refuse_own_steps(cls: type) -> None:
    for name in ("train_step", "test_step", "predict_step"):
        if hasattr(cls, name):
            raise ValueError(
                f"compile: {cls.__name__}.{name} is defined, but own steps are not "
                "offered yet. Override compute_loss(), or write a loop with gradients "
                "and optimizer.apply()."
            )


def _hooks(callbacks: Any, verbose: Any, model: Any) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks, add_progbar=resolve_verbose(verbose) != 0, model=model
    )


def _after_batch(state: TrainingState, return_dict: bool) -> Any:
    stop = state.take_stop()
    if stop > 0:
        raise state.fault_error(stop)
    return _shaped(state.results(), return_dict)


def _shaped(logs: dict[str, Any], return_dict: bool) -> Any:
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
