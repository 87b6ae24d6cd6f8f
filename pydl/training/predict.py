"""`predict`: outputs for arrays, with as little as possible around the native call."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from pydl import tree
from pydl.placement import current_device, machine
from pydl.runtime import numerics
from pydl.runtime.cache import ProgramCache
from pydl.runtime.program import CompiledProgram, compile_graph
from pydl.training.callback import CallbackList
from pydl.training.checked import CheckedStep
from pydl.training.data import ArrayData
from pydl.training.eager import EagerStep
from pydl.training.rows import HostRows
from pydl.training.slices import Pace, Passes
from pydl.training.step import Feed, Step, trace_predict

_ONE = np.ones(1, "int64")
_ONE.flags.writeable = False


class Prediction:
    """A compiled prediction step and how its results are put together."""

    def __init__(self, step: Step, structure: Any, outputs: Any) -> None:
        self.step = step
        self.structure = structure
        #: Shape of a batch and dtype of each output.
        self.outputs = outputs
        self.single = outputs[0] if structure == 0 and len(outputs) == 1 else None

    def new_outputs(self, rows: int) -> list[np.ndarray]:
        """Memory for the outputs of all rows."""
        return [np.empty((rows, *shape[1:]), dtype) for shape, dtype in self.outputs]


class Predictor:
    """The prediction programs of a model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.programs: ProgramCache[Prediction] = ProgramCache(limit=32)
        #: Programs for single small float32 arrays by shape, of one structure version.
        self.quick: dict[tuple[int, ...], Prediction] = {}
        self.version: Any = None
        #: The model cannot be compiled: it asks for values while it is traced.
        self.needs_values = False
        #: Columns and structure of the inputs seen last, for `export`.
        self.inputs: Any = None

    def find_quick(self, x: np.ndarray) -> np.ndarray | None:
        """The prediction for a small array of a known shape, None for the long way."""
        known = (self.model.structure_version, machine())
        if self.version != known or numerics.enabled():
            return None
        found = self.quick.get(x.shape)
        if (
            found is None
            or found.single is None
            or x.dtype != np.float32
            or not x.flags.c_contiguous
        ):
            return None
        shape, dtype = found.single
        out = np.empty(shape, dtype)
        found.step.run_fast((_ONE, x), (out,))
        return out

    def get(self, data: ArrayData, batch: int) -> Prediction:
        """The program for batches of this size."""
        feed = Feed(data.signature, data.layout, batch)
        version = (self.model.structure_version, machine())
        self.inputs = data.inputs()
        checked = numerics.enabled()
        key = (feed.key, version, checked)
        made = self.programs.get(key, partial(self._make, feed))
        if self.version != version:
            self.quick.clear()
            self.version = version
        array = data.arrays[0]
        if (
            len(data.arrays) == 1
            and array.dtype == np.float32
            and made.single is not None
            and not checked
        ):
            if len(self.quick) > 256:
                self.quick.clear()
            self.quick[(batch, *array.shape[1:])] = made
        return made

    def _make(self, feed: Feed) -> Prediction:
        graph, structure = trace_predict(self.model, feed)
        outputs = [(out.value.shape, out.value.dtype) for out in graph.outputs]
        for shape, _ in outputs:
            if not shape or shape[0] != feed.batch:
                raise ValueError(
                    f"predict: expected outputs of {feed.batch} rows, the model "
                    f"{self.model.name!r} returned shape {shape}"
                )
        step: Step = compile_graph(graph)
        if isinstance(step, CompiledProgram) and numerics.enabled():
            by_op = EagerStep(
                lambda open: trace_predict(self.model, feed, open=open)[0]
            )
            step = CheckedStep(step, by_op)
        return Prediction(step, structure, outputs)


def predict(
    predictor: Predictor, data: ArrayData, batch: int, callbacks: CallbackList | None,
    steps: int | None,
) -> Any:  # fmt: skip
    """See `Trainer.predict`."""
    batch = min(batch, data.rows)
    made: list[Prediction] = []

    def make_step(size: int, rows: int) -> Step:
        made.append(predictor.get(data, size))
        return made[-1].step

    one = callbacks is not None and callbacks.every_batch("predict")
    place = current_device()
    passes = Passes(
        data, batch, make_step, Pace(1 if one else None), device=place,
        source=HostRows(data, False, place),
    )  # fmt: skip
    total = min(steps or passes.per_sweep, passes.per_sweep)
    outputs = made[0].new_outputs(data.rows)
    if callbacks is not None:
        callbacks.on_predict_begin()
    done = 0
    while done < total:
        if callbacks is not None:
            callbacks.on_predict_batch_begin(done)
        done += passes.run(total - done, outputs)
        if callbacks is not None:
            callbacks.on_predict_batch_end(done - 1)
    if callbacks is not None:
        callbacks.on_predict_end()
    rows = min(total * batch, data.rows)
    return tree.pack_sequence_as(made[0].structure, [out[:rows] for out in outputs])
