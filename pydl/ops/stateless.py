"""`StatelessScope`: variables have other values, assignments change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydl.ops.apply import lift
from pydl.runtime import watchers
from pydl.runtime.variable import Variable


class StatelessScope:
    """In its ``with`` block variables have the values given here, and assignments are
    kept in the scope instead of changing the variables.

    Args:
        state_mapping: pairs of a variable and the value it has in the block.
        collect_losses: whether `add_loss` keeps losses in `losses`.
        initialize_variables: accepted; variables made in the block get their values.

    >>> v = pydl.Variable(1.0)
    >>> with pydl.StatelessScope([(v, 2.0)]) as scope:
    ...     _ = v.assign_add(1.0)
    >>> float(v), float(scope.get_current_value(v))
    (1.0, 3.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._values: dict[int, tuple[Variable, Any]] = {}
        self._contexts: list[Any] = []
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise ValueError(
                    "StatelessScope: state_mapping: expected pairs of a Variable and "
                    f"its value, received {variable!r} in place of a Variable"
                )
            self.add_update((variable, value))

    def __enter__(self) -> Self:
        context = watchers.scoped(self)
        context.__enter__()
        self._contexts.append(context)
        return self

    def __exit__(self, *exc: Any) -> None:
        self._contexts.pop().__exit__(None, None, None)

    def add_loss(self, loss: Any) -> None:
        """Keep a loss."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Keep the new value of a variable, cast to the variable's dtype."""
        variable, value = update
        tensor = lift(value, variable.dtype)
        if tuple(tensor.shape) != tuple(variable.shape):
            raise ValueError(
                f"StatelessScope: variable {variable.path!r}: expected a value of "
                f"shape {tuple(variable.shape)}, received shape {tuple(tensor.shape)}"
            )
        self._values[id(variable)] = (variable, tensor)

    def values(self) -> dict[Variable, Any]:
        """All values the scope has, by variable."""
        return dict(self._values.values())

    def restore(self, values: dict[Variable, Any]) -> None:
        """Have just these values again."""
        self._values = {id(v): (v, x) for v, x in values.items()}

    def get_current_value(self, variable: Variable) -> Any:
        """The value the variable has in the scope, None if the scope has none."""
        found = self._values.get(id(variable))
        return None if found is None else found[1]
