"""The weights of a layer: making, listing, reading and writing them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pydl import constraints, initializers, regularizers
from pydl.graph.trace import outside_trace
from pydl.layers.base.context import context
from pydl.layers.base.tracking import Tracked
from pydl.runtime.variable import Variable


class WeightHolder(Tracked):
    """Lists of variables in Keras's order: own ones, then each sublayer's."""

    #: Whether `layers` lists the sublayers in an order that files rely on.
    owns_layers_in_order = False
    name: str
    built: bool
    _trainable: bool

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        *,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """A new variable of this layer.

        Args:
            shape: sizes of all axes; None is a scalar.
            initializer: object or name; None is ``"glorot_uniform"`` for floats.
            dtype: None is the layer's `variable_dtype`.
            trainable: whether an optimizer updates it.
            autocast: whether a layer of a mixed policy reads it in its compute dtype.
            regularizer: penalty added to `losses`.
            constraint: projection applied after each update.
            aggregation: kept with the variable.
            overwrite_with_gradient: must be false.
            name: the variable's name.
        """
        if isinstance(shape, str):
            raise ValueError(
                f"add_weight: expected `shape`, received the string {shape!r}: pass "
                f"the name as `name={shape!r}`"
            )
        if overwrite_with_gradient:
            raise ValueError("add_weight: overwrite_with_gradient is not supported")
        dtype = str(getattr(dtype, "name", dtype) or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in dtype else "zeros"
        with outside_trace():
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape or ()),
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.path = f"{self._scope()}/{variable.name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._track_variable(variable)
        return variable

    def _scope(self) -> str:
        """The path of this layer in what is being called or built."""
        inside = context.names[-1:] == [self.name]
        return "/".join(context.names if inside else [*context.names, self.name])

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """As `add_weight`."""
        return self.add_weight(
            shape, initializer, dtype, trainable=trainable, autocast=autocast,
            regularizer=regularizer, constraint=constraint, name=name,
        )  # fmt: skip

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        raise NotImplementedError

    @property
    def trainable(self) -> bool:
        """Whether the layer's weights are updated; setting it sets all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._trainable_variables:
            variable.trainable = bool(value)
        for layer in self._layers:
            layer.trainable = value
        self.structure_changed()

    @property
    def variables(self) -> list[Variable]:
        """All state: weights and the states of seed generators."""
        own = [*self.own_variables, *(s.state for s in self._seed_generators)]
        return _unique([*own, *(v for layer in self._layers for v in layer.variables)])

    @property
    def weights(self) -> list[Variable]:
        """All weights, without seed generators."""
        nested = (v for layer in self._layers for v in layer.weights)
        return _unique([*self.own_variables, *nested])

    @property
    def own_variables(self) -> list[Variable]:
        """The weights of this layer itself: trainable ones first."""
        return [*self._trainable_variables, *self._non_trainable_variables]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables an optimizer updates."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All other state."""
        if not self.trainable:
            return self.variables
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights an optimizer updates."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """All other weights."""
        if not self.trainable:
            return self.weights
        return [v for v in self.weights if not v.trainable]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of the metrics the layer and its sublayers hold."""
        own = [v for metric in self._metrics for v in metric.variables]
        return _unique(
            [*own, *(v for layer in self._layers for v in layer.metrics_variables)]
        )

    def count_params(self) -> int:
        """Number of scalars in all weights; ValueError before `build`."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the "
                "layer isn't built. You can build it manually via: "
                "`layer.build(input_shape)`."
            )
        return sum(math.prod(v.shape) for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in the order of `weights`."""
        return [np.array(v.numpy()) for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Write all weights, in the order of `weights`; none if one does not fit."""
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a "
                f"weight list of length {len(weights)}, but the layer was expecting "
                f"{len(variables)} weights: "
                f"{[(v.path, tuple(v.shape)) for v in variables]}"
            )
        arrays = [np.asarray(value) for value in weights]
        for variable, array in zip(variables, arrays, strict=True):
            if array.shape != tuple(variable.shape):
                raise ValueError(
                    f"Layer '{self.name}': weight '{variable.path}' expected shape "
                    f"{tuple(variable.shape)}, received shape {array.shape}"
                )
            if array.dtype.kind not in "fiub":
                raise ValueError(
                    f"Layer '{self.name}': weight '{variable.path}' expected numbers, "
                    f"received an array of dtype {array.dtype}"
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)


def _unique(variables: Iterable[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())
