"""Reading and writing an optimizer's state, under Keras's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydl import ops
from pydl.runtime.variable import Variable


class StateAccess:
    """The methods of an optimizer that neither build nor update."""

    name: str
    built: bool
    _trainable: list[Variable]

    @property
    def variables(self) -> list[Variable]:
        """The whole state."""
        raise NotImplementedError

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None,
        initializer: Any = "zeros",
    ) -> Variable:  # fmt: skip
        """A slot."""
        raise NotImplementedError

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Update variables by their gradients."""
        raise NotImplementedError

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any,
        initializer: Any = "zeros",
    ) -> Any:  # fmt: skip
        """A slot for each variable; for a list of names, a tuple of lists of slots.

        Args:
            trainable_variables: the variables the slots belong to.
            name: the slot's name, or several.
            initializer: ``"zeros"`` or a number, or one per name.
        """
        names = [name] if isinstance(name, str) else list(name)
        starts = initializer if isinstance(initializer, (list, tuple)) else None
        starts = [initializer] * len(names) if starts is None else starts
        add = self.add_variable_from_reference
        rows = [
            [add(v, n, start) for n, start in zip(names, starts, strict=True)]
            for v in trainable_variables
        ]
        columns = tuple([row[i] for row in rows] for i in range(len(names)))
        return columns[0] if isinstance(name, str) else columns

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable's content."""
        variable.assign(ops.cast(value, variable.dtype))

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable's content."""
        variable.assign_add(ops.cast(value, variable.dtype))

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable's content."""
        variable.assign_sub(ops.cast(value, variable.dtype))

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the state into `store`, under ``"0"``, ``"1"`` and so on."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the state from what `save_own_variables` wrote; raises ValueError when
        it does not fit."""
        if len(store) != len(self.variables):
            raise ValueError(
                f"{self.name}: expected the {len(self.variables)} arrays of this "
                f"optimizer's state, received {len(store)}"
                + ("" if self.built else "; build the optimizer before")
            )
        arrays = [np.asarray(store[str(i)]) for i in range(len(store))]
        for variable, array in zip(self.variables, arrays, strict=True):
            if array.shape != tuple(variable.shape):
                raise ValueError(
                    f"{self.name}: variable {variable.name!r}: expected shape "
                    f"{tuple(variable.shape)}, received {array.shape}"
                )
        for variable, array in zip(self.variables, arrays, strict=True):
            variable.assign(array)
