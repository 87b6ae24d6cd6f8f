"""A layer's state from outside: stored, restored, or given to a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydl.layers.base.losses import LossHolder


class StateAccess(LossHolder):
    """Methods of layers under Keras's names."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute."""
        raise NotImplementedError

    @property
    def metrics(self) -> list[Any]:
        """The metrics this layer and its sublayers hold."""
        nested = (m for layer in self._layers for m in layer.metrics)
        return list({id(m): m for m in [*self._metrics, *nested]}.values())

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Raises NotImplementedError, as in Keras 3."""
        raise NotImplementedError(
            "Layer `add_metric()` method is deprecated. Add your metric in "
            "`Model.compile(metrics=[...])`, or create metrics in __init__() or "
            "build() and call `metric.update_state()` whenever necessary."
        )

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write this layer's own weights into `store`, under ``"0"``, ``"1"``, ..."""
        for index, variable in enumerate(self.own_variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read what `save_own_variables` wrote; nothing is changed if it does not fit.

        Raises ValueError for another number of weights or another shape.
        """
        variables = self.own_variables
        if len(store) != len(variables):
            hint = "" if self.built else ": build the layer before"
            raise ValueError(
                f"Layer '{self.name}' expected {len(variables)} variables, received "
                f"{len(store)}{hint}"
            )
        arrays = [np.asarray(store[str(i)]) for i in range(len(variables))]
        for variable, array in zip(variables, arrays, strict=True):
            if array.shape != tuple(variable.shape):
                raise ValueError(
                    f"Layer '{self.name}': weight '{variable.path}' expected shape "
                    f"{tuple(variable.shape)}, received shape {array.shape}"
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
