"""Different optimizers for different variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from pydl.optimizers.loss_scale import LossScaleOptimizer
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Optimizers by regular expressions that match the whole path of a variable.

    Args:
        default_optimizer: for variables that nothing matches.
        optimizer_map: expressions and their optimizers.

    >>> sgd, adam = pydl.optimizers.SGD(), pydl.optimizers.Adam()
    >>> chosen = OptimizerMap(sgd, {".*kernel": adam})
    >>> chosen["model/dense/kernel"].name
    'adam'
    """

    def __init__(
        self,
        default_optimizer: Optimizer,
        optimizer_map: dict[str, Optimizer] | None = None,
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                "default_optimizer must be a Keras Optimizer instance. Received: "
                f"{default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                f"optimizer_map must be a dictionary. Received: {optimizer_map}"
            )
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that nothing matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [part for part in self._optimizer_map if re.fullmatch(part, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value "
                f"{self._optimizer_map[key]}. Please make sure to not use duplicated "
                "keys."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        check_inner(optimizer)
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this map again."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A map from what `get_config` gave."""
        parts = {
            key: deserialize_keras_object(config[key], custom_objects)
            for key in ("default_optimizer", "optimizer_map")
        }
        return cls(**parts)


def check_inner(optimizer: Any) -> None:
    """Raise ValueError unless the optimizer may be one of several."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(
            f"optimizer must be a Keras Optimizer instance. Received: {optimizer}"
        )
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"optimizer cannot be {type(optimizer).__name__}.")


class MultiOptimizer(Optimizer):
    """Updates each variable with the optimizer chosen for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from variables to optimizers.
        loss_scale_factor: set on all of them.

    >>> optimizer = MultiOptimizer(OptimizerMap(pydl.optimizers.SGD()))
    >>> [inner.name for inner in optimizer.optimizers]
    ['sgd']
    """

    def __init__(
        self,
        optimizer_map: Any,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        self._inner_optimizers: list[Optimizer] = []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map: Callable[[Variable], Optimizer] = optimizer_map
        known = list(getattr(optimizer_map, "values", list)())
        default = getattr(optimizer_map, "default_optimizer", None)
        for optimizer in [*known, *([] if default is None else [default])]:
            self._index_of(optimizer)

    def _index_of(self, optimizer: Optimizer) -> int:
        for index, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return index
        check_inner(optimizer)
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, variables: Iterable[Variable]) -> None:
        """Choose optimizers and make their slots. Later calls do nothing."""
        if self.built:
            return
        super().build(variables)
        self._chosen = {
            id(v): self._index_of(self._optimizer_map(v)) for v in self._trainable
        }
        for optimizer, own in self._groups(self._trainable):
            optimizer.build(own)

    def _groups(
        self, variables: Sequence[Variable]
    ) -> list[tuple[Optimizer, list[Variable]]]:
        """The optimizers that have variables, and these."""
        groups = [
            (optimizer, [v for v in variables if self._chosen.get(id(v)) == index])
            for index, optimizer in enumerate(self._inner_optimizers)
        ]
        return [(optimizer, own) for optimizer, own in groups if own]

    @property
    def optimizers(self) -> list[Optimizer]:
        """All inner optimizers."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        """The step count and the state of all inner optimizers."""
        inner = (v for o in self._inner_optimizers for v in o.variables)
        return [*self._variables, *inner]

    @property
    def learning_rate(self) -> Any:
        """There is none: inner optimizers have their own."""
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning "
            "rate on the individual sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on "
            "the individual sub-optimizers instead."
        )

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Update variables by their gradients, each with its optimizer."""
        if len(grads) == 0:
            return
        variables = self._known(grads, trainable_variables)
        by_variable = {id(v): g for g, v in zip(grads, variables, strict=True)}
        for optimizer, own in self._groups(variables):
            optimizer.apply([by_variable[id(v)] for v in own], own)
        self.iterations.assign_add(np.asarray(1, "int64"))

    def finalize_variable_values(self, var_list: Any) -> None:
        """As the inner optimizers do."""
        for optimizer, own in self._groups(list(var_list)):
            optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """An optimizer from what `get_config` gave."""
        chosen = deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**{**config, "optimizer_map": chosen})
