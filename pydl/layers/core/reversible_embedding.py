"""A table of rows, and the product with it."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.base import KerasTensor
from pydl.layers.base.masks import set_mask
from pydl.layers.core.embedding import Embedding


class ReversibleEmbedding(Embedding):
    """An embedding that can be called in reverse: from rows to a logit per index.

    Args:
        input_dim: number of rows.
        output_dim: length of a row.
        tie_weights: the reverse uses the transposed table; else a weight of its own.
        embeddings_initializer: first values, of both.
        embeddings_regularizer: penalty of the table.
        embeddings_constraint: projection of the table after each update.
        mask_zero: input 0 stands for "nothing here".
        reverse_dtype: dtype the reverse computes in; None: the layer's.
        logit_soft_cap: logits ``x`` become ``cap * tanh(x / cap)``.

    Call with ``reverse=True`` to turn ``(..., output_dim)`` into ``(..., input_dim)``.

    >>> layer = pydl.layers.ReversibleEmbedding(100, 8)
    >>> rows = layer(np.array([[3, 7]]))
    >>> layer(rows, reverse=True).shape
    (1, 2, 100)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
                name="reverse_embeddings",
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            rows = super().call(inputs)
            if self.mask_zero:
                set_mask(rows, ops.not_equal(inputs, 0))
            return rows
        dtype = self.reverse_dtype or self.compute_dtype
        table = self.embeddings if self.tie_weights else self.reverse_embeddings
        kernel = ops.cast(ops.convert_to_tensor(table), dtype)
        if self.tie_weights:
            kernel = ops.transpose(kernel)
        logits = ops.matmul(ops.cast(inputs, dtype), kernel)
        if self.logit_soft_cap is None:
            return logits
        return ops.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: `call` puts the mask on its result."""
        return None

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> Any:
        if not self.built:
            self.build(inputs.shape)
        shape = self.compute_output_shape(inputs.shape, reverse)
        dtype = self.reverse_dtype if reverse else None
        return KerasTensor(shape, dtype or self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
