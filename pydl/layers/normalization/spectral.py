"""Spectral normalization of another layer's kernel."""

from __future__ import annotations

from typing import Any

from pydl import initializers, ops
from pydl.layers.base import InputSpec
from pydl.layers.core.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """Divides a layer's kernel by its largest singular value, at each training step.

    T. Miyato et al. (2018), "Spectral Normalization for Generative Adversarial
    Networks". The value is found by power iteration.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: iterations per step, >= 1.

    >>> layer = pydl.layers.SpectralNormalization(pydl.layers.Dense(3))
    >>> layer(np.ones((2, 4), "float32"), training=True).shape
    (2, 3)
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                "`power_iterations` should be greater than zero. Received: "
                f"`power_iterations={power_iterations}`"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        self.kernel = kernel = self._kernel()
        self.vector_u = self.add_weight(
            shape=(1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=kernel.dtype,
        )

    def _kernel(self) -> Any:
        for name in ("kernel", "embeddings"):
            if getattr(self.layer, name, None) is not None:
                return getattr(self.layer, name)
        raise ValueError(
            f"{type(self.layer).__name__} object has no attribute 'kernel' nor "
            "'embeddings'"
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            kernel = self.kernel
            old_u, old = ops.convert_to_tensor(self.vector_u), kernel + 0.0
            empty = ops.all(ops.equal(old, 0.0))  # there is nothing to divide by
            u, new = self.normalized_weights()
            self.vector_u.assign(ops.where(empty, old_u, u))
            kernel.assign(ops.where(empty, old, new))
        return ops.cast(self.layer(inputs), inputs.dtype)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The next vector of the iteration, and the kernel divided by its norm."""
        kernel = self.kernel
        rows = ops.reshape(ops.convert_to_tensor(kernel), (-1, kernel.shape[-1]))
        u = ops.convert_to_tensor(self.vector_u)
        v = u
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(u, ops.transpose(rows)))
            u = _unit(ops.matmul(v, rows))
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.sum(ops.matmul(v, rows) * u)
        safe = ops.where(ops.equal(sigma, 0.0), 1.0, sigma)
        return u, ops.reshape(ops.divide(rows, safe), kernel.shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(x: Any) -> Any:
    """`x` divided by its length; zeros stay zeros."""
    square = ops.sum(ops.square(x))
    return ops.multiply(x, ops.rsqrt(ops.maximum(square, 1e-24)))
