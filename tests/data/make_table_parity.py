"""Keras's numbers for tables that are looked up, under every optimizer.

Run in an environment with Keras 3.15 and JAX:
``KERAS_BACKEND=jax python tests/data/make_table_parity.py``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy as np

RNG = np.random.default_rng(5)
ROWS, WIDTH, LENGTH = 11, 3, 4
X = RNG.integers(0, ROWS - 3, (24, LENGTH))  # the last rows are never looked up
Y = RNG.standard_normal((24, WIDTH)).round(3)
START = RNG.standard_normal((ROWS, WIDTH)).round(3)

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "sgd": ("SGD", {}, {}),
    "sgd clipnorm": ("SGD", {"clipnorm": 0.05}, {}),
    "sgd clipvalue": ("SGD", {"clipvalue": 0.01}, {}),
    "sgd global_clipnorm": ("SGD", {"global_clipnorm": 0.05}, {}),
    "sgd averaged": ("SGD", {"use_ema": True, "ema_momentum": 0.5}, {}),
    "sgd momentum": ("SGD", {"momentum": 0.9}, {}),
    "sgd decay": ("SGD", {"weight_decay": 0.1}, {}),
    "sgd accumulated": ("SGD", {"gradient_accumulation_steps": 2}, {}),
    "sgd masked": ("SGD", {}, {"mask_zero": True}),
    "adagrad": ("Adagrad", {}, {}),
    "adagrad clipnorm": ("Adagrad", {"clipnorm": 0.05}, {}),
    "adagrad regularized": ("Adagrad", {}, {"embeddings_regularizer": "l2"}),
    "adagrad constrained": ("Adagrad", {}, {"embeddings_constraint": "unit_norm"}),
    "adam": ("Adam", {"learning_rate": 0.05}, {}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.05}, {}),
}


def run(name: str) -> dict[str, Any]:
    kind, arguments, layer = CASES[name]
    x = keras.Input((LENGTH,), dtype="int32")
    table = keras.layers.Embedding(ROWS, WIDTH, **layer)
    model = keras.Model(x, keras.layers.GlobalAveragePooling1D()(table(x)))
    table.set_weights([START])
    optimizer = getattr(keras.optimizers, kind)(**{"learning_rate": 0.5, **arguments})
    model.compile(optimizer, "mse")
    history = model.fit(X, Y, batch_size=6, epochs=2, shuffle=False, verbose=0).history
    return {
        "optimizer": kind,
        "arguments": arguments,
        "layer": layer,
        "loss": history["loss"],
        "table": np.asarray(table.embeddings).tolist(),
    }


def main() -> None:
    data = {
        "x": X.tolist(), "y": Y.tolist(), "start": START.tolist(),
        "cases": {name: run(name) for name in CASES},
    }  # fmt: skip
    path = Path(__file__).with_name("table_parity.json")
    path.write_text(json.dumps(data) + "\n")


if __name__ == "__main__":
    main()
