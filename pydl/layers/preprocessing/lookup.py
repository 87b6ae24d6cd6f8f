"""Tokens as places in a vocabulary, and back."""

from __future__ import annotations

from typing import Any

from pydl.layers.preprocessing.index_lookup import IndexLookup


class IntegerLookup(IndexLookup):
    """Integers as places in a vocabulary; works on the host.

    Args:
        max_tokens: the largest number of places.
        num_oov_indices: how many places unknown integers share.
        mask_token: an integer that alone gets place 0.
        oov_token: what unknown places become when inverted.
        vocabulary: the integers, or a text file; None: learned by `adapt`.
        vocabulary_dtype: must be ``"int64"``.
        idf_weights: weights of the mode ``"tf_idf"``.
        invert: places to integers.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or
            ``"tf_idf"``.
        sparse: must be False.
        pad_to_max_tokens: rows have the length `max_tokens`.
        oov_method: ``"floormod"`` or ``"farmhash"``: which of several places.
        salt: as `Hashing`'s.

    >>> layer = pydl.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer(np.array([[12, 1138, 42], [42, 1000, 36]])).tolist()
    [[1, 3, 4], [4, 0, 2]]
    """

    _kind = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(
                "Only `vocabulary_dtype='int64'` is supported at this time. Received: "
                f"vocabulary_dtype={vocabulary_dtype}"
            )
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices,
            mask_token=mask_token, oov_token=oov_token, vocabulary=vocabulary,
            idf_weights=idf_weights, invert=invert, output_mode=output_mode,
            sparse=sparse, pad_to_max_tokens=pad_to_max_tokens, salt=salt,
            oov_method=oov_method, name=name, **kwargs,
        )  # fmt: skip

    def _token(self, value: Any) -> Any:
        return int(value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_dtype": self._kind}


class StringLookup(IndexLookup):
    """Strings as places in a vocabulary; works on the host.

    Args: as `IntegerLookup`'s, with strings; `encoding` is that of bytes.

    >>> layer = pydl.layers.StringLookup(vocabulary=["a", "b", "c"])
    >>> layer([["a", "c"], ["d", "b"]]).tolist()
    [[1, 3], [0, 2]]
    """

    _kind = "string"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        oov_method = kwargs.pop("oov_method", "floormod")
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices,
            mask_token=mask_token, oov_token=oov_token, vocabulary=vocabulary,
            idf_weights=idf_weights, invert=invert, output_mode=output_mode,
            sparse=sparse, pad_to_max_tokens=pad_to_max_tokens, salt=salt,
            oov_method=oov_method, name=name, **kwargs,
        )  # fmt: skip

    def _token(self, value: Any) -> Any:
        return value.decode(self.encoding) if isinstance(value, bytes) else str(value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}
