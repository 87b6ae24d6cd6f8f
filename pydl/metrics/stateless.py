"""Metrics without side effects: state goes in and comes out as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.ops.apply import lift
from pydl.ops.stateless import StatelessScope
from pydl.runtime.variable import Variable


class StatelessMetric:
    """Adds the `stateless_*` methods to metrics."""

    @property
    def variables(self) -> list[Variable]:
        """The state."""
        raise NotImplementedError

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError

    def result(self) -> Any:
        """The value so far."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Back to the start."""
        raise NotImplementedError

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """The state after `update_state`, given the state before; nothing changes."""
        with self._scope(metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return self._state(scope)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The result for a state."""
        with self._scope(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """The state at the start."""
        with StatelessScope() as scope:
            self.reset_state()
        return self._state(scope)

    def _scope(self, values: Sequence[Any]) -> StatelessScope:
        if len(values) != len(self.variables):
            raise ValueError(
                "Argument `metric_variables` must be a list of tensors corresponding "
                f"1:1 to {type(self).__name__}().variables. Received list with length "
                f"{len(values)}, but expected {len(self.variables)} variables."
            )
        return StatelessScope(zip(self.variables, values, strict=True))

    def _state(self, scope: StatelessScope) -> list[Any]:
        found = [(v, scope.get_current_value(v)) for v in self.variables]
        return [lift(v) if value is None else value for v, value in found]
