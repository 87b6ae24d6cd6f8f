"""Updates without side effects: variables go in and come out as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.ops.stateless import StatelessScope
from pydl.runtime.variable import Variable


class StatelessApply:
    """Adds `stateless_apply` to optimizers."""

    name: str
    built: bool
    _trainable: list[Variable]

    @property
    def variables(self) -> list[Variable]:
        """All state."""
        raise NotImplementedError

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> Any:
        """Update variables by their gradients."""
        raise NotImplementedError

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """The variables and the optimizer's state after an update, changing none.

        Args:
            optimizer_variables: values, one for each of the optimizer's `variables`.
            grads: gradients, one for each of the variables it was built for.
            trainable_variables: values of those variables.

        Returns:
            ``(trainable_variables, optimizer_variables)``, the new values.
        """
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. "
                "its variables must have been created). You can build it via "
                "`optimizer.build(trainable_variables)`."
            )
        for what, values, expected in (
            ("optimizer_variables", optimizer_variables, len(self.variables)),
            ("trainable_variables", trainable_variables, len(self._trainable)),
        ):
            if len(values) != expected:
                raise ValueError(
                    f"Argument `{what}` must be a list of {expected} tensors, one for "
                    f"each of the variables of {self.name}; received {len(values)}"
                )
        mapping = [
            *zip(self._trainable, trainable_variables, strict=True),
            *zip(self.variables, optimizer_variables, strict=True),
        ]
        with StatelessScope(mapping) as scope:
            self.apply(grads, self._trainable)
        new = scope.get_current_value
        return [new(v) for v in self._trainable], [new(v) for v in self.variables]
