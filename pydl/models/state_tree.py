"""The variables of a model as nested dicts, and losses without side effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.layers.base import Layer
from pydl.ops.stateless import StatelessScope
from pydl.runtime.variable import Variable

_FORMATS = ("backend_tensor", "numpy_array")


class StateTree(Layer):
    """Adds `get_state_tree`, `set_state_tree`, `stateless_compute_loss` to models."""

    optimizer: Any

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """The loss that is minimized."""
        raise NotImplementedError

    def _state_groups(self) -> dict[str, list[Variable]]:
        metrics = {
            id(v): v
            for v in (
                *self.metrics_variables,
                *(v for m in getattr(self, "metrics", ()) for v in m.variables),
            )
        }
        optimizer = self.optimizer
        return {
            "trainable_variables": self.trainable_variables,
            "non_trainable_variables": self.non_trainable_variables,
            "optimizer_variables": [] if optimizer is None else optimizer.variables,
            "metrics_variables": list(metrics.values()),
        }

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """All variables by group and path, as nested dicts.

        Args:
            value_format: what leaves are: ``"backend_tensor"`` or ``"numpy_array"``.
        """
        if value_format not in _FORMATS:
            raise ValueError(
                f"get_state_tree: value_format: expected one of {_FORMATS}, received "
                f"{value_format!r}"
            )
        tensors = value_format == "backend_tensor"
        return {
            group: _nested({p: v.value if tensors else v.numpy() for p, v in pairs})
            for group, pairs in (
                (group, _by_path(variables))
                for group, variables in self._state_groups().items()
            )
        }

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Write what `get_state_tree` gave; groups and variables may be left out. All
        or nothing: what does not fit raises before anything is written."""
        groups = self._state_groups()
        writes: list[tuple[Variable, np.ndarray]] = []
        for group, values in state_tree.items():
            if group not in groups:
                raise ValueError(
                    f"set_state_tree: expected the groups {list(groups)}, received "
                    f"{group!r}"
                )
            variables = dict(_by_path(groups[group]))
            for path, value in _flat(values):
                if path not in variables:
                    raise ValueError(
                        f"set_state_tree: {group}: the model has no variable {path!r}; "
                        f"it has {sorted(variables)}"
                    )
                array = np.asarray(value)
                if array.shape != tuple(variables[path].shape):
                    raise ValueError(
                        f"set_state_tree: {group}: variable {path!r}: expected shape "
                        f"{tuple(variables[path].shape)}, received {array.shape}"
                    )
                writes.append((variables[path], array))
        for variable, array in writes:
            variable.assign(array)

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple[Any, ...]]:
        """`compute_loss` with these values of the variables, changing none.

        Returns:
            ``(loss, (trainable_variables, non_trainable_variables,
            metrics_variables))`` with the new values of the last two.
        """
        mapping = [
            *self._paired("trainable_variables", trainable_variables),
            *self._paired("non_trainable_variables", non_trainable_variables),
            *self._paired("metrics_variables", metrics_variables),
        ]
        with StatelessScope(mapping) as scope:
            loss = self.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
            )
        new = scope.get_current_value
        rest = [new(v) for v in self.non_trainable_variables]
        metrics = [new(v) for v in self.metrics_variables]
        return loss, (trainable_variables, rest, metrics)


def _by_path(variables: Sequence[Variable]) -> list[tuple[str, Variable]]:
    found: dict[str, Variable] = {}
    for variable in variables:
        if variable.path in found:
            raise ValueError(
                f"The following variable path is found twice in the model: "
                f"'{variable.path}'. Give unique names to layers and other objects."
            )
        found[variable.path] = variable
    return list(found.items())


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split("/")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return nested


def _flat(nested: dict[str, Any], lead: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in nested.items():
        path = f"{lead}{name}"
        pairs += (
            _flat(value, f"{path}/") if isinstance(value, dict) else [(path, value)]
        )
    return pairs
