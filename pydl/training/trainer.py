"""The part of `Model` that trains, evaluates, predicts and exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.trace import NeedsValue
from pydl.layers.base import Layer
from pydl.placement import CPU, device
from pydl.plan.explain import PlanTable
from pydl.training.adapters.sources import ArraySource, Source, find_source
from pydl.training.adapters.stream import Stream
from pydl.training.callback import CallbackList
from pydl.training.compile_metrics import CompiledMetrics
from pydl.training.data import ArrayData, check_batch_size, weigh_classes
from pydl.training.evaluate import Evaluation
from pydl.training.explain import explain_model
from pydl.training.export import export_model
from pydl.training.fit import Options, fit, prepare_data, resolve_verbose
from pydl.training.predict import Predictor, predict
from pydl.training.predict_stream import predict_stream
from pydl.training.state import TrainingState
from pydl.training.step_methods import StepMethods


class Trainer(StepMethods):
    """A mixin; the class it is mixed into has layers, variables and a `call`."""

    _predictor: Predictor | None = None

    def _ensure_built(self, data: ArrayData) -> None:
        """Make the weights of a model that has seen no shapes yet."""
        model: Any = self
        has_call = type(model).call is not Layer.call  # a GAN's steps call its parts
        if not model.built and has_call:
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
            x: input rows: an array, or a list or dict of arrays, of NumPy or of another
                library (tables and tensors); or a source of batches, each of them
                ``(x, y)`` or ``(x, y, sample_weight)``: a generator, a
                `pydl.utils.PyDataset`, a PyTorch DataLoader, a tf.data.Dataset.
                Sources are read ahead by a thread.
            y: labels, one per row; None if `x` is a source.
            batch_size: rows of a step, 32 unless given. Sources have their own.
            epochs: the number of the epoch to stop at.
            verbose: 0 silent, 1 or "auto" progress, 2 one line per epoch.
            callbacks: a list of `Callback`s.
            validation_split: the share of the last rows kept for validation.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)``, or a source.
            shuffle: take rows in a new order each epoch; of a PyDataset, batches.
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
            validation_steps, validation_batch_size, validation_freq, class_weight,
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
        """Loss and metrics over arrays or a source of batches (see `fit`): a number, a
        list, or a dict (`return_dict`)."""
        if kwargs:
            raise ValueError(f"evaluate: unknown arguments: {', '.join(kwargs)}")
        state = self._compiled("evaluate")
        data = find_source(x, y, sample_weight) or ArrayData(x, y, sample_weight)
        if isinstance(data, ArrayData):
            self._ensure_built(data)
        hooks = _hooks(callbacks, verbose, self)
        evaluation = Evaluation(state, data, check_batch_size(batch_size), hooks, steps)
        passes = evaluation.passes
        try:
            if isinstance(passes, Stream):
                self._ensure_built(passes.first())
            hooks.set_params(
                {"verbose": resolve_verbose(verbose), "steps": evaluation.steps}
            )
            return self._shaped(evaluation.run(), return_dict)
        finally:
            passes.close()

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for arrays, or a source of batches, as NumPy arrays."""
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
        source = find_source(x)
        batch = check_batch_size(batch_size)
        if source is None:
            data = ArrayData(x)
            self._ensure_built(data)
            source = self._predicted_as_stream(predictor, data, batch)
            count: int | None = -(-data.rows // batch)
        else:
            count = source.num_batches
        hooks = None
        if callbacks is not None or resolve_verbose(verbose):
            hooks = _hooks(callbacks, verbose, self)
            hooks.set_params(
                {"verbose": resolve_verbose(verbose), "steps": steps or count}
            )
        self.make_predict_function()
        if source is None:
            return predict(predictor, data, batch, hooks, steps)
        return predict_stream(predictor, source, hooks, steps, self.run_eagerly)

    def _predicted_as_stream(
        self, predictor: Predictor, data: ArrayData, batch: int
    ) -> Source | None:
        """The arrays as a source if they must go batch by batch through Python."""
        if not (self.run_eagerly or self.overrides("make_predict_function")):
            try:
                predictor.get(data, min(batch, data.rows))
                return None
            except NeedsValue:  # `predict_batch` says so
                pass
        return ArraySource(data, batch, None)

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
        return self._after_batch(state, "train", return_dict)

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
        return self._after_batch(state, "test", return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        rows = len(x) if hasattr(x, "__len__") else None
        if tree.is_nested(x):
            rows = None
        return self.predict(x, batch_size=rows or len(tree.flatten(x)[0]), verbose=0)

    def _after_batch(self, state: TrainingState, mode: str, return_dict: bool) -> Any:
        stop = state.take_stop()
        if stop > 0:
            raise state.fault_error(stop)
        return self._shaped(state.results(mode), return_dict)

    def _shaped(self, logs: dict[str, Any], return_dict: bool) -> Any:
        """The dict itself, or its values: those of the metrics first, in their order
        (one of a name for each of several metrics of that name, as in Keras), the
        others by sorted name."""
        if return_dict:
            return logs
        names: list[str] = []
        for metric in self.metrics:
            inner = metric.metrics if isinstance(metric, CompiledMetrics) else [metric]
            names += [m.name for m in inner if m.name in logs]
        names += [name for name in logs if name not in names]  # these are sorted
        values = [logs[name] for name in names]
        return values[0] if len(values) == 1 else values

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


def _hooks(callbacks: Any, verbose: Any, model: Any) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks, add_progbar=resolve_verbose(verbose) != 0, model=model
    )
