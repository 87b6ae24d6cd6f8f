"""Losses and metrics from what users give: names, functions or objects.

Names such as "accuracy" become objects when the shapes of labels and predictions are
first seen, that is while the first step is traced.
"""

from __future__ import annotations

from typing import Any

from pydl import losses as losses_module
from pydl import metrics as metrics_module
from pydl import tree
from pydl.graph.trace import outside_trace
from pydl.lookup import object_name
from pydl.losses import Loss, LossFunctionWrapper
from pydl.metrics import MeanMetricWrapper, Metric


def label_kind(y_true: Any, y_pred: Any) -> str:
    """ "binary", "sparse" or "categorical", judged by shapes as Keras does."""
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if pred and pred[-1] == 1:
        return "binary"
    if len(true) < len(pred) or (true and true[-1] == 1 and pred[-1] > 1):
        return "sparse"
    return "categorical"


def resolve_loss(identifier: Any, y_true: Any, y_pred: Any) -> Loss:
    """A Loss from a name, a function or an object."""
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        prefix = {"binary": "binary", "sparse": "sparse_categorical"}
        kind = prefix.get(label_kind(y_true, y_pred), "categorical")
        identifier = f"{kind}_crossentropy"
    found = losses_module.get(identifier)
    if isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=object_name(found))


def resolve_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    """A Metric from a name, a function or an object."""
    found: Any
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        found = {
            "binary": metrics_module.BinaryAccuracy,
            "sparse": metrics_module.SparseCategoricalAccuracy,
            "categorical": metrics_module.CategoricalAccuracy,
        }[label_kind(y_true, y_pred)]()
    elif isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found = {
            "binary": metrics_module.BinaryCrossentropy,
            "sparse": metrics_module.SparseCategoricalCrossentropy,
            "categorical": metrics_module.CategoricalCrossentropy,
        }[label_kind(y_true, y_pred)]()
    else:
        found = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else object_name(found)
    if not isinstance(found, Metric):
        found = MeanMetricWrapper(found)
    found.name = name
    metric: Metric = found
    return metric


def check_names(loss: Any, metrics: Any) -> None:
    """Raise ValueError at once for names nothing is known by."""
    for identifier in tree.flatten(loss):
        if isinstance(identifier, str) and identifier.lower() not in (
            "crossentropy",
            "ce",
        ):
            losses_module.get(identifier)
    shorthand = ("accuracy", "acc", "crossentropy", "ce")
    for identifier in tree.flatten(metrics):
        if isinstance(identifier, str) and identifier.lower() not in shorthand:
            with outside_trace():
                metrics_module.get(identifier)
