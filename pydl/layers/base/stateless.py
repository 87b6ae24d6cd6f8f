"""Calling layers without side effects: state goes in and comes out as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.layers.base.losses import LossHolder
from pydl.ops.stateless import StatelessScope
from pydl.runtime.variable import Variable


class StatelessCall(LossHolder):
    """Adds `stateless_call` to layers."""

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer with these values of its variables, changing none.

        Args:
            trainable_variables: values, one for each of `trainable_variables`.
            non_trainable_variables: the same for `non_trainable_variables`, which are
                statistics and seeds too.
            *args: arguments of the call.
            return_losses: whether to return the losses as well.
            **kwargs: arguments of the call.

        Returns:
            ``(outputs, non_trainable_variables)`` with the new values, or
            ``(outputs, non_trainable_variables, losses)``.
        """
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. "
                "its variables must have been already created). You can build it by "
                "calling it on some data."
            )
        kept = self.non_trainable_variables
        mapping = [
            *self._paired("trainable_variables", trainable_variables),
            *self._paired("non_trainable_variables", non_trainable_variables),
        ]
        with StatelessScope(mapping, collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)  # type: ignore[operator]
            losses = self.losses if return_losses else []
        values = [scope.get_current_value(variable) for variable in kept]
        return (outputs, values, losses) if return_losses else (outputs, values)

    def _paired(self, name: str, values: Sequence[Any]) -> list[tuple[Variable, Any]]:
        variables: list[Variable] = getattr(self, name)
        if len(values) != len(variables):
            raise ValueError(
                f"Argument `{name}` must be a list of tensors corresponding 1:1 to "
                f"{type(self).__name__}().{name}. Received list with length "
                f"{len(values)}, but expected {len(variables)} variables."
            )
        return list(zip(variables, values, strict=True))
