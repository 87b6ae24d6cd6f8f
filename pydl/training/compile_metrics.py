"""The metrics given to `compile`, matched to a model's outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydl import tree
from pydl.metrics import Metric
from pydl.runtime.variable import Variable
from pydl.training.outputs import Output, outputs_of, pick, sample_weights, targets
from pydl.training.resolve import resolve_metric


@dataclass(frozen=True)
class Entry:
    """One metric of one output."""

    output: int
    metric: Metric
    weighted: bool
    name: str


class CompiledMetrics(Metric):
    """The metrics of all outputs, weighted and not, as one metric.

    Args:
        metrics: a list (one output), one entry for each output, a dict by name or key,
            or the structure the model returns. An entry is a metric or a list of them.
        weighted_metrics: the same; these take sample weights.
        names: gives the names of a functional model's outputs, None if unknown.
    """

    def __init__(
        self,
        metrics: Any,
        weighted_metrics: Any,
        names: Callable[[], list[str] | None],
    ) -> None:
        super().__init__(name="compile_metrics")
        _check_form("metrics", metrics)
        _check_form("weighted_metrics", weighted_metrics)
        self.user_metrics = metrics
        self.user_weighted = weighted_metrics
        self._names = names
        #: Made at the first update, when shapes are known.
        self.entries: list[Entry] = []
        self.built = False

    @property
    def metrics(self) -> list[Metric]:
        """The metrics themselves; none before the first update."""
        return [entry.metric for entry in self.entries]

    @property
    def names(self) -> list[str]:
        """Their names in logs."""
        return [entry.name for entry in self.entries]

    @property
    def variables(self) -> list[Variable]:
        return [v for metric in self.metrics for v in metric.variables]

    def build(self, y: Any, y_pred: Any) -> None:
        """Make objects of names, now that shapes are known."""
        outputs = outputs_of(y_pred, self._names())
        flat = tree.flatten(y_pred)
        plain = _wanted("metrics", self.user_metrics, outputs)
        weighted = _wanted("weighted_metrics", self.user_weighted, outputs)
        needed = [bool(a or b) for a, b in zip(plain, weighted, strict=True)]
        labels = targets(y, y_pred, outputs, needed)
        counts: dict[str, int] = {}
        for wanted, is_weighted in ((plain, False), (weighted, True)):
            for at, identifiers in enumerate(wanted):
                for identifier in identifiers:
                    metric = resolve_metric(identifier, labels[at], flat[at])
                    prefix = _prefix(outputs, at)
                    name = _unused(prefix, metric.name, is_weighted, counts)
                    self.entries.append(Entry(at, metric, is_weighted, name))
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch."""
        if y_true is None or not (self.user_metrics or self.user_weighted):
            return
        if not self.built:
            self.build(y_true, y_pred)
        outputs = outputs_of(y_pred, self._names())
        used = {entry.output for entry in self.entries}
        flat = tree.flatten(y_pred)
        labels = targets(y_true, y_pred, outputs, [i in used for i in range(len(flat))])
        weights = sample_weights(sample_weight, outputs)
        for entry in self.entries:
            at = entry.output
            weight = weights[at] if entry.weighted else None
            if weight is None:
                entry.metric.update_state(labels[at], flat[at])
            else:
                entry.metric.update_state(labels[at], flat[at], sample_weight=weight)

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The value of each metric by its name in logs."""
        return {entry.name: entry.metric.result() for entry in self.entries}

    def read(self) -> dict[str, Any]:
        """As `result`, in Python numbers."""
        return {entry.name: entry.metric.read() for entry in self.entries}


def _check_form(argument: str, given: Any) -> None:
    if given and not isinstance(given, (list, tuple, dict)):
        raise ValueError(
            f"Expected `{argument}` argument to be a list, tuple, or dict. Received "
            f"instead: {argument}={given!r} of type {type(given)}"
        )


def _wanted(argument: str, given: Any, outputs: Sequence[Output]) -> list[list[Any]]:
    """The metrics of each output, as the user gave them."""
    if not given:
        return [[] for _ in outputs]
    if len(outputs) == 1:
        return [_listed(given)]
    return [_listed(entry) for entry in pick(argument, given, outputs)]


def _listed(entry: Any) -> list[Any]:
    return [item for item in tree.flatten(entry) if item is not None]


def _prefix(outputs: Sequence[Output], at: int) -> str:
    """Where there are several outputs, their names stand before the metrics'."""
    name = outputs[at].name if len(outputs) > 1 else None
    return f"{name}_" if name else ""


def _unused(prefix: str, name: str, weighted: bool, counts: dict[str, int]) -> str:
    """The name in logs: a second one of a name is ``weighted_`` or numbered."""
    full = prefix + name
    if full in counts and weighted and f"{prefix}weighted_{name}" not in counts:
        full = f"{prefix}weighted_{name}"
    seen = counts.get(full, 0)
    counts[full] = seen + 1
    return f"{full}_{seen}" if seen else full
