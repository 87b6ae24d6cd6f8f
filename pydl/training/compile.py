"""What `compile` was given, made ready: losses and metrics matched to outputs.

Names such as "accuracy" become objects when the shapes of labels and predictions are
first seen, that is while the first step is traced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import losses as losses_module
from pydl import metrics as metrics_module
from pydl import ops, tree
from pydl.graph.trace import outside_trace
from pydl.lookup import object_name
from pydl.losses import Loss, LossFunctionWrapper
from pydl.metrics import Mean, MeanMetricWrapper, Metric


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


def _per_output(argument: str, value: Any, names: Sequence[str]) -> list[Any]:
    """What was given for each output: one thing for all, a list, or a dict by name."""
    if isinstance(value, dict):
        unknown = [key for key in value if key not in names]
        if unknown:
            raise ValueError(
                f"{argument}: no output is named {unknown[0]!r}; the outputs are "
                f"{list(names)}"
            )
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ValueError(
                f"{argument}: expected one entry for each of {len(names)} outputs "
                f"{list(names)}, received {len(value)}"
            )
        return list(value)
    return [value] * len(names)


def _pairs(y: Any, y_pred: Any, names: Sequence[str]) -> list[tuple[Any, Any]]:
    """Labels and predictions output by output."""
    pred = tree.flatten(y_pred)
    true = [y[name] for name in names] if isinstance(y, dict) else tree.flatten(y)
    if len(true) != len(pred):
        raise ValueError(
            f"y: expected labels for each of {len(pred)} outputs {list(names)}, "
            f"received {len(true)} array(s)"
        )
    return list(zip(true, pred, strict=True))


def _weights(sample_weight: Any, names: Sequence[str]) -> list[Any]:
    if isinstance(sample_weight, dict):
        return [sample_weight.get(name) for name in names]
    flat = tree.flatten(sample_weight)
    return flat if len(flat) == len(names) else [sample_weight] * len(names)


def _classes(loss: Loss | None, y_pred: Any) -> int:
    """The number of classes when the loss takes integer labels, else 0."""
    if getattr(loss, "fn", None) is not losses_module.sparse_categorical_crossentropy:
        return 0
    return int(y_pred.shape[getattr(loss, "axis", -1)])


class CompiledLoss:
    """The losses of all outputs and their weighted sum."""

    def __init__(self, loss: Any, loss_weights: Any) -> None:
        self.loss = loss
        self.loss_weights = loss_weights
        #: One per output, None where an output has no loss. Made at the first call.
        self.resolved: list[Loss | None] = []
        #: The number of classes of outputs with integer labels, else 0.
        self.classes: list[int] = []
        #: The unweighted loss of each output, where there are several.
        self.trackers: list[Mean] = []

    def build(self, pairs: Sequence[tuple[Any, Any]], names: Sequence[str]) -> None:
        """Make objects of names, now that shapes are known."""
        if self.resolved:
            return
        wanted = _per_output("loss", self.loss, names)
        self.resolved = [
            None if loss is None else resolve_loss(loss, *pair)
            for loss, pair in zip(wanted, pairs, strict=True)
        ]
        self.classes = [
            _classes(loss, pred)
            for loss, (_, pred) in zip(self.resolved, pairs, strict=True)
        ]
        self.weights = _per_output("loss_weights", self.loss_weights, names)
        if len(names) > 1:
            self.trackers = [Mean(name=f"{name}_loss") for name in names]

    def __call__(
        self, y: Any, y_pred: Any, sample_weight: Any, names: Sequence[str]
    ) -> tuple[Any, list[Any]]:
        """The total loss (None: no loss) and the loss of each output."""
        if self.loss is None:
            return None, []
        if y is None:
            raise ValueError(
                f"y: expected labels for the loss {self.loss!r}, received None"
            )
        pairs = _pairs(y, y_pred, names)
        self.build(pairs, names)
        each: list[Any] = []
        total = None
        weights = _weights(sample_weight, names)
        for i, ((true, pred), weight) in enumerate(zip(pairs, weights, strict=True)):
            loss = self.resolved[i]
            value = None if loss is None else loss(true, pred, weight)
            each.append(value)
            if value is None:
                continue
            if len(value.shape):  # reduction None: the step needs one number
                value = ops.mean(value)
            if self.weights[i] is not None:
                value = ops.multiply(value, float(self.weights[i]))
            total = value if total is None else ops.add(total, value)
        return total, each


class CompiledMetrics:
    """The metrics of all outputs, weighted and not."""

    def __init__(self, metrics: Any, weighted_metrics: Any) -> None:
        self.user_metrics = metrics
        self.user_weighted = weighted_metrics
        #: (output number, metric, uses sample weights). Made at the first call.
        self.entries: list[tuple[int, Metric, bool]] = []
        self.names: list[str] = []
        self._built = False

    @property
    def metrics(self) -> list[Metric]:
        return [metric for _, metric, _ in self.entries]

    def build(self, pairs: Sequence[tuple[Any, Any]], names: Sequence[str]) -> None:
        """Make objects of names, now that shapes are known."""
        if self._built:
            return
        for user, weighted in ((self.user_metrics, False), (self.user_weighted, True)):
            for output, wanted in enumerate(self._by_output(user, names)):
                for identifier in tree.flatten(wanted):
                    if identifier is None:
                        continue
                    metric = resolve_metric(identifier, *pairs[output])
                    self.entries.append((output, metric, weighted))
                    prefix = f"{names[output]}_" if len(names) > 1 else ""
                    self.names.append(prefix + metric.name)
        self._built = True

    def _by_output(self, user: Any, names: Sequence[str]) -> list[Any]:
        if user is None:
            return [None] * len(names)
        if isinstance(user, dict):
            return _per_output("metrics", user, names)
        flat = list(user) if isinstance(user, (list, tuple)) else [user]
        if len(names) == 1:
            return [flat]
        nested = [isinstance(item, (list, tuple)) or item is None for item in flat]
        if len(flat) == len(names) and all(nested):
            return flat
        return [flat] + [None] * (len(names) - 1) if not any(nested) else flat

    def update(
        self, y: Any, y_pred: Any, sample_weight: Any, names: Sequence[str]
    ) -> None:
        """Take in a batch."""
        if y is None or (self.user_metrics is None and self.user_weighted is None):
            return
        pairs = _pairs(y, y_pred, names)
        self.build(pairs, names)
        weights = _weights(sample_weight, names)
        for output, metric, weighted in self.entries:
            metric.update_state(
                *pairs[output], sample_weight=weights[output] if weighted else None
            )
