"""Writes ``layer_library.json``: the wider family of layers as Keras computes them.

    KERAS_BACKEND=jax python tests/data/make_layer_library.py

Needs keras 3.15. Each case holds the configuration, weights, inputs, the output outside
training, and the output and weights of a call in training.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from make_library_parity import numbers

OUT = Path(__file__).with_name("layer_library.json")
RANDOM = np.random.default_rng(13)
FLOAT = (2, 4)


def normalization_cases() -> list[tuple[Any, list[Any]]]:
    k = keras.layers
    return [
        (k.BatchNormalization(), [(5, 3)]),
        (k.BatchNormalization(momentum=0.5, epsilon=0.1, scale=False), [(2, 3, 4)]),
        (k.BatchNormalization(axis=1, center=False), [(2, 3, 4, 2)]),
        (k.BatchNormalization(
            renorm=True, renorm_momentum=0.7,
            renorm_clipping={"rmin": 0.6, "rmax": 1.5, "dmax": 0.5}), [(5, 3)]),
        (k.LayerNormalization(), [(3, 4)]),
        (k.LayerNormalization(axis=[1, 2], epsilon=0.01), [(2, 3, 4)]),
        (k.LayerNormalization(axis=1, center=False), [(2, 3, 4)]),
        (k.LayerNormalization(scale=False), [(2, 3, 4)]),
        (k.GroupNormalization(groups=2), [(2, 3, 4)]),
        (k.GroupNormalization(groups=-1, axis=1), [(2, 3, 4)]),
        (k.GroupNormalization(groups=3, axis=1, scale=False), [(2, 6, 2, 2)]),
        (k.RMSNormalization(), [(2, 3, 4)]),
        (k.RMSNormalization(axis=[1, 2], epsilon=0.1), [(2, 3, 4)]),
        (k.UnitNormalization(), [(2, 3, 4)]),
        (k.UnitNormalization(axis=[1, 2]), [(2, 3, 4)]),
        (k.SpectralNormalization(k.Dense(3)), [FLOAT]),
        (k.SpectralNormalization(k.Dense(3), power_iterations=3), [FLOAT]),
    ]  # fmt: skip


def core_cases() -> list[tuple[Any, list[Any]]]:
    k = keras.layers
    integers = np.array([[1, 0, 3], [2, 2, 4]], "int32")
    return [
        (k.Identity(), [FLOAT]),
        (k.Masking(), [np.array([[[1, 0], [0, 0], [0, 2]]], "float32")]),
        (k.Masking(mask_value=2.0), [np.array([[[2, 2], [0, 2]]], "float32")]),
        (k.Embedding(5, 3, mask_zero=True), [integers]),
        (k.Embedding(5, 3, embeddings_regularizer="l2"), [integers]),
        (k.TimeDistributed(k.Dense(3, activation="tanh")), [(2, 5, 4)]),
        (k.TimeDistributed(k.BatchNormalization(momentum=0.5)), [(4, 3, 2)]),
        (k.TimeDistributed(k.Flatten()), [(2, 3, 4, 2)]),
        (k.EinsumDense("ab,bc->ac", 3, bias_axes="c"), [FLOAT]),
        (k.EinsumDense("abc,cd->abd", (None, 3), "relu", bias_axes="d"), [(2, 3, 4)]),
        (k.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="de"), [(2, 3, 4)]),
        (k.EinsumDense("abcd,cde->abe", (None, 5)), [(2, 3, 4, 2)]),
        (k.EinsumDense("...x,xy->...y", 3, bias_axes="y"), [(2, 3, 4)]),
        (k.EinsumDense("ab...,bc->ac...", 3, bias_axes="c"), [(2, 4, 3)]),
        (k.EinsumDense("abc,bd->adc", (3, 4), bias_axes="dc"), [(2, 5, 4)]),
        (k.EinsumDense("abc,bcd->abd", (5, 3)), [(2, 5, 4)]),
        (k.PReLU(), [(2, 3, 4)]),
        (k.PReLU(shared_axes=[1]), [(2, 3, 4)]),
        (k.ELU(alpha=0.5), [FLOAT]),
        (k.Permute((2, 1)), [(2, 3, 4)]),
        (k.Permute((3, 1, 2)), [(2, 3, 4, 5)]),
        (k.RepeatVector(3), [FLOAT]),
        (k.Dot(axes=1), [FLOAT, FLOAT]),
        (k.Dot(axes=-1, normalize=True), [FLOAT, FLOAT]),
        (k.Dot(axes=(2, 1)), [(2, 3, 4), (2, 4, 5)]),
        (k.Dot(axes=(1, 2)), [(2, 3, 4), (2, 5, 3)]),
        (k.Dot(axes=(2, 1)), [(2, 3, 4), (2, 4)]),
        (k.Dot(axes=(3, 2)), [(2, 3, 5, 4), (2, 2, 4)]),
        (k.ActivityRegularization(l1=0.1, l2=0.2), [FLOAT]),
        (k.GaussianNoise(0.0), [FLOAT]),
        (k.GaussianDropout(0.0, seed=3), [FLOAT]),
        (k.AlphaDropout(0.0, noise_shape=(None, 1)), [FLOAT]),
    ]


def spatial_cases() -> list[tuple[Any, list[Any]]]:
    k = keras.layers
    first = {"data_format": "channels_first"}
    return [
        (k.GlobalAveragePooling1D(), [(2, 3, 4)]),
        (k.GlobalAveragePooling2D(**first, keepdims=True), [(2, 3, 4, 5)]),
        (k.GlobalAveragePooling3D(), [(2, 1, 2, 3, 4)]),
        (k.GlobalMaxPooling1D(keepdims=True), [(2, 3, 4)]),
        (k.GlobalMaxPooling2D(), [(2, 3, 4, 5)]),
        (k.GlobalMaxPooling3D(**first), [(2, 1, 2, 3, 4)]),
        (k.ZeroPadding1D((1, 2)), [(2, 3, 4)]),
        (k.ZeroPadding2D(((1, 0), (2, 3)), **first), [(2, 3, 4, 5)]),
        (k.ZeroPadding3D((1, 0, 2)), [(2, 1, 2, 3, 4)]),
        (k.Cropping1D((1, 0)), [(2, 3, 4)]),
        (k.Cropping2D(((1, 0), (1, 1))), [(2, 3, 4, 5)]),
        (k.Cropping3D(1, **first), [(2, 1, 3, 4, 4)]),
        (k.UpSampling1D(3), [(2, 3, 4)]),
        (k.UpSampling2D((2, 3), **first), [(2, 3, 2, 3)]),
        (k.UpSampling3D(2), [(2, 1, 2, 3, 4)]),
    ]


def outside_only() -> list[tuple[Any, list[Any]]]:
    """Layers with noise in training."""
    k = keras.layers
    return [
        (k.GaussianNoise(0.3), [FLOAT]),
        (k.GaussianDropout(0.3), [FLOAT]),
        (k.AlphaDropout(0.3, seed=1), [FLOAT]),
        (k.SpatialDropout1D(0.3), [(2, 3, 4)]),
        (k.SpatialDropout2D(0.3, data_format="channels_first"), [(2, 3, 4, 2)]),
        (k.SpatialDropout3D(0.3), [(2, 2, 2, 3, 2)]),
    ]


def case(layer: Any, inputs: list[Any], training: bool) -> dict[str, Any]:
    arrays = [
        x if isinstance(x, np.ndarray) else RANDOM.normal(size=x).astype("float32")
        for x in inputs
    ]
    argument = arrays[0] if len(arrays) == 1 else arrays
    layer(argument)
    start = [RANDOM.normal(size=w.shape) for w in layer.get_weights()]
    if "Normalization" in type(layer).__name__ or "distributed" in layer.name:
        start = [np.abs(w) + 0.1 for w in start]  # variances are positive
    layer.set_weights(start)
    config = keras.layers.serialize(layer)
    out = layer(argument)
    mask = layer.compute_mask(argument, None) if len(arrays) == 1 else None
    found = {
        "config": config,
        "weights": [numbers(w) for w in layer.get_weights()],
        "inputs": [numbers(x) for x in arrays],
        "output": numbers(out),
        "mask": None if mask is None else numbers(np.asarray(mask, "int32")),
        "losses": [float(loss) for loss in layer.losses],
    }
    if training:
        wants = "training" in layer._call_signature.parameters
        out = layer(argument, training=True) if wants else layer(argument)
        found["trained_output"] = numbers(out)
        found["trained_weights"] = [numbers(w) for w in layer.get_weights()]
    return found


def masked_batch() -> dict[str, Any]:
    """Batch normalization with a mask."""
    layer = keras.layers.BatchNormalization(momentum=0.5)
    x = RANDOM.normal(size=(3, 4, 2)).astype("float32")
    mask = RANDOM.uniform(size=(3, 4)) < 0.6
    out = layer(x, training=True, mask=mask)
    return {
        "x": numbers(x),
        "mask": numbers(mask.astype("int32")),
        "output": numbers(out),
        "weights": [numbers(w) for w in layer.get_weights()],
    }


def all_cases() -> list[tuple[Any, list[Any]]]:
    return [*normalization_cases(), *core_cases(), *spatial_cases()]


def main() -> None:
    """Write the file."""
    content = {
        "keras": keras.__version__,
        "layers": [
            *(case(*c, True) for c in all_cases()),
            *(case(*c, False) for c in outside_only()),
        ],
        "masked_batch": masked_batch(),
    }
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
