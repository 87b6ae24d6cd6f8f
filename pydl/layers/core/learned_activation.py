"""Activation layers with parameters."""

from __future__ import annotations

from typing import Any

from pydl import activations, constraints, initializers, ops, regularizers
from pydl.layers.base import InputSpec, Layer
from pydl.layers.core.activation import Elementwise


class ELU(Elementwise):
    """``x`` where positive, else ``alpha * (exp(x) - 1)``.

    D.-A. Clevert et al. (2016), "Fast and Accurate Deep Network Learning by Exponential
    Linear Units".

    Args:
        alpha: minus the limit for negative inputs.

    >>> pydl.layers.ELU()(np.array([0.0, 2.0], "float32")).tolist()
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(Layer):
    """``x`` where positive, else ``alpha * x`` with a trained `alpha`.

    K. He et al. (2015), "Delving Deep into Rectifiers".

    Args:
        alpha_initializer: first values.
        alpha_regularizer: penalty.
        alpha_constraint: projection after each update.
        shared_axes: axes along which there is one `alpha`.

    >>> pydl.layers.PReLU()(np.array([[-1.0, 2.0]], "float32")).tolist()
    [[0.0, 2.0]]
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        one = isinstance(shared_axes, int)
        self.shared_axes = [shared_axes] if one else shared_axes
        if self.shared_axes is not None:
            self.shared_axes = list(self.shared_axes)

    def build(self, input_shape: Any) -> None:
        shape, shared = list(input_shape[1:]), self.shared_axes or []
        for axis in shared:
            shape[axis - 1] = 1
        if None in shape:
            raise ValueError(
                f"layer '{self.name}': axes that are not shared must have known sizes, "
                f"received input_shape={tuple(input_shape)}, shared_axes={shared}"
            )
        self.alpha = self.add_weight(
            shape=tuple(shape),
            name="alpha",
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        rank = len(input_shape)
        known = {i: input_shape[i] for i in range(1, rank) if i not in shared}
        self.input_spec = InputSpec(ndim=rank, axes=known if shared else {})

    def call(self, inputs: Any) -> Any:
        below = ops.multiply(self.alpha, ops.minimum(inputs, 0.0))
        return ops.add(ops.relu(inputs), below)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
