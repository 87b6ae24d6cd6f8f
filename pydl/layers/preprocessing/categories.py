"""Category numbers as rows."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.encoding import (
    check_mode,
    encode,
    encoded_shape,
    refuse_sparse,
)


class CategoryEncoding(Layer):
    """Integers in ``[0, num_tokens)`` as one-hot rows, sets or counts.

    Args:
        num_tokens: number of categories.
        output_mode: ``"one_hot"``: a row per integer; ``"multi_hot"``: a row per
            sample, 1 for every integer in it; ``"count"``: how often.
        sparse: must be False.

    `call` takes `count_weights` of the shape of the inputs in the mode ``"count"``.

    >>> layer = pydl.layers.CategoryEncoding(4)
    >>> layer(np.array([[0, 1], [3, 3]])).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse_sparse("CategoryEncoding", sparse)
        mode = "multi_hot" if output_mode == "binary" else output_mode
        check_mode("CategoryEncoding", mode, ("count", "one_hot", "multi_hot"))
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is "
                "not known beforehand, use the IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ValueError(
                f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}."
            )
        self.num_tokens = num_tokens
        self.output_mode = mode
        self.sparse = False
        self._convert_input_args = False
        self.built = True

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                "`count_weights` is not used when `output_mode` is not `'count'`. "
                f"Received `count_weights={count_weights}`."
            )
        indices = ops.convert_to_tensor(inputs)
        return encode(
            indices, self.output_mode, self.num_tokens, self.compute_dtype,
            count_weights,
        )  # fmt: skip

    def compute_output_shape(self, input_shape: Any) -> Any:
        if len(input_shape) == 0:
            return (self.num_tokens,)
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }
