"""Texts as places in a vocabulary."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from pydl import config
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.encoding import refuse_sparse
from pydl.layers.preprocessing.hashing import host_array
from pydl.layers.preprocessing.lookup import StringLookup
from pydl.objects.serialization import deserialize_keras_object

#: As in Keras, letters outside of ASCII keep their case.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
_SPACE = re.compile(r"[ \t\n\r\x0b\x0c]+")
_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")

#: Rows of tokens, of any lengths.
Rows = list[list[str]]


class TextVectorization(Layer):
    """Texts as places in a vocabulary, or as counts of its tokens.

    Each text is standardized, split into tokens, tokens are joined to n-grams, and a
    `StringLookup` with the mask token ``""`` finds their places. Works on the host:
    call it on arrays before the model.

    Args:
        max_tokens: the largest size of the vocabulary, padding and unknown included.
        standardize: ``"lower_and_strip_punctuation"``, ``"lower"``,
            ``"strip_punctuation"``, None, or a function of an array of strings.
        split: ``"whitespace"``, ``"character"``, None, or a function that gives the
            tokens of each string of an array: lists, or an array with one more axis.
        ngrams: the longest n-gram, or a tuple of their lengths; None: single tokens.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or
            ``"tf_idf"``.
        output_sequence_length: in the mode ``"int"``: rows are cut, or filled with 0,
            to this length; None: to the longest.
        pad_to_max_tokens: other modes give rows of the length `max_tokens`.
        vocabulary: the tokens, or a text file with one in each line; None: learned by
            `adapt`.
        idf_weights: weights of the mode ``"tf_idf"``.
        sparse, ragged: must be False.
        encoding: that of bytes.

    Shapes: ``(batch,)`` or ``(batch, 1)`` in; ``(batch, length)`` or ``(batch, size of
    the vocabulary)`` out.

    Raises:
        ValueError: an argument is not one of those above, or texts have a last axis
            other than 1.

    >>> layer = pydl.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer([["foo qux bar"], ["qux baz"]]).tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        others = ("dtype", "has_input_vocabulary", "vocabulary_size")
        own = {key: value for key, value in kwargs.items() if key not in others}
        super().__init__(name=name, **own)
        refuse_sparse("TextVectorization", sparse)
        if ragged:
            raise ValueError("TextVectorization: ragged: expected False, received True")
        _check(standardize, split, ngrams, output_mode, output_sequence_length)
        self._standardize = standardize
        self._split = split
        self._ngrams_argument = ngrams
        self._ngrams = (
            tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        )
        self._output_sequence_length = output_sequence_length
        self._encoding = encoding
        self._convert_input_args = False
        self.built = True
        # Keras's name: paths in its files contain it.
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens, mask_token="",
            output_mode=output_mode, encoding=encoding,
        )  # fmt: skip

    # -- the vocabulary -------------------------------------------------------------

    def adapt(
        self, data: Any, batch_size: int | None = None, steps: int | None = None
    ) -> None:
        """Learn the vocabulary, the most frequent tokens first.

        Args:
            data: texts as an array or a list, or an iterable of batches of them.
            batch_size: accepted; the result does not depend on it.
            steps: how many batches of an iterable to take.
        """
        self.reset_state()
        whole = isinstance(data, (list, tuple, str)) or hasattr(data, "shape")
        if not whole and not isinstance(data, Iterable):
            raise TypeError(f"adapt: expected an array or batches, received {data!r}")
        for index, batch in enumerate([data] if whole else data):
            if steps is not None and index >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        shape, rows = self._tokens(data)
        if self._split is None and len(shape) == 0:  # a flat list: texts, not a row
            rows = [[token] for row in rows for token in row]
        for row in rows:
            self._lookup_layer.update_state(np.array([row], dtype="U"))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their places, ``""`` and unknown ones first."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    @property
    def has_input_vocabulary(self) -> bool:
        """Whether the vocabulary was given, so that there is nothing to learn."""
        return self._lookup_layer.has_input_vocabulary

    def vocabulary_size(self) -> int:
        """The number of places."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens: a list, or a text file with one in each line."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # -- texts to tokens ------------------------------------------------------------

    def _tokens(self, inputs: Any) -> tuple[tuple[int, ...], Rows]:
        """Rows of tokens, and the shape that they are arranged in."""
        texts = self._standardized(self._texts(inputs))
        if self._split is None:
            shape = texts.shape[:-1]
            rows = (
                texts.reshape(-1, texts.shape[-1]) if texts.ndim else texts[None, None]
            )
            return shape, self._joined(rows.tolist())
        if texts.ndim > 1:
            if texts.shape[-1] != 1:
                raise ValueError(
                    "When using `TextVectorization` to tokenize strings, the input "
                    "rank must be 1 or the last shape dimension must be 1. Received: "
                    f"inputs.shape={texts.shape} with rank={texts.ndim}"
                )
            texts = texts[..., 0]
        return texts.shape, self._joined(self._split_rows(texts))

    def _texts(self, inputs: Any) -> np.ndarray:
        array = host_array(self, inputs)
        if array.dtype.kind == "U":
            return array
        flat = [
            v.decode(self._encoding) if isinstance(v, bytes) else str(v)
            for v in array.reshape(-1).tolist()
        ]
        return np.array(flat, dtype="U").reshape(array.shape)

    def _standardized(self, texts: np.ndarray) -> np.ndarray:
        how = self._standardize
        if how is None:
            return texts
        if callable(how):
            return np.asarray(how(texts), dtype="U")
        flat = texts.reshape(-1).tolist()
        if "lower" in how:
            flat = [text.translate(_LOWER) for text in flat]
        if "strip_punctuation" in how:
            flat = [_PUNCTUATION.sub("", text) for text in flat]
        return np.array(flat, dtype="U").reshape(texts.shape)

    def _split_rows(self, texts: np.ndarray) -> Rows:
        if callable(self._split):
            found = self._split(texts)
            return [[str(token) for token in row] for row in found]
        flat = texts.reshape(-1).tolist()
        if self._split == "character":
            return [list(text) for text in flat]
        return [[part for part in _SPACE.split(text) if part] for text in flat]

    def _joined(self, rows: Rows) -> Rows:
        """Tokens as n-grams: all of the first length, then all of the next."""
        if self._ngrams is None:
            return rows
        return [
            [
                " ".join(row[at : at + length])
                for length in self._ngrams
                for at in range(len(row) - length + 1)
            ]
            for row in rows
        ]

    # -- tokens to numbers ----------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        shape, rows = self._tokens(inputs)
        length = self._output_sequence_length
        longest = max(map(len, rows), default=0) if length is None else length
        # The mask token: place 0, and in the other modes it counts nothing.
        padded = [row[:longest] + [""] * (longest - len(row)) for row in rows]
        tokens = np.array(padded, dtype="U").reshape(*shape, longest)
        return self._lookup_layer.call(tokens)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        if self._lookup_layer.output_mode == "int":
            return (shape[0], self._output_sequence_length)
        if self._split is not None:
            shape = (*shape, None)
        elif len(shape) <= 1:
            shape = (*shape, 1)
        return self._lookup_layer.compute_output_shape(shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        mode = self._lookup_layer.output_mode
        dtype = "int64" if mode == "int" else config.floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    # -- files ----------------------------------------------------------------------

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the weights of the mode ``"tf_idf"``."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read what `save_own_variables` wrote."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: Any) -> None:
        """Write a learned vocabulary to ``vocabulary.txt`` in a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)

    def get_config(self) -> dict[str, Any]:
        lookup = self._lookup_layer.get_config()
        shared = ("max_tokens", "output_mode", "pad_to_max_tokens", "sparse",
                  "vocabulary", "idf_weights")  # fmt: skip
        return {
            **super().get_config(),
            **{key: lookup[key] for key in shared},
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams_argument,
            "output_sequence_length": self._output_sequence_length,
            "ragged": False,
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer of a `get_config` dict."""
        config = dict(config)
        for key in ("standardize", "split"):
            if isinstance(config[key], dict):
                config[key] = deserialize_keras_object(config[key])
        if isinstance(config["ngrams"], list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value is not None and not callable(value) and value not in allowed:
        raise ValueError(
            f"Unknown value for `{name}` argument of layer TextVectorization. Allowed "
            f"values are: {allowed}, None and functions. Received: {value!r}"
        )


def _check(
    standardize: Any, split: Any, ngrams: Any, output_mode: str, length: Any
) -> None:
    _check_choice("standardize", standardize, _STANDARDIZE)
    _check_choice("split", split, _SPLIT)
    several = isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams)
    if not (ngrams is None or isinstance(ngrams, int) or several):
        raise ValueError(
            "`ngrams` must be None, an integer, or a tuple of integers. Received: "
            f"ngrams={ngrams}"
        )
    if output_mode != "int" and length is not None:
        raise ValueError(
            "`output_sequence_length` must not be set if `output_mode` is not 'int'. "
            f"Received output_sequence_length={length}."
        )
    if not isinstance(length, (int, type(None))):
        raise ValueError(
            "`output_sequence_length` must be either None or an integer when "
            f"`output_mode` is 'int'. Received: output_sequence_length={length}"
        )
