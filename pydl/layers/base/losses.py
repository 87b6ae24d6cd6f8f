"""Losses that layers add to the model's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydl import tree
from pydl.graph.trace import current_trace
from pydl.layers.base.context import is_any_tensor
from pydl.layers.base.weights import WeightHolder


class LossHolder(WeightHolder):
    """Keeps what `add_loss` was given, for the trace it was given in."""

    _losses: list[tuple[Any, Any]]  # (trace it belongs to, loss)
    activity_regularizer: Any

    def add_loss(self, loss: Any) -> None:
        """Add a scalar, or a list of them, to this call's `losses`."""
        trace = current_trace()
        if trace is not None:
            trace.keep_outside("add_loss")
        kept = [entry for entry in self._losses if entry[0] is trace]
        self._losses = [*kept, *((trace, item) for item in tree.flatten(loss))]

    @property
    def losses(self) -> list[Any]:
        """Losses added in the last call (in the running trace, if there is one), then
        the penalties of all regularized trainable weights."""
        trace = current_trace()
        own = [
            loss
            for layer in (self, *self._flatten_layers())
            for owner, loss in layer._losses
            if owner is trace
        ]
        weights = (v for v in self.trainable_weights if v.regularizer is not None)
        return [*own, *(v.regularizer(v) for v in weights)]

    def _clear_losses(self) -> None:
        for layer in (self, *self._flatten_layers()):
            if layer._losses:
                layer._losses = []

    def _add_activity_losses(self, outputs: Any) -> None:
        for output in tree.flatten(outputs):
            if is_any_tensor(output):
                batch = output.shape[0] if output.ndim else 1
                self.add_loss(self.activity_regularizer(output) / max(batch, 1))

    def _flatten_layers(self) -> Iterable[LossHolder]:
        """All layers below this one, each once."""
        seen: dict[int, LossHolder] = {}
        pending: list[LossHolder] = list(self._layers)
        while pending:
            layer = pending.pop(0)
            if id(layer) not in seen and isinstance(layer, LossHolder):
                seen[id(layer)] = layer
                pending = [*layer._layers, *pending]
        return seen.values()
