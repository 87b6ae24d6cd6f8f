"""`predict` batch by batch: for sources, and for models that run op by op."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pydl import tree
from pydl.graph.node import Graph
from pydl.graph.trace import NeedsValue
from pydl.training.adapters.sources import Source
from pydl.training.adapters.stream import Stream, Unpacked
from pydl.training.callback import CallbackList
from pydl.training.data import ArrayData
from pydl.training.eager import EagerStep
from pydl.training.predict import Predictor
from pydl.training.step import Feed, Open, trace_predict

_ONE = np.ones(1, "int64")
_ONE.flags.writeable = False

#: The structure of what the model returns, and its leaves for one batch.
Result = tuple[Any, list[np.ndarray]]


def predict_stream(
    predictor: Predictor, source: Source, callbacks: CallbackList | None,
    steps: int | None, eager: bool,
) -> Any:  # fmt: skip
    """See `Trainer.predict`."""
    results: list[Result] = []
    stream = Stream(source, lambda s: results.append(_run(predictor, s, eager)), steps)
    try:
        predictor.model._ensure_built(stream.first())
        if callbacks is not None:
            callbacks.on_predict_begin()
        while (steps is None or len(results) < steps) and stream.ready():
            if callbacks is not None:
                callbacks.on_predict_batch_begin(len(results))
            stream.run(1)
            if callbacks is not None:
                callbacks.on_predict_batch_end(len(results) - 1)
        if callbacks is not None:
            callbacks.on_predict_end()
    finally:
        stream.close()
    structure = results[0][0]
    leaves = zip(*(flat for _, flat in results), strict=True)
    return tree.pack_sequence_as(structure, [np.concatenate(leaf) for leaf in leaves])


def _run(predictor: Predictor, stream: Stream, eager: bool) -> Result:
    model = predictor.model
    if model.overrides("make_predict_function"):
        outputs = model.predict_function(iter(Unpacked(stream)))
        flat = [np.asarray(leaf) for leaf in tree.flatten(outputs)]
        return tree.map_structure(lambda _: 0, outputs), flat
    x, _, _ = (data := stream.take()).unflatten(data.arrays)
    return predict_batch(predictor, ArrayData(x), eager)


def predict_batch(predictor: Predictor, data: ArrayData, eager: bool) -> Result:
    """The outputs for one batch: compiled, or op by op where values are needed."""
    if not eager and not predictor.needs_values:
        try:
            made = predictor.get(data, data.rows)
        except NeedsValue as error:
            predictor.needs_values = True
            warnings.warn(
                f"the prediction of {type(predictor.model).__name__} cannot be "
                f"compiled and runs op by op, which is slower: {error}",
                stacklevel=2,
            )
        else:
            outputs = made.new_outputs(data.rows)
            made.step.run_fast([_ONE, *data.arrays], outputs)
            return made.structure, outputs
    feed = Feed(data.signature, data.layout, data.rows)
    found: list[Any] = []

    def trace(open: Open) -> Graph:
        graph, structure = trace_predict(predictor.model, feed, open=open)
        found.append(structure)
        return graph

    outputs = list(EagerStep(trace).run([_ONE, *data.arrays]).values())
    return found[0], outputs
