"""A dense layer over any axes, written as an Einstein sum."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydl import activations, constraints, initializers, ops, regularizers
from pydl.initializers.random import VarianceScaling
from pydl.layers.base import InputSpec, Layer
from pydl.layers.core.einsum import contract

_FORMS = (
    (re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)"), ""),
    (re.compile(r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)"), "left"),
    (re.compile(r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\."), "right"),
)


class Spec(NamedTuple):
    """An equation with a letter for every axis."""

    inputs: str
    weight: str
    output: str
    elided: int  # axes the dots stand for
    side: str  # where the dots are: "left", "right" or "" for none


class EinsumDense(Layer):
    """``activation(einsum(equation, inputs, kernel) + bias)``.

    Args:
        equation: such as ``"abc,cd->abd"`` or ``"...x,xy->...y"``: the axes of the
            input, of the kernel, and of the output.
        output_shape: the output's shape without the batch axis and those the dots stand
            for; None entries are those of the input.
        activation: function or name; None is linear.
        bias_axes: letters of the output that the bias has; None: no bias.
        kernel_initializer, bias_initializer: first values.
        kernel_regularizer, bias_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    >>> layer = pydl.layers.EinsumDense("abc,cd->abd", output_shape=(None, 8))
    >>> layer(np.ones((2, 3, 4), "float32")).shape
    (2, 3, 8)
    """

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        extras = (lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config)
        if any(extra is not None for extra in extras):
            raise ValueError(
                "EinsumDense: `lora_rank`, `lora_alpha`, `gptq_unpacked_column_size` "
                "and `quantization_config` are not supported yet: leave them out"
            )
        self.equation = equation
        one = isinstance(output_shape, int)
        self.partial_output_shape = (output_shape,) if one else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        spec = _analyzed(self.equation, len(input_shape))
        sizes = self._letter_sizes(spec, input_shape)
        shape = [self._known(sizes, c) for c in spec.weight]
        self.input_spec = InputSpec(ndim=len(input_shape))
        self.kernel = self.add_weight(
            name="kernel",
            shape=tuple(shape),
            initializer=self._kernel_initializer(spec),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=self._bias_shape(spec, sizes),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _kernel_initializer(self, spec: Spec) -> Any:
        """Variance scaling counts the axes that go in and out by the equation."""
        made = self.kernel_initializer
        if not isinstance(made, VarianceScaling):
            return made
        config = made.get_config()
        if config.get("input_axes") is not None and config.get("output_axes"):
            return made
        out = [i for i, c in enumerate(spec.weight) if c in spec.output]
        config["output_axes"] = out
        config["input_axes"] = [i for i in range(len(spec.weight)) if i not in out]
        config["seed"] = getattr(made, "seed", config.get("seed"))
        return type(made).from_config(config)

    def _letter_sizes(self, spec: Spec, input_shape: Any) -> dict[str, int | None]:
        """The size of every letter; ValueError where input and output disagree."""
        sizes = dict(zip(spec.inputs, input_shape, strict=True))
        own = spec.output[1:]
        if spec.side == "left":
            own = spec.output[spec.elided :]
            own = own[1:] if not spec.elided else own
        elif spec.side == "right":
            own = spec.output[1 : len(spec.output) - spec.elided]
        if len(own) != len(self.partial_output_shape):
            raise ValueError(
                f"EinsumDense: output_shape: expected {len(own)} entries for equation "
                f"{self.equation!r}, received {self.partial_output_shape}"
            )
        for letter, size in zip(own, self.partial_output_shape, strict=True):
            if size is None:
                continue
            if sizes.get(letter, size) not in (None, size):
                raise ValueError(
                    "Input shape and output shape do not match at shared dimension "
                    f"'{letter}'. Input shape is {sizes[letter]}, and output shape is "
                    f"{size}."
                )
            sizes[letter] = size
        return sizes

    def _known(self, sizes: dict[str, int | None], letter: str) -> int:
        size = sizes.get(letter)
        if size is None:
            raise ValueError(
                f"Weight dimension '{letter}' of equation {self.equation!r} did not "
                "have a match of known size in either the input or the output. For "
                "this layer, the weight must be fully specified."
            )
        return size

    def _bias_shape(self, spec: Spec, sizes: dict[str, int | None]) -> tuple[int, ...]:
        axes = self.bias_axes or ""
        for letter in axes:
            if letter not in spec.output:
                raise ValueError(
                    f"Bias dimension '{letter}' was requested, but is not part of the "
                    f"output spec '{spec.output}'"
                )
        first = min(spec.output.find(letter) for letter in axes)
        return tuple(
            self._known(sizes, c) if c in axes else 1 for c in spec.output[first:]
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        spec = _analyzed(self.equation, len(inputs.shape))
        kernel = ops.convert_to_tensor(self.kernel)
        x = contract(inputs, kernel, spec.inputs, spec.weight, spec.output)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self.activation is None else self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        spec = _analyzed(self.equation, len(input_shape))
        sizes = self._letter_sizes(spec, input_shape)
        return tuple(sizes.get(letter) for letter in spec.output)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


def _analyzed(equation: str, rank: int) -> Spec:
    """The letters of an equation for inputs of `rank` axes, digits for the dots."""
    for form, side in _FORMS:
        found = form.fullmatch(equation)
        if found is None:
            continue
        inputs, weight, output = found.groups()
        elided = rank - len(inputs)
        if elided < 0 or (elided and not side):
            raise ValueError(
                f"EinsumDense: equation {equation!r} is of inputs with {len(inputs)} "
                f"axes, received an input with {rank}"
            )
        dots = "".join(chr(0x391 + i) for i in range(elided))  # no Latin letters
        if side == "left":
            inputs, output = dots + inputs, dots + output
        elif side == "right":
            inputs, output = inputs + dots, output + dots
        for letter in output:
            if letter not in inputs + weight:
                raise ValueError(
                    f"Dimension '{letter}' was specified in the output '{output}' but "
                    f"has no corresponding dim in the input spec '{inputs}' or weight "
                    f"spec '{weight}'"
                )
        return Spec(inputs, weight, output, elided, side)
    raise ValueError(
        f"Invalid einsum equation '{equation}'. Equations must be in the form "
        "[X],[Y]->[Z], ...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
    )
