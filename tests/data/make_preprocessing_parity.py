"""Writes ``preprocessing_parity.json``: preprocessing layers as Keras computes them.

    KERAS_BACKEND=jax python tests/data/make_preprocessing_parity.py

Needs keras 3.15 and tensorflow (for lookups and hashes).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from make_library_parity import numbers

OUT = Path(__file__).with_name("preprocessing_parity.json")
RANDOM = np.random.default_rng(17)
WORDS = [["a", "bb", "ccc"], ["bb", "x", "a"], ["a", "a", "yy"]]
LONG = ["", "a", "abc", "abcde", "abcdefghi", "x" * 16, "x" * 17, "abc" * 11,
        "abc" * 22,
        "abcd" * 33]  # fmt: skip
INTEGERS = [[5, 7, 9], [7, 100, 5], [5, 5, 200]]


def case(name: str, arguments: dict[str, Any], data: Any, adapt: Any = None) -> Any:
    layer = getattr(keras.layers, name)(**arguments)
    if adapt is not None:
        layer.adapt(np.array(adapt))
    if isinstance(data, np.ndarray):
        out, stored = layer(data), {"array": numbers(data)}
    else:
        out, stored = layer(np.array(data)), {"list": data}
    found = {"cls": name, "arguments": arguments, "adapt": adapt, **stored}
    out = np.asarray(out)
    text = out.dtype.kind in "OSU"
    found["output"] = {"list": out.astype(str).tolist()} if text else numbers(out)
    if hasattr(layer, "get_vocabulary"):
        found["vocabulary"] = [
            v if isinstance(v, str) or v is None else int(v)
            for v in layer.get_vocabulary()
        ]
    return found


def number_cases() -> list[Any]:
    x = (RANDOM.normal(size=(6, 3)) * 2 + 1).astype("float32")
    wide = (RANDOM.normal(size=(40, 2)) * 3).astype("float32")
    counts = np.array([[0, 1, 1], [3, 9, 0]], "int32")
    return [
        case("Normalization", {}, x, adapt=x.tolist()),
        case("Normalization", {"axis": None}, x, adapt=x.tolist()),
        case("Normalization", {"invert": True}, x, adapt=x.tolist()),
        case("Normalization", {"mean": [1, 2, 3], "variance": [1.0, 4, 9]}, x),
        case("Normalization", {"mean": 2.0, "variance": 4.0}, x),
        case("Discretization", {"bin_boundaries": [-1.0, 0.5, 2.0]}, x),
        case("Discretization", {
            "bin_boundaries": [-1.0, 0.5, 2.0], "output_mode": "one_hot"}, x),
        case("Discretization", {
            "bin_boundaries": [-1.0, 0.5, 2.0], "output_mode": "multi_hot"}, x),
        case("Discretization", {
            "bin_boundaries": [-1.0, 0.5, 2.0], "output_mode": "count"}, x),
        case("Discretization", {"num_bins": 4}, wide, adapt=wide.tolist()),
        case("Discretization", {"num_bins": 4, "epsilon": 0.1}, wide,
             adapt=wide.tolist()),
        case("CategoryEncoding", {"num_tokens": 10}, counts),
        case("CategoryEncoding", {"num_tokens": 10, "output_mode": "one_hot"}, counts),
        case("CategoryEncoding", {"num_tokens": 10, "output_mode": "count"}, counts),
        case("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"},
             np.array([[1], [3]], "int32")),
    ]  # fmt: skip


def host_cases() -> list[Any]:
    vocabulary = {"vocabulary": ["a", "bb", "ccc"]}
    whole = {"vocabulary": [5, 7, 9]}
    return [
        case("Hashing", {"num_bins": 7}, [[w] for w in LONG]),
        case("Hashing", {"num_bins": 1000}, LONG),
        case("Hashing", {"num_bins": 1000, "salt": 133}, LONG),
        case("Hashing", {"num_bins": 50, "salt": [133, 137]}, LONG),
        case("Hashing", {"num_bins": 5, "mask_value": "a"}, WORDS),
        case("Hashing", {"num_bins": 50}, INTEGERS),
        case("Hashing", {"num_bins": 4, "output_mode": "one_hot"}, [["a"], ["bb"]]),
        case("Hashing", {"num_bins": 4, "output_mode": "count"}, WORDS),
        case("StringLookup", vocabulary, WORDS),
        case("StringLookup", {**vocabulary, "mask_token": ""}, [["a", "", "zz"]]),
        case("StringLookup", {**vocabulary, "num_oov_indices": 3}, WORDS),
        case("StringLookup", {**vocabulary, "output_mode": "multi_hot"}, WORDS),
        case("StringLookup", {**vocabulary, "output_mode": "count"}, WORDS),
        case("StringLookup", {**vocabulary, "output_mode": "one_hot"}, [["a"], ["q"]]),
        case("StringLookup", {
            **vocabulary, "output_mode": "tf_idf", "idf_weights": [0.5, 1.0, 2.0]},
            WORDS),
        case("StringLookup", {**vocabulary, "output_mode": "count", "max_tokens": 6,
             "pad_to_max_tokens": True}, WORDS),
        case("StringLookup", {}, WORDS, adapt=WORDS),
        case("StringLookup", {"max_tokens": 3}, WORDS, adapt=WORDS),
        case("StringLookup", {"output_mode": "tf_idf"}, WORDS, adapt=WORDS),
        # Strings leave Keras only under TensorFlow: StringLookup is not inverted here.
        case("IntegerLookup", whole, INTEGERS),
        case("IntegerLookup", {**whole, "mask_token": 100}, INTEGERS),
        case("IntegerLookup", {**whole, "num_oov_indices": 3}, INTEGERS),
        case("IntegerLookup", {**whole, "num_oov_indices": 3,
             "oov_method": "farmhash"}, INTEGERS),
        case("IntegerLookup", {**whole, "output_mode": "multi_hot"}, INTEGERS),
        case("IntegerLookup", {}, INTEGERS, adapt=INTEGERS),
        case("IntegerLookup", {**whole, "invert": True}, [[1, 3], [0, 2]]),
    ]  # fmt: skip


TEXTS = ["The quick, brown fox!", "  the\tlazy DOG's dog ", "", "ÉTÉ quick-dog"]
SHORT = {"vocabulary": ["the", "quick", "dog", "the quick"]}


def text_cases() -> list[Any]:
    name = "TextVectorization"
    rows = [[text] for text in TEXTS]
    return [
        case(name, {}, TEXTS, adapt=TEXTS),
        case(name, {"max_tokens": 5}, rows, adapt=rows),
        case(name, SHORT, rows),
        case(name, {**SHORT, "output_sequence_length": 3}, TEXTS),
        case(name, {**SHORT, "output_sequence_length": 9}, TEXTS),
        *(case(name, {**SHORT, "standardize": s}, TEXTS)
          for s in (None, "lower", "strip_punctuation")),
        case(name, {"split": "character"}, TEXTS, adapt=TEXTS),
        case(name, {**SHORT, "split": None, "standardize": "lower"},
             [["the", "fox"], ["Dog", "DOG"]]),
        case(name, {**SHORT, "split": None}, [["the"], ["dog"]], adapt=None),
        case(name, {"split": None}, [["the"], ["dog"]], adapt=["b", "a", "b"]),
        case(name, {"ngrams": 2}, TEXTS, adapt=TEXTS),
        case(name, {"ngrams": (2, 3)}, TEXTS, adapt=TEXTS),
        case(name, {**SHORT, "ngrams": 2, "output_mode": "count"}, TEXTS),
        case(name, {**SHORT, "output_mode": "multi_hot"}, TEXTS),
        case(name, {**SHORT, "output_mode": "count", "max_tokens": 8,
             "pad_to_max_tokens": True}, rows),
        case(name, {**SHORT, "output_mode": "tf_idf",
             "idf_weights": [0.5, 1.0, 2.0, 4.0]}, TEXTS),
        case(name, {"output_mode": "tf_idf"}, TEXTS, adapt=TEXTS),
    ]  # fmt: skip


def crossing_cases() -> list[Any]:
    words, numbers = ["A", "B", "A", "long words here"], [101, -5, 2**40, 101]
    pairs = [[words, numbers], [numbers, numbers], [words, words]]
    column = [[[w] for w in words], [[n] for n in numbers]]
    one_hot = {"num_bins": 6, "output_mode": "one_hot"}
    return [
        *(crossed({"num_bins": n}, pair) for n in (5, 10**9) for pair in pairs),
        crossed({"num_bins": 100}, [words, numbers, words]),
        crossed({"num_bins": 7}, column),
        crossed(one_hot, pairs[0]),
        crossed(one_hot, column),
        crossed({"num_bins": 7}, ["A", 101]),
    ]


def crossed(arguments: dict[str, Any], data: list[Any]) -> Any:
    layer = keras.layers.HashedCrossing(**arguments)
    out = np.asarray(layer([np.array(part) for part in data]))
    found = {"cls": "HashedCrossing", "arguments": arguments, "adapt": None}
    return {**found, "lists": data, "output": numbers(out)}


def main() -> None:
    """Write the file."""
    content = {"keras": keras.__version__, "cases": [
        *number_cases(), *host_cases(), *text_cases(), *crossing_cases()
    ]}  # fmt: skip
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
