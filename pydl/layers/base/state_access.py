"""A layer's state from outside: stored, restored, or given to a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydl.layers.base.losses import LossHolder
from pydl.stateless import values_of, with_values


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

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """A call as a function of the values of all variables.

        Returns:
            ``(outputs, non_trainable_variables)``, the latter as they are after the
            call; with `return_losses` also the losses. Nothing is changed.

        >>> layer = pydl.layers.Dense(2, kernel_initializer="ones")
        >>> x = layer(np.ones((1, 3), "float32"))
        >>> kernel, bias = np.zeros((3, 2)), np.ones(2)
        >>> layer.stateless_call([kernel, bias], [], np.ones((1, 3)))[0].tolist()
        [[1.0, 1.0]]
        """
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. "
                "its variables must have been already created). You can build it by "
                "calling it on some data."
            )
        state = self.non_trainable_variables
        for name, given, own in (
            ("trainable_variables", trainable_variables, self.trainable_variables),
            ("non_trainable_variables", non_trainable_variables, state),
        ):
            if len(given) != len(own):
                raise ValueError(
                    f"Argument `{name}` must be a list of tensors corresponding 1:1 to "
                    f"{type(self).__name__}().{name}. Received list with length "
                    f"{len(given)}, but expected {len(own)} variables."
                )
        variables = [*self.trainable_variables, *state]
        values = [*trainable_variables, *non_trainable_variables]
        with with_values(f"{self.name}.stateless_call", variables, values):
            outputs = self(*args, **kwargs)
            found = (outputs, values_of(state))
            return (*found, self.losses) if return_losses else found
