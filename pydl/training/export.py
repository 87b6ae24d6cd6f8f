"""`export`: a model as a plan file, which runs and trains without Python.

Entries are ``predict:B`` and, for a compiled model, ``train_step:B``, one per batch
size, over one state. Each is a loop over "steps" batches: inputs and outputs advance by
one batch per pass. ``train_step`` is traced by the function that traces `fit` and
`train_on_batch`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import _core, tree
from pydl.graph.node import Graph
from pydl.graph.trace import Trace, outside_trace
from pydl.passes import run_passes
from pydl.plan.emit import emit
from pydl.training.data import Layout, Signature
from pydl.training.state import TrainingState
from pydl.training.step import Feed, trace_predict, trace_train


def export_model(
    model: Any, path: str, batch_sizes: Sequence[int], train_batch: int
) -> list[str]:
    """Write the file; returns the names of the entries in it."""
    for size in (*batch_sizes, train_batch):
        if int(size) < 1:
            raise ValueError(
                f"export: batch_sizes: expected ints >= 1, received {size}"
            )
    signature, layout = input_signature(model)
    graphs = [
        trace_predict(model, Feed(signature, layout, size), name=f"predict:{size}")[0]
        for size in dict.fromkeys(int(size) for size in batch_sizes)
    ]
    state: TrainingState | None = model._training
    if state is not None and state.owns_step("train"):
        warnings.warn(
            f"export: {type(model).__name__} has a train_step of its own, which is not "
            "written: the file predicts but does not train",
            stacklevel=3,
        )
    elif state is not None:
        graphs.append(_train_graph(state, signature, layout, int(train_batch)))
    emitted = emit([run_passes(graph) for graph in graphs], _notes(model))
    arrays = [
        item if isinstance(item, np.ndarray) else item.buffer for item in emitted.state
    ]
    _core.write_model(path, emitted.text, arrays)
    return [entry.name for entry in emitted.entries]


def input_signature(model: Any) -> tuple[Signature, Layout]:
    """Columns and structure of the model's inputs: those seen last, or declared."""
    for seen in (model._training, model._predictor):
        if seen is not None and seen.inputs is not None:
            signature, layout = seen.inputs
            return signature, layout
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError(
            f"export: model {model.name!r} has no known input shape. Give it an Input, "
            "or call predict() or fit() on data first."
        )
    flat = tree.flatten(inputs)
    names = ["x"] if len(flat) == 1 else [f"x[{i}]" for i in range(len(flat))]
    columns = []
    for name, tensor in zip(names, flat, strict=True):
        tail = tuple(tensor.shape)[1:]
        if any(size is None for size in tail):
            raise ValueError(
                f"export: input {name!r} of model {model.name!r} has unknown sizes "
                f"{tail}: call predict() on data of the wanted shape first"
            )
        columns.append((name, tail, str(tensor.dtype)))
    structure = 0 if len(flat) == 1 else [0] * len(flat)
    return tuple(columns), ((structure, len(flat)), (None, 0), (None, 0))


def _train_graph(
    state: TrainingState, signature: Signature, layout: Layout, batch: int
) -> Graph:
    labels = state.labels or _default_labels(state, Feed(signature, layout, batch))
    columns, structure = labels
    feed = Feed(
        (*signature, *columns), (layout[0], (structure, len(columns)), (None, 0)), batch
    )
    return trace_train(state, feed, export=True, name=f"train_step:{batch}")


def _default_labels(state: TrainingState, feed: Feed) -> tuple[Signature, Any]:
    """The labels a loss expects, when the model has never been trained."""
    with Trace("shapes") as trace:
        x, _, _ = feed.bring_in(trace)
        outputs = tree.flatten(state.model(x, training=False))
    columns = []
    sparse = "sparse" in str(getattr(state.loss.loss, "name", state.loss.loss)).lower()
    for i, tensor in enumerate(outputs):
        name = "y" if len(outputs) == 1 else f"y[{i}]"
        tail = tuple(tensor.shape)[1:]
        columns.append(
            (name, tail[:-1], "int64") if sparse else (name, tail, "float32")
        )
    return tuple(columns), 0 if len(columns) == 1 else [0] * len(columns)


def _notes(model: Any) -> dict[str, str]:
    with outside_trace():
        return {"model": str(model.name), "class": type(model).__name__}
