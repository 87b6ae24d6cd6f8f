"""Which variables decay, and by how much."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydl.runtime.variable import Variable


class WeightDecay:
    """The methods of an optimizer about weight decay."""

    built: bool
    weight_decay: float | None
    _no_decay: set[int]
    _no_decay_names: list[str]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Any = None
    ) -> None:
        """Leave out variables, given themselves or by a regex found in their names."""
        if self.built:
            raise ValueError(
                "`exclude_from_weight_decay()` can only be called before the optimizer "
                "is built"
            )
        self._no_decay |= {id(v) for v in var_list or ()}
        self._no_decay_names += list(var_names or ())

    def decays(self, variable: Variable) -> bool:
        """Whether weight decay applies to a variable."""
        return self.decay_of(variable) != 0.0

    def decay_of(self, variable: Variable) -> float:
        """The share of a variable that decays, as a multiple of the learning rate."""
        if not self.weight_decay or self.excludes(variable):
            return 0.0
        return float(self.weight_decay)

    def excludes(self, variable: Variable) -> bool:
        """Whether `exclude_from_weight_decay` named a variable."""
        if id(variable) in self._no_decay:
            return True
        name = str(getattr(variable, "path", variable.name))
        return any(re.search(part, name) for part in self._no_decay_names)
