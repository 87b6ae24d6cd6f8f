"""What lookups of tokens share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pydl import config, ops
from pydl.layers.base import KerasTensor, Layer
from pydl.layers.preprocessing.encoding import (
    check_mode,
    encode,
    encoded_shape,
    refuse_sparse,
)
from pydl.layers.preprocessing.hashes import bucket, parse_salt
from pydl.layers.preprocessing.hashing import host_array

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class IndexLookup(Layer):
    """What `IntegerLookup` and `StringLookup` share. Places: the mask token (in the
    mode ``"int"``), then unknown tokens, then the vocabulary."""

    _kind: ClassVar[str]

    def __init__(
        self, *, max_tokens: int | None, num_oov_indices: int, mask_token: Any,
        oov_token: Any, vocabulary: Any, idf_weights: Any, invert: bool,
        output_mode: str, sparse: bool, pad_to_max_tokens: bool, salt: Any,
        oov_method: str, name: str | None, **kwargs: Any,
    ) -> None:  # fmt: skip
        owner = type(self).__name__
        kwargs.pop("dtype", None), kwargs.pop("trainable", None)
        kwargs.pop("vocabulary_size", None), kwargs.pop("has_input_vocabulary", None)
        super().__init__(name=name, **kwargs)
        refuse_sparse(owner, sparse)
        mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        self.output_mode = check_mode(owner, mode, _MODES)
        _check_counts(owner, max_tokens, num_oov_indices, pad_to_max_tokens)
        _check_modes(invert, mode, oov_method)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.sparse = False
        self.pad_to_max_tokens = pad_to_max_tokens
        self.salt = parse_salt(owner, salt)
        self.oov_method = oov_method
        self._convert_input_args = False
        self.built = True
        self._start(vocabulary, idf_weights)

    def _start(self, vocabulary: Any, idf_weights: Any) -> None:
        self.input_vocabulary = None
        self.input_idf_weights = None
        self._tokens: list[Any] = []
        self._places: dict[Any, int] = {}
        self.idf_weights: np.ndarray | None = None
        self.reset_state()
        if vocabulary is None:
            if idf_weights is not None:
                raise ValueError("`idf_weights` should only be set with a `vocabulary`")
            return
        self.set_vocabulary(vocabulary, idf_weights)
        if not isinstance(vocabulary, (str, Path)):
            self.input_vocabulary = [self._token(t) for t in vocabulary]
        if idf_weights is not None:
            self.input_idf_weights = np.asarray(idf_weights).tolist()

    def _token(self, value: Any) -> Any:
        """A token in the one form that it is looked up by."""
        raise NotImplementedError

    # -- the vocabulary -------------------------------------------------------------

    def _first_oov(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _first_token(self) -> int:
        return self._first_oov() + self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their places."""
        if not include_special_tokens:
            return list(self._tokens)
        special = [self.mask_token] * self._first_oov()
        return [*special, *[self.oov_token] * self.num_oov_indices, *self._tokens]

    @property
    def has_input_vocabulary(self) -> bool:
        """Whether the vocabulary was given, so that there is nothing to learn."""
        return self.input_vocabulary is not None

    def vocabulary_size(self) -> int:
        """The number of places."""
        return len(self._tokens) + self._first_token()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens: a list, or a text file with one in each line."""
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise ValueError(
                "`idf_weights` must be set if output_mode is 'tf_idf', and only then. "
                f"Received: output_mode={self.output_mode} and "
                f"idf_weights={idf_weights}"
            )
        if isinstance(vocabulary, (str, Path)):
            path = Path(vocabulary)
            if not path.is_file():
                raise ValueError(f"Vocabulary file {path} does not exist.")
            vocabulary = path.read_text(encoding="utf-8").splitlines()
        found = [self._token(token) for token in vocabulary]
        if not found:
            raise ValueError(
                f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}"
            )
        special = self.get_vocabulary()[: self._first_token()]
        own = found[: len(special)] == special and len(special) > 0
        tokens = found[len(special) :] if own else found
        self._check_tokens(tokens, special)
        self._set_tokens(tokens)
        if idf_weights is not None:
            self._set_weights(np.asarray(idf_weights, "float32"), own, len(found))

    def _check_tokens(self, tokens: list[Any], special: list[Any]) -> None:
        repeated = [token for token, n in Counter(tokens).items() if n > 1]
        if repeated:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify "
                f"your dataset. The repeated terms are: {repeated}"
            )
        reserved = [self.mask_token, *([self.oov_token] if self.invert else [])]
        for token in reserved:
            if token is not None and token in tokens:
                raise ValueError(
                    f"Found reserved token {token!r} at an unexpected location in "
                    "`vocabulary`. Either remove all mask and OOV tokens, or include "
                    f"them only at its start in precisely this order: {special}"
                )
        size = len(tokens) + self._first_token()
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. "
                f"Received vocabulary size is {size}; `max_tokens` is "
                f"{self.max_tokens}."
            )

    def _set_tokens(self, tokens: list[Any]) -> None:
        self._tokens = tokens
        first = self._first_token()
        self._places = {token: first + i for i, token in enumerate(tokens)}

    def _set_weights(self, weights: np.ndarray, special: bool, given: int) -> None:
        if weights.shape != (given,):
            raise ValueError(
                "`idf_weights` must be the same length as vocabulary. len(idf_weights) "
                f"is {len(weights)}; len(vocabulary) is {given}"
            )
        front = 0 if special else self._first_token()
        weights = np.pad(weights, (front, 0), constant_values=float(weights.mean()))
        self.idf_weights = self._padded(weights)

    def _padded(self, weights: np.ndarray) -> np.ndarray:
        extra = (self._depth() or 0) - len(weights)
        return np.pad(weights, (0, max(extra, 0))).astype("float32")

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the weights of the mode ``"tf_idf"`` under ``"idf_weights"``."""
        if self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read what `save_own_variables` wrote."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], "float32")

    def save_assets(self, dir_path: Any) -> None:
        """Write a learned vocabulary to ``vocabulary.txt`` in a folder."""
        if self.input_vocabulary is None:
            lines = "\n".join(str(token) for token in self.get_vocabulary())
            (Path(dir_path) / "vocabulary.txt").write_text(lines, encoding="utf-8")

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote."""
        if self.input_vocabulary is None:
            text = (Path(dir_path) / "vocabulary.txt").read_text(encoding="utf-8")
            tokens = text.rstrip("\n").split("\n")
            weights = self.idf_weights
            if weights is not None:
                weights = weights[: len(tokens)]
            self.set_vocabulary(tokens, weights)

    # -- learning -------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary of an array, or of `steps` batches of an iterable: the
        most frequent tokens first."""
        self.reset_state()
        for index, batch in enumerate(_batches(data)):
            if steps is not None and index >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch."""
        if self.input_vocabulary is not None:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary "
                "via `vocabulary` argument or `set_vocabulary()` method."
            )
        array = np.atleast_1d(np.asarray(data))
        rows = array.reshape(1, -1) if array.ndim == 1 else array
        for row in rows.reshape(len(rows), -1).tolist():
            tokens = [self._token(value) for value in row]
            self._counts.update(tokens)
            self._documents.update(set(tokens))
        self._number += len(rows)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(token, None)
        if not self._counts:
            return
        order = sorted(self._counts.items(), key=lambda pair: (pair[1], pair[0]))
        tokens = [token for token, _ in reversed(order)]
        if self.max_tokens is not None:
            tokens = tokens[: self.max_tokens - self._first_token()]
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            held = np.array([self._documents[token] for token in tokens], "float64")
            weights = np.log1p(self._number / (1 + held))
            front = [weights.mean()] * self._first_token()
            self.idf_weights = self._padded(np.array([*front, *weights]))
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counts: Counter[Any] = Counter()
        self._documents: Counter[Any] = Counter()
        self._number = 0

    # -- looking up -----------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        if not self._tokens:
            raise RuntimeError(
                f"layer '{self.name}': there is no vocabulary yet: call `adapt(data)` "
                "or `set_vocabulary(tokens)`"
            )
        array = host_array(self, inputs)
        flat = array.reshape(-1).tolist()
        if self.invert:
            return self._tokens_at(flat, array.shape)
        places = np.array([self._place(self._token(v)) for v in flat], "int64")
        indices = ops.convert_to_tensor(places.reshape(array.shape))
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        dtype = "int64" if mode == "int" else config.floatx()
        if self.output_mode in ("one_hot", "multi_hot", "count"):
            dtype = "int64"
        out = encode(indices, mode, self._depth() or 0, dtype)
        if self.output_mode == "tf_idf":
            return ops.multiply(out, self.idf_weights)
        return out

    def _place(self, token: Any) -> int:
        if self.mask_token is not None and token == self.mask_token:
            return 0 if self.output_mode == "int" else -1  # outside: counts nothing
        place = self._places.get(token)
        if place is not None:
            return place
        if self.num_oov_indices == 0:
            raise ValueError(
                "When `num_oov_indices=0` all inputs should be in vocabulary, found "
                f"OOV value {token!r}, consider setting `num_oov_indices=1`."
            )
        return self._first_oov() + self._oov(token)

    def _oov(self, token: Any) -> int:
        if self.num_oov_indices == 1:
            return 0
        if isinstance(token, int) and self.oov_method == "floormod":
            return token % self.num_oov_indices
        return bucket(token, self.num_oov_indices, self.salt)

    def _tokens_at(self, places: list[Any], shape: Any) -> Any:
        known = self.get_vocabulary()
        inside = range(len(known))
        found = [known[i] if i in inside else self.oov_token for i in map(int, places)]
        array = np.array(found).reshape(shape)
        return array if array.dtype.kind in "UO" else ops.convert_to_tensor(array)

    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()

    def compute_output_shape(self, input_shape: Any) -> Any:
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_shape(input_shape, mode, self._depth())

    def compute_output_spec(self, inputs: Any) -> Any:
        dtype = "int64" if self.output_mode == "int" else config.floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "oov_method": self.oov_method,
            "salt": self.salt,
            "idf_weights": self._saved_weights(),
            "vocabulary": self.input_vocabulary or self._tokens or None,
        }

    def _saved_weights(self) -> Any:
        """The weights of the vocabulary in the configuration: learned ones too."""
        if self.input_idf_weights is not None or self.idf_weights is None:
            return self.input_idf_weights
        first = self._first_token()
        return self.idf_weights[first : first + len(self._tokens)].tolist()


def _batches(data: Any) -> Iterator[Any]:
    """One batch for an array or a list, the parts of any other iterable."""
    whole = isinstance(data, (list, tuple, str)) or hasattr(data, "shape")
    if whole:
        array = np.asarray(data)
        yield array[:, None] if array.ndim == 1 else array
    elif isinstance(data, Iterable):
        yield from data
    else:
        raise TypeError(f"adapt: expected an array or batches, received {data!r}")


def _check_counts(
    owner: str, max_tokens: int | None, num_oov_indices: int, pad_to_max_tokens: bool
) -> None:
    if max_tokens is not None and max_tokens <= 1:
        raise ValueError(
            f"If `max_tokens` is set for `{owner}`, it must be greater than 1. "
            f"Received: max_tokens={max_tokens}"
        )
    if num_oov_indices < 0:
        raise ValueError(
            f"The value of `num_oov_indices` argument for `{owner}` must >= 0. "
            f"Received: num_oov_indices={num_oov_indices}"
        )
    if pad_to_max_tokens and max_tokens is None:
        raise ValueError(
            "If pad_to_max_tokens is True, must set `max_tokens`. Received: "
            f"max_tokens={max_tokens}"
        )


def _check_modes(invert: bool, mode: str, oov_method: str) -> None:
    if invert and mode != "int":
        raise ValueError(
            "`output_mode` must be `'int'` when `invert` is true. Received: "
            f"output_mode={mode}"
        )
    if oov_method not in ("floormod", "farmhash"):
        raise ValueError(
            f"oov_method: expected 'floormod' or 'farmhash', received {oov_method!r}"
        )
