"""Writes ``layer_parity.json``: layers as Keras configures and computes them.

    KERAS_BACKEND=jax python tests/data/make_layer_parity.py

Needs keras 3. Each case holds the layer's configuration as Keras writes it, its
weights, an input and Keras's output; models hold their JSON text too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

OUT = Path(__file__).with_name("layer_parity.json")
RANDOM = np.random.default_rng(5)


def layer_cases() -> list[tuple[Any, list[tuple[int, ...]]]]:
    """Layers, and the shapes of their inputs."""
    k = keras.layers
    return [
        (k.Dense(3), [(2, 4)]),
        (k.Dense(3, activation="relu", use_bias=False), [(2, 4)]),
        (k.Dense(2, activation="tanh", kernel_regularizer="l1"), [(2, 3, 4)]),
        (k.Dense(2, activation="sigmoid", kernel_constraint="unit_norm"), [(2, 4)]),
        (k.Dense(4, activation="softmax", bias_initializer="he_normal"), [(2, 4)]),
        *((k.Activation(name), [(2, 6)]) for name in (
            "relu", "sigmoid", "tanh", "softmax", "elu", "selu", "gelu", "silu",
            "softplus", "softsign", "exponential", "linear", "leaky_relu",
        )),
        (k.ReLU(max_value=1.5, negative_slope=0.2, threshold=0.1), [(2, 6)]),
        (k.LeakyReLU(), [(2, 6)]),
        (k.Softmax(axis=1), [(2, 3, 4)]),
        (k.Dropout(0.3, seed=1), [(2, 4)]),
        (k.Flatten(), [(2, 3, 4)]),
        (k.Flatten(data_format="channels_first"), [(2, 3, 4)]),
        (k.Reshape((-1, 2)), [(2, 3, 4)]),
        (k.Rescaling(0.5, offset=-1.0), [(2, 4)]),
        (k.Add(), [(2, 3), (2, 3)]),
        (k.Subtract(), [(2, 3), (2, 3)]),
        (k.Multiply(), [(2, 3), (2, 3)]),
        (k.Average(), [(2, 3), (2, 3), (2, 3)]),
        (k.Maximum(), [(2, 3), (2, 3)]),
        (k.Minimum(), [(2, 3), (2, 3)]),
        (k.Concatenate(axis=-1), [(2, 3), (2, 2)]),
    ]  # fmt: skip


def numbers(array: Any) -> Any:
    """Nested lists, short and exact enough for float32."""
    return [float(f"{v:.9g}") for v in np.asarray(array, "float64").ravel()]


def layer_case(layer: Any, shapes: list[tuple[int, ...]]) -> dict[str, Any]:
    inputs = [RANDOM.normal(size=shape).astype("float32") for shape in shapes]
    argument = inputs[0] if len(inputs) == 1 else inputs
    layer(argument)
    layer.set_weights([RANDOM.normal(size=w.shape) for w in layer.get_weights()])
    out = np.asarray(layer(argument))
    return {
        "config": keras.layers.serialize(layer),
        "weights": [numbers(w) for w in layer.get_weights()],
        "inputs": [{"shape": x.shape, "values": numbers(x)} for x in inputs],
        "output": {"shape": out.shape, "values": numbers(out)},
        "losses": [float(loss) for loss in layer.losses],
    }


def models() -> list[Any]:
    """A stack with a stack inside, and a graph with a shared layer."""
    k = keras.layers
    stack = keras.Sequential(
        [
            keras.Input((2, 2)),
            k.Flatten(),
            k.Dense(5, activation="relu", kernel_regularizer="l2"),
            k.Dropout(0.1),
            keras.Sequential([k.Dense(3, activation="softmax")], name="inner"),
        ],
        name="stack",
    )
    a, b = keras.Input((2, 2), name="a"), keras.Input((2, 2), name="b")
    shared = k.Dense(3, name="shared")
    joined = k.Concatenate()([shared(a), k.ReLU()(shared(b))])
    return [stack, keras.Model([a, b], joined, name="graph")]


def model_case(model: Any) -> dict[str, Any]:
    inputs = [RANDOM.normal(size=(3, 2, 2)).astype("float32") for _ in model.inputs]
    model.set_weights([RANDOM.normal(size=w.shape) for w in model.get_weights()])
    out = np.asarray(model(inputs[0] if len(inputs) == 1 else inputs))
    lines: list[str] = []
    model.summary(print_fn=lines.append, line_length=100)
    return {
        "json": model.to_json(),
        "weights": [numbers(w) for w in model.get_weights()],
        "inputs": [numbers(x) for x in inputs],
        "output": {"shape": out.shape, "values": numbers(out)},
        "totals": [line for line in "\n".join(lines).splitlines() if "params" in line],
    }


def main() -> None:
    """Write the file."""
    content = {
        "keras": keras.__version__,
        "layers": [layer_case(*case) for case in layer_cases()],
        "models": [model_case(model) for model in models()],
    }
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
