"""What layers with learned windows share."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, ClassVar

from pydl import (
    activations,
    config,
    constraints,
    initializers,
    ops,
    regularizers,
    windows,
)
from pydl.layers.base import InputSpec, Layer

#: Initializer, regularizer and constraint of an array.
Learned = tuple[Any, Any, Any]
_PARTS: tuple[tuple[str, Any], ...] = (
    ("initializer", initializers),
    ("regularizer", regularizers),
    ("constraint", constraints),
)
_UNSUPPORTED = ("lora_rank", "lora_alpha", "quantization_config")


class LearnedWindows(Layer):
    """A layer with windows over one to three spatial axes, a bias and an activation.

    Args:
        learned: what is learned, by the first word of its arguments: ``"kernel"``
            stands for `kernel_initializer`, `kernel_regularizer`, `kernel_constraint`.
        kwargs: the other arguments of `Layer`.
    """

    _dims: ClassVar[int]
    _paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: Any,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        learned: dict[str, Learned],
        **kwargs: Any,
    ) -> None:
        for argument in _UNSUPPORTED:
            if kwargs.pop(argument, None) is not None:
                raise ValueError(
                    f"{type(self).__name__}: `{argument}` is not supported yet: leave "
                    "it out"
                )
        super().__init__(**kwargs)
        self.rank = self._dims
        self.kernel_size = self._numbers("kernel_size", kernel_size)
        self.strides = self._numbers("strides", strides)
        self.dilation_rate = self._numbers("dilation_rate", dilation_rate)
        self.padding = windows.padding_name(
            type(self).__name__, padding, self._paddings
        )
        self.data_format = config.standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self._prefixes = tuple(learned)
        for prefix, given in learned.items():
            for (part, family), value in zip(_PARTS, given, strict=True):
                setattr(self, f"{prefix}_{part}", family.get(value))
        self.input_spec = InputSpec(min_ndim=self._dims + 2)

    def _numbers(self, argument: str, value: Any, least: int = 1) -> tuple[int, ...]:
        name = f"{type(self).__name__}: {argument}"
        return tuple(windows.per_axis(name, value, self._dims, least))

    def _positive(self, argument: str, value: Any) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__") or value <= 0:
            raise ValueError(
                f"Invalid value for argument `{argument}`. Expected a strictly "
                f"positive integer. Received {argument}={value!r}."
            )
        return index(value)

    def _refuse_dilated_strides(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
                f"Received: strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}"
            )

    # -- building -------------------------------------------------------------------

    def _build_channels(self, input_shape: Any) -> int:
        """The number of channels of the input, which from now on it must have."""
        channels = self._channels(input_shape)
        if channels is None:
            raise ValueError(
                f"layer '{self.name}': the channels of the input must have a known "
                f"size, received input_shape={tuple(input_shape)}"
            )
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(min_ndim=self._dims + 2, axes={axis: channels})
        return int(channels)

    def _channels(self, input_shape: Any) -> Any:
        if len(input_shape) != self._dims + 2:
            raise ValueError(
                f"layer '{self.name}': expected an input of {self._dims + 2} axes, "
                f"received input_shape={tuple(input_shape)}"
            )
        return input_shape[-1 if self.data_format == "channels_last" else 1]

    def _learn(self, name: str, shape: Sequence[int], prefix: str | None = None) -> Any:
        """A learned array; `prefix`: the first word of its arguments, if not `name`."""
        parts = {part: getattr(self, f"{prefix or name}_{part}") for part, _ in _PARTS}
        return self.add_weight(name=name, shape=tuple(shape), **parts)

    def _learn_bias(self, filters: int) -> None:
        self.bias = self._learn("bias", (filters,)) if self.use_bias else None

    # -- calling --------------------------------------------------------------------

    def _finished(self, x: Any) -> Any:
        """With the bias added, through the activation."""
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (-1, *[1] * self._dims))
            x = ops.add(x, bias)
        return self.activation(x)

    # -- shapes ---------------------------------------------------------------------

    def _spatial_sizes(self, input_shape: Any) -> list[int]:
        self._channels(input_shape)
        last = self.data_format == "channels_last"
        sizes = input_shape[1:-1] if last else input_shape[2:]
        return [windows.UNKNOWN if size is None else size for size in sizes]

    def _shape(self, batch: Any, sizes: Sequence[int], channels: Any) -> Any:
        known = [None if size == windows.UNKNOWN else size for size in sizes]
        if self.data_format == "channels_last":
            return (batch, *known, channels)
        return (batch, channels, *known)

    def _output_shape(self, input_shape: Any, filters: Any) -> Any:
        """The shape of a convolution's result."""
        sizes = self._spatial_sizes(input_shape)
        spans = windows.spans(self.kernel_size, self.dilation_rate)
        widths = windows.pad_widths(
            type(self).__name__, self.padding, sizes, spans, self.strides
        )
        places = windows.places(sizes, spans, self.strides, widths)
        if 0 in places:
            raise ValueError(
                "Computed output size would be zero or negative. Received "
                f"`inputs shape={tuple(input_shape)}`, "
                f"`kernel_size={self.kernel_size}`, "
                f"`dilation_rate={self.dilation_rate}`, `strides={self.strides}`, "
                f"`padding={self.padding}`."
            )
        return self._shape(input_shape[0], places, filters)

    def get_config(self) -> dict[str, Any]:
        learned = {
            f"{prefix}_{part}": family.serialize(getattr(self, f"{prefix}_{part}"))
            for prefix in self._prefixes
            for part, family in _PARTS
        }
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **learned,
        }
