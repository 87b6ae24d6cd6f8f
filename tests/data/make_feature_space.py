"""Writes ``feature_space.json`` and ``feature_space.keras``: what Keras's FeatureSpace
gives, and a file it saved.

    KERAS_BACKEND=jax python tests/data/make_feature_space.py

Needs keras 3.15 and tensorflow.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

FOLDER = Path(__file__).parent
RANDOM = np.random.default_rng(5)
ROWS = 70
DATA: dict[str, Any] = {
    "f": RANDOM.normal(size=ROWS).round(3).tolist(),
    "fn": (RANDOM.normal(size=ROWS) * 3 + 1).round(3).tolist(),
    "fd": RANDOM.normal(size=ROWS).round(3).tolist(),
    "fr": RANDOM.normal(size=ROWS).round(3).tolist(),
    "ic": RANDOM.integers(0, 5, ROWS).tolist(),
    "ih": RANDOM.integers(0, 50, ROWS).tolist(),
    "sc": np.array(list("abcd"))[RANDOM.integers(0, 4, ROWS)].tolist(),
    "sh": np.array(list("abcdefgh"))[RANDOM.integers(0, 8, ROWS)].tolist(),
}
KINDS = {
    "f": "float", "fn": "float_normalized", "fd": "float_discretized",
    "fr": "float_rescaled", "ic": "integer_categorical", "sc": "string_categorical",
    "ih": "integer_hashed", "sh": "string_hashed",
}  # fmt: skip
ARGUMENTS = {"hashing_dim": 5, "crossing_dim": 9, "num_discretization_bins": 4}
CROSSES = [["sc", "ic"], ["ih", "sh"]]


def main() -> None:
    part = {key: np.array(values[:6]) for key, values in DATA.items()}
    space = keras.utils.FeatureSpace(KINDS, crosses=CROSSES, **ARGUMENTS)
    space.adapt(DATA)
    small = keras.utils.FeatureSpace(
        {key: KINDS[key] for key in ("fn", "sc", "f")}, crosses=None
    )
    small.adapt(DATA)
    small.save(FOLDER / "feature_space.keras")
    content = {
        "data": DATA, "kinds": KINDS, "crosses": CROSSES, "arguments": ARGUMENTS,
        "out": np.asarray(space(part)).tolist(),
        "of_file": np.asarray(small({k: part[k] for k in ("fn", "sc", "f")})).tolist(),
    }  # fmt: skip
    text = json.dumps(content, separators=(",", ":"))
    (FOLDER / "feature_space.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
