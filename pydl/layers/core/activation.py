"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from pydl import activations, ops
from pydl.layers.base import Layer


class Elementwise(Layer):
    """A layer whose output has its input's shape."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Activation(Elementwise):
    """Applies an activation, given as a function or by name.

    >>> pydl.layers.Activation("relu")(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activation": activations.serialize(self.activation),
        }


class ReLU(Elementwise):
    """``max(x, 0)``, or with other slopes and limits.

    Args:
        max_value: the largest output; None for no limit.
        negative_slope: slope below `threshold`.
        threshold: where the positive part starts.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0.0:
            raise ValueError(
                f"max_value of a ReLU layer cannot be negative: {max_value}"
            )
        if negative_slope is None or negative_slope < 0.0:
            raise ValueError(
                "negative_slope of a ReLU layer must not be None or negative: "
                f"{negative_slope}"
            )
        if threshold is None or threshold < 0.0:
            raise ValueError(
                f"threshold of a ReLU layer must not be None or negative: {threshold}"
            )
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(Elementwise):
    """``x`` where positive, else ``negative_slope * x``."""

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "negative_slope of a LeakyReLU layer must not be None or negative: "
                f"{negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class Softmax(Elementwise):
    """Exponentials that sum to 1 along `axis` (one axis, or several).

    `mask`: True where a value takes part; the others get 0.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            lowest = -3e4 if inputs.dtype == "float16" else -1e9
            inputs = ops.where(mask, inputs, lowest)
        if isinstance(self.axis, int):
            return activations.softmax(inputs, axis=self.axis)
        axes = list(self.axis)
        if len(axes) == 1:
            return activations.softmax(inputs, axis=axes[0])
        shifted = inputs - ops.max(inputs, axis=axes, keepdims=True)
        exp = ops.exp(shifted)
        return exp / ops.sum(exp, axis=axes, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        axis = self.axis if isinstance(self.axis, int) else list(self.axis)
        return {**super().get_config(), "axis": axis}
