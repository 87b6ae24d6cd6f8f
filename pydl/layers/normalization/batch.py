"""Batch normalization, over any axes but one."""

from __future__ import annotations

from typing import Any

from pydl import config, initializers, ops
from pydl.layers.base import InputSpec
from pydl.layers.normalization.scaling import (
    CenterScale,
    along,
    check_axes,
    in_float,
    known_sizes,
    moments,
)
from pydl.ops.batch_norm import batch_normalized

_CLIPPING = ("rmax", "rmin", "dmax")


class BatchNormalization(CenterScale):
    """Brings each feature to mean 0 and variance 1 over the batch, then scales it.

    S. Ioffe and C. Szegedy (2015), "Batch Normalization". In training with the batch's
    own mean and variance, whose moving averages are kept: ``moving = momentum * moving
    + (1 - momentum) * batch``, updated inside the compiled step. Otherwise, and when
    the layer's `trainable` is False, with the averages.

    Args:
        axis: the axis of the features.
        momentum: the share of the old averages kept each step.
        epsilon: added to the variance.
        center, scale: whether there are `beta` and `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer,
            moving_variance_initializer: first values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: projections after each update.
        renorm: correct the batch's statistics towards moving ones (S. Ioffe, 2017,
            "Batch Renormalization").
        renorm_clipping: dict of ``"rmin"``, ``"rmax"``, ``"dmax"``: limits of it.
        renorm_momentum: as `momentum`, for these statistics.
        synchronized: must be False.

    Input shape ``(batch, ...)``; `call` takes a `mask` of the shape without the last
    axis: masked values take no part in statistics.

    >>> x = np.array([[1.0, 2.0], [3.0, 6.0]], "float32")
    >>> y = pydl.layers.BatchNormalization(epsilon=0.0)(x, training=True)
    >>> np.round(y, 3).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        if synchronized:
            raise ValueError(
                "BatchNormalization: synchronized=True needs several devices; expected "
                "False"
            )
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.synchronized = False
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = _checked_clipping(renorm_clipping) if renorm else None
        self.renorm_momentum = renorm_momentum

    def build(self, input_shape: Any) -> None:
        axes = check_axes(self.axis, input_shape)
        shape = known_sizes(self, input_shape, axes)
        self._add_gamma_and_beta(shape)
        self.moving_mean = self._average(
            "moving_mean", shape, self.moving_mean_initializer
        )
        self.moving_variance = self._average(
            "moving_variance", shape, self.moving_variance_initializer
        )
        if self.renorm:
            root = self._root_of_variance
            self.moving_stddev = self._average("moving_stddev", shape, root)
            mean = self.moving_mean_initializer
            self.renorm_mean = self._average("renorm_mean", shape, mean)
            self.renorm_stddev = self._average("renorm_stddev", shape, root)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def _average(self, name: str, shape: Any, initializer: Any) -> Any:
        return self.add_weight(
            tuple(shape), initializer, name=name, trainable=False, autocast=False
        )

    def _root_of_variance(self, shape: Any, dtype: Any = None) -> Any:
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = in_float(inputs)
        axis = self.axis % len(x.shape)
        shape = along(x.shape, [axis])
        over = [i for i in range(len(x.shape)) if i != axis]
        if not (training and self.trainable):
            out = self._by_averages(x, shape)
        elif mask is not None:
            out = self._by_mask(x, over, shape, mask)
        elif self.renorm:
            out = self._by_renorm(x, over, shape)
        else:
            out = self._by_batch(x, axis)
        return ops.cast(out, self.compute_dtype)

    def _by_averages(self, x: Any, shape: Any) -> Any:
        """``x * factor + shift``: two numbers per feature."""
        mean = ops.cast(self.moving_mean, x.dtype)
        factor = ops.rsqrt(ops.cast(self.moving_variance, x.dtype) + self.epsilon)
        if self.gamma is not None:
            factor = factor * ops.cast(self.gamma, x.dtype)
        shift = ops.negative(mean * factor)
        if self.beta is not None:
            shift = shift + ops.cast(self.beta, x.dtype)
        return x * ops.reshape(factor, shape) + ops.reshape(shift, shape)

    def _by_batch(self, x: Any, axis: int) -> Any:
        """By the batch's own moments, which the averages take in."""
        last = len(x.shape) - 1
        gamma, beta = (
            None if value is None else ops.cast(value, x.dtype)
            for value in (self.gamma, self.beta)
        )
        features_last = x if axis == last else ops.moveaxis(x, axis, last)
        out, mean, variance = batch_normalized(features_last, gamma, beta, self.epsilon)
        self._average_in(mean, variance)
        return out if axis == last else ops.moveaxis(out, last, axis)

    def _by_renorm(self, x: Any, over: Any, shape: Any) -> Any:
        found = moments(x, over)
        factor = ops.rsqrt(found.variance + self.epsilon)
        out = ops.add(found.centred * factor, found.shift * factor)
        return self._learned(out, found.mean, found.variance, shape)

    def _by_mask(self, x: Any, over: Any, shape: Any, mask: Any) -> Any:
        if len(mask.shape) != len(x.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. "
                f"Received: mask.shape={tuple(mask.shape)}, inputs.shape="
                f"{tuple(x.shape)}"
            )
        keep = ops.cast(ops.cast(ops.expand_dims(mask, -1), "bool"), x.dtype)
        keep = ops.broadcast_to(keep, x.shape)
        weight = ops.sum(keep, axis=over, keepdims=True) + config.epsilon()
        mean = ops.divide(ops.sum(x * keep, axis=over, keepdims=True), weight)
        squares = ops.square((x - mean) * keep)
        variance = ops.divide(ops.sum(squares, axis=over, keepdims=True), weight)
        out = (x - mean) * ops.rsqrt(variance + self.epsilon)
        return self._learned(out, mean, variance, shape)

    def _learned(self, out: Any, mean: Any, variance: Any, shape: Any) -> Any:
        """The output from standardized values; the averages take the batch in."""
        if self.renorm:
            out = self._renormed(out, ops.ravel(mean), ops.ravel(variance), shape)
        else:
            self._average_in(mean, variance)
        return self._scaled(out, shape)

    def _average_in(self, mean: Any, variance: Any) -> None:
        self._take_in(self.moving_mean, ops.ravel(mean), self.momentum)
        self._take_in(self.moving_variance, ops.ravel(variance), self.momentum)

    def _take_in(self, average: Any, value: Any, momentum: float) -> Any:
        old = ops.cast(average, value.dtype)
        return average.assign(old * momentum + value * (1.0 - momentum))

    def _renormed(self, out: Any, mean: Any, variance: Any, shape: Any) -> Any:
        """``out * r + d``: as the moving statistics would have it."""
        stddev = ops.sqrt(variance + self.epsilon)
        least = self.epsilon**0.5
        reference = ops.maximum(ops.cast(self.renorm_stddev, mean.dtype), least)
        r = ops.divide(stddev, reference)
        d = ops.divide(mean - ops.cast(self.renorm_mean, mean.dtype), reference)
        limits = self.renorm_clipping or {}
        if limits.get("rmin") is not None:
            r = ops.maximum(r, float(limits["rmin"]))
        if limits.get("rmax") is not None:
            r = ops.minimum(r, float(limits["rmax"]))
        if limits.get("dmax") is not None:
            d = ops.clip(d, -float(limits["dmax"]), float(limits["dmax"]))
        self._take_in(self.renorm_mean, mean, self.renorm_momentum)
        self._take_in(self.renorm_stddev, stddev, self.renorm_momentum)
        self._take_in(self.moving_mean, mean, self.momentum)
        moving = self._take_in(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(ops.relu(moving * moving - self.epsilon))
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        return out * ops.reshape(r, shape) + ops.reshape(d, shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "moving_mean_initializer": initializers.serialize(
                self.moving_mean_initializer
            ),
            "moving_variance_initializer": initializers.serialize(
                self.moving_variance_initializer
            ),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _checked_clipping(clipping: dict[str, float] | None) -> dict[str, float]:
    clipping = dict(clipping or {})
    if set(clipping) - set(_CLIPPING):
        raise ValueError(
            "Received invalid keys for `renorm_clipping` argument: "
            f"{clipping}. Supported values: {list(_CLIPPING)}."
        )
    rmax, rmin, dmax = (clipping.get(key) for key in _CLIPPING)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(
            "rmax should be greater than rmin in the `renorm_clipping` argument. "
            f"Received: rmax={rmax}, rmin={rmin}."
        )
    if dmax is not None and dmax < 0:
        raise ValueError(
            "dmax should be non-negative in the `renorm_clipping` argument. Received: "
            f"dmax={dmax}."
        )
    return clipping
