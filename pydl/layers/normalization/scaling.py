"""What normalization layers share: arguments, weights, axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydl import constraints, initializers, ops, regularizers
from pydl.layers.base import Layer


class CenterScale(Layer):
    """A layer with a scale `gamma` and a shift `beta`, either of which may be left out.

    Args:
        center, scale: whether there are `beta` and `gamma`.
        beta_initializer, gamma_initializer: first values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.
    """

    axis: Any

    def __init__(
        self,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma = self.beta = None

    def _add_gamma_and_beta(self, shape: Sequence[int]) -> None:
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            made = None
            if wanted:
                made = self.add_weight(
                    shape=tuple(shape),
                    name=name,
                    initializer=getattr(self, f"{name}_initializer"),
                    regularizer=getattr(self, f"{name}_regularizer"),
                    constraint=getattr(self, f"{name}_constraint"),
                    autocast=False,
                )
            setattr(self, name, made)

    def _scaled(self, x: Any, shape: Sequence[int]) -> Any:
        """``x * gamma + beta``, both in the shape given."""
        if self.gamma is not None:
            x = ops.multiply(x, ops.reshape(ops.cast(self.gamma, x.dtype), shape))
        if self.beta is not None:
            x = ops.add(x, ops.reshape(ops.cast(self.beta, x.dtype), shape))
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def check_axes(axis: Any, input_shape: Any) -> list[int]:
    """The axes, non-negative and sorted; ValueError for one out of bounds."""
    rank = len(input_shape)
    given = [axis] if isinstance(axis, int) else list(axis)
    for one in given:
        if not -rank <= one < rank:
            raise ValueError(
                f"Axis {one} is out of bounds for input shape {tuple(input_shape)}. "
                f"Received: axis={axis}"
            )
    return sorted(one % rank for one in given)


def int_or_list(name: str, axis: Any) -> Any:
    """An axis argument: an int, or a list of them; TypeError otherwise."""
    if isinstance(axis, (list, tuple)):
        return list(axis)
    if isinstance(axis, int) and not isinstance(axis, bool):
        return axis
    raise TypeError(
        f"{name}: expected an int or a list/tuple of ints for the argument 'axis', "
        f"received {axis!r}"
    )


def known_sizes(layer: Layer, input_shape: Any, axes: Sequence[int]) -> list[int]:
    """The sizes of these axes; ValueError where one is not known."""
    sizes = [input_shape[axis] for axis in axes]
    if None in sizes:
        raise ValueError(
            f"layer '{layer.name}': axes {list(axes)} of the input must have known "
            f"sizes, received input_shape={tuple(input_shape)}"
        )
    return sizes


def along(shape: Sequence[int], axes: Sequence[int]) -> list[int]:
    """A shape that broadcasts along all other axes."""
    return [size if i in axes else 1 for i, size in enumerate(shape)]


def are_last(axes: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether these are the last axes: each sample's values lie side by side."""
    return list(axes) == list(range(len(shape) - len(axes), len(shape)))


def in_float(x: Any) -> Any:
    """Statistics are taken in float32 at least."""
    return x if x.dtype in ("float32", "float64") else ops.cast(x, "float32")


class Moments(NamedTuple):
    """Mean and variance over some axes, which are kept as 1, and what is made of them.

    With a constant ``c``, ``x - mean`` is ``(x - c) + (c - mean)``, and the variance is
    ``mean((x - c)^2) - (c - mean)^2``. `centred` is ``x - c`` and `shift` ``c - mean``,
    and ``c`` is the mean's own value taken as a constant. So `shift` is 0, gradients of
    every order are exact, and they take fewer passes over the values.
    """

    mean: Any
    variance: Any
    centred: Any
    shift: Any


def moments(x: Any, axes: Sequence[int]) -> Moments:
    """The moments of `x` over `axes`."""
    mean = ops.mean(x, axis=list(axes), keepdims=True)
    still = ops.stop_gradient(mean)
    centred = ops.subtract(x, still)
    square = ops.mean(ops.square(centred), axis=list(axes), keepdims=True)
    shift = ops.subtract(still, mean)
    return Moments(mean, ops.subtract(square, ops.square(shift)), centred, shift)


def standardized(x: Any, axes: Sequence[int], epsilon: float) -> Any:
    """``(x - mean) / sqrt(var + epsilon)`` over `axes`."""
    if are_last(axes, x.shape):
        return ops.layer_normalization(x, axis=list(axes), epsilon=epsilon)
    found = moments(x, axes)
    factor = ops.rsqrt(found.variance + epsilon)
    return ops.add(found.centred * factor, found.shift * factor)
