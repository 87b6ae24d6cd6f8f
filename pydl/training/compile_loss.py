"""The losses given to `compile`, matched to a model's outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydl import losses as losses_module
from pydl import ops, tree
from pydl.losses import Loss
from pydl.metrics import Mean
from pydl.training.outputs import Output, outputs_of, pick, sample_weights, targets
from pydl.training.resolve import resolve_loss


@dataclass(frozen=True)
class Term:
    """One summand of the total loss."""

    output: int
    loss: Loss
    factor: float | None
    name: str


class CompiledLoss:
    """The losses of all outputs and their weighted sum.

    Args:
        loss: a name, function or Loss for all outputs; a list or dict of them; or the
            structure the model returns, None where an output has no loss.
        loss_weights: the factor of each loss, in the same forms.
        names: gives the names of a functional model's outputs, None if unknown.
    """

    def __init__(
        self, loss: Any, loss_weights: Any, names: Callable[[], list[str] | None]
    ) -> None:
        self.loss = loss
        self.loss_weights = loss_weights
        self._names = names
        #: Made at the first call, when shapes are known.
        self.terms: list[Term] = []
        #: The first loss of each output, and the number of classes of those with
        #: integer labels, else 0.
        self.resolved: list[Loss | None] = []
        self.classes: list[int] = []
        #: The unweighted value of each term, where there are several.
        self.trackers: list[Mean] = []

    @property
    def metrics(self) -> list[Mean]:
        """The running unweighted losses of several outputs."""
        return self.trackers

    def _wanted(self, outputs: Sequence[Output]) -> list[list[Any]]:
        """The losses of each output as the user gave them."""
        if len(outputs) == 1:  # a list holds several losses of the one output
            found = tree.flatten(self.loss)
            if isinstance(self.loss, dict):
                found = pick("loss", self.loss, outputs)
            return [[loss for loss in found if loss is not None]]
        each = pick("loss", self.loss, outputs)
        return [[] if loss is None else [loss] for loss in each]

    def _factors(self, outputs: Sequence[Output], count: int) -> list[Any]:
        """The factor of each output, or of each of several losses of one output."""
        given = self.loss_weights
        if len(outputs) == 1 and isinstance(given, (list, tuple)):
            if len(given) != count:
                raise ValueError(
                    "`loss_weights` must match the number of losses, got "
                    f"{count} losses and {len(given)} weights."
                )
            return list(given)
        if len(outputs) == 1:
            return pick("loss_weights", given, outputs) * count
        return pick("loss_weights", given, outputs)

    def build(self, y: Any, y_pred: Any) -> None:
        """Make objects of names, now that shapes are known."""
        outputs = outputs_of(y_pred, self._names())
        wanted = self._wanted(outputs)
        flat = tree.flatten(y_pred)
        labels = targets(y, y_pred, outputs, [bool(losses) for losses in wanted])
        factors = [_factor(f) for f in self._factors(outputs, len(wanted[0]))]
        resolved: list[list[Loss]] = []
        for index, losses in enumerate(wanted):
            found = [resolve_loss(loss, labels[index], flat[index]) for loss in losses]
            resolved.append(found)
            for at, loss in enumerate(found):
                given = losses[at] if isinstance(losses[at], str) else loss.name
                label = outputs[index].label(given)
                factor = factors[at if len(outputs) == 1 else index]
                name = given if len(found) > 1 else label
                self.terms.append(Term(index, loss, factor, name))
        self.resolved = [found[0] if found else None for found in resolved]
        self.classes = [
            _classes(loss, pred) for loss, pred in zip(self.resolved, flat, strict=True)
        ]
        if len(self.terms) > 1:
            self.trackers = [Mean(name=f"{term.name}_loss") for term in self.terms]

    def __call__(
        self, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> tuple[Any, list[Any]]:
        """The total loss (None: no loss) and the unweighted value of each term."""
        if self.loss is None:
            return None, []
        if y is None:
            raise ValueError(
                f"y: expected labels for the loss {self.loss!r}, received None"
            )
        if not self.resolved:
            self.build(y, y_pred)
        outputs = outputs_of(y_pred, self._names())
        weights = sample_weights(sample_weight, outputs)
        flat = tree.flatten(y_pred)
        labels = targets(y, y_pred, outputs, [r is not None for r in self.resolved])
        each, total = [], None
        for term in self.terms:
            at = term.output
            value = term.loss(labels[at], flat[at], weights[at])
            each.append(value)
            if len(value.shape):  # reduction None: the step needs one number
                value = ops.mean(value)
            if term.factor is not None:
                value = ops.multiply(value, term.factor)
            total = value if total is None else ops.add(total, value)
        return total, each


def _factor(given: Any) -> float | None:
    """A loss weight as a number."""
    try:
        return None if given is None else float(given)
    except (TypeError, ValueError):
        raise ValueError(
            f"loss_weights: expected numbers, received {given!r}. (Metrics are "
            "given as `metrics=`: the third argument of `compile` is `loss_weights`.)"
        ) from None


def _classes(loss: Loss | None, y_pred: Any) -> int:
    """The number of classes when the loss takes integer labels, else 0."""
    if getattr(loss, "fn", None) is not losses_module.sparse_categorical_crossentropy:
        return 0
    return int(y_pred.shape[getattr(loss, "axis", -1)])
