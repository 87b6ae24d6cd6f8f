"""Normalization of each sample for itself: layer, group, RMS and unit norms."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.base import InputSpec, Layer
from pydl.layers.normalization.scaling import (
    CenterScale,
    along,
    are_last,
    check_axes,
    in_float,
    int_or_list,
    known_sizes,
    standardized,
)


class LayerNormalization(CenterScale):
    """Brings each sample to mean 0 and variance 1 over `axis`, then scales it.

    J. L. Ba et al. (2016), "Layer Normalization".

    Args:
        axis: the axis or axes that are normalized and have scales.
        epsilon: added to the variance.
        center, scale: whether there are `beta` and `gamma`.
        beta_initializer, gamma_initializer: first values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.

    Input and output shape ``(batch, ...)``.

    >>> x = np.array([[1.0, 3.0]], "float32")
    >>> y = pydl.layers.LayerNormalization(epsilon=0.0)(x)
    >>> np.round(y, 3).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("rms_scaling", False):
            raise ValueError(
                "LayerNormalization: rms_scaling=True is deprecated in Keras, for it "
                "divides by the variance; use RMSNormalization"
            )
        super().__init__(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis = int_or_list("LayerNormalization", axis)
        self.epsilon = epsilon
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        axes = check_axes(self.axis, input_shape)
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        self._add_gamma_and_beta(known_sizes(self, input_shape, axes))

    def call(self, inputs: Any) -> Any:
        x = in_float(inputs)
        axes = check_axes(self.axis, x.shape)
        if are_last(axes, x.shape):
            out = ops.layer_normalization(
                x, self.gamma, self.beta, axes, epsilon=self.epsilon
            )
        else:
            out = standardized(x, axes, self.epsilon)
            out = self._scaled(out, along(x.shape, axes))
        return ops.cast(out, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "rms_scaling": False,
        }


class GroupNormalization(CenterScale):
    """Brings each group of channels of a sample to mean 0 and variance 1, then scales.

    Y. Wu and K. He (2018), "Group Normalization".

    Args:
        groups: number of groups, a divisor of the number of channels; -1: as many as
            channels (instance normalization).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale: whether there are `beta` and `gamma`.
        beta_initializer, gamma_initializer: first values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.

    >>> x = np.array([[1.0, 3.0, 10.0, 30.0]], "float32")
    >>> np.round(pydl.layers.GroupNormalization(2, epsilon=0.0)(x), 3).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive "
                "integer (or `-1` for instance normalization). Received: "
                f"groups={groups}"
            )
        super().__init__(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        (size,) = known_sizes(self, input_shape, check_axes(self.axis, input_shape))
        if self.groups == -1:
            self.groups = size
        if size % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must divide the number of channels "
                f"({size}). Received: input_shape={tuple(input_shape)}"
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})
        self._add_gamma_and_beta([size])

    def call(self, inputs: Any) -> Any:
        x = in_float(inputs)
        axis = self.axis % len(x.shape)
        shape = list(x.shape)
        parts = [*shape[:axis], self.groups, shape[axis] // self.groups]
        parts += shape[axis + 1 :]
        over = [i for i in range(1, len(parts)) if i != axis]
        out = standardized(ops.reshape(x, parts), over, self.epsilon)
        out = self._scaled(ops.reshape(out, shape), along(shape, [axis]))
        return ops.cast(out, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
        }


class RMSNormalization(Layer):
    """``x / sqrt(mean(x^2) + epsilon) * scale`` over `axis`.

    B. Zhang and R. Sennrich (2019), "Root Mean Square Layer Normalization".

    Args:
        axis: the axis or axes that are normalized and have scales.
        epsilon: added to the mean square.

    >>> x = np.array([[3.0, -3.0]], "float32")
    >>> np.round(pydl.layers.RMSNormalization()(x), 3).tolist()
    [[1.0, -1.0]]
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int_or_list("RMSNormalization", axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        axes = check_axes(self.axis, input_shape)
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        shape = tuple(known_sizes(self, input_shape, axes))
        self.scale = self.add_weight(shape, "ones", name="scale")

    def call(self, x: Any) -> Any:
        wide = in_float(x)
        axes = check_axes(self.axis, x.shape)
        scale = ops.reshape(ops.cast(self.scale, wide.dtype), along(x.shape, axes))
        out = ops.rms_normalization(wide, scale, axes, epsilon=self.epsilon)
        return ops.cast(out, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Scales each sample to length 1 over `axis`: ``x / sqrt(sum(x^2))``.

    >>> x = np.array([[3.0, 4.0]], "float32")
    >>> [round(float(y), 3) for y in pydl.layers.UnitNormalization()(x)[0]]
    [0.6, 0.8]
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int_or_list("UnitNormalization", axis)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        axes = check_axes(self.axis, inputs.shape)
        square = ops.sum(ops.square(inputs), axis=axes, keepdims=True)
        # Zeros stay zeros: the factor of a length below 1e-12 is 1e12.
        return inputs * ops.rsqrt(ops.maximum(square, 1e-24))

    def compute_output_shape(self, input_shape: Any) -> Any:
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
