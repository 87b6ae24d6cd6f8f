"""Rows of a table by index."""

from __future__ import annotations

import warnings
from typing import Any

from pydl import constraints, initializers, ops, regularizers
from pydl.layers.base import KerasTensor, Layer
from pydl.ops.apply import apply
from pydl.ops.gather import note_fault


class Embedding(Layer):
    """Turns integers into rows of a trained table.

    Args:
        input_dim: number of rows; inputs are in ``[0, input_dim)``, others are an
            error.
        output_dim: length of a row.
        embeddings_initializer: first values.
        embeddings_regularizer: penalty.
        embeddings_constraint: projection after each update.
        mask_zero: input 0 stands for "nothing here": `compute_mask` says where it is
            not 0.
        weights: first values as an array ``(input_dim, output_dim)``.

    Training with `SGD` without momentum, `Adagrad` or `LazyAdam` touches only the rows
    of the batch; ``model.explain()`` says why where a table is updated as a whole.

    Input shape ``(...)``, output shape ``(..., output_dim)``.

    >>> layer = pydl.layers.Embedding(10, 4)
    >>> layer(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        _check_sizes(input_dim, output_dim)
        _check_unsupported(lora_rank, lora_alpha, quantization_config)
        if kwargs.pop("input_length", None) is not None:
            warnings.warn(
                "Argument `input_length` is deprecated. Just remove it.", stacklevel=2
            )
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            name="embeddings",
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def call(self, inputs: Any) -> Any:
        indices = ops.convert_to_tensor(inputs)
        if indices.dtype not in ("int32", "int64"):
            indices = ops.cast(indices, "int32")
        table = ops.convert_to_tensor(self.embeddings)
        rows, fault = apply("take", (table, indices), {})
        note_fault(
            fault,
            f"layer '{self.name}' (Embedding): expected indices between 0 and "
            f"{self.input_dim - 1}",
        )
        return ops.cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any) -> Any:
        if not self.built:
            self.build(inputs.shape)
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
            "embeddings_regularizer": regularizers.serialize(
                self.embeddings_regularizer
            ),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }


def _check_sizes(input_dim: Any, output_dim: Any) -> None:
    for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value!r} "
                f"(of type {type(value).__name__})."
            )


def _check_unsupported(*arguments: Any) -> None:
    if any(argument is not None for argument in arguments):
        raise ValueError(
            "Embedding: `lora_rank`, `lora_alpha` and `quantization_config` are not "
            "supported yet: leave them out"
        )
