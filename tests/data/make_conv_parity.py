"""Writes ``conv_parity.json``: convolution and pooling as Keras computes them, with
their gradients, and the layers made of them.

    KERAS_BACKEND=jax python tests/data/make_conv_parity.py

Needs keras 3.15. A case of ``ops`` is a function's name, its arrays and keywords, the
result and the gradients of ``sum(result * weights(result))``; one of ``layers`` is as
in ``layer_library.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
from make_layer_library import case
from make_library_parity import numbers

OUT = Path(__file__).with_name("conv_parity.json")
RANDOM = np.random.default_rng(21)
FIRST = {"data_format": "channels_first"}

Row = tuple[str, list[tuple[int, ...]], dict[str, Any]]


def convolutions() -> list[Row]:
    """Strides, dilation, groups, padding, layouts, one to three axes."""
    return [
        ("conv", [(2, 6, 3), (2, 3, 4)], {}),
        ("conv", [(2, 7, 3), (3, 3, 2)], {"strides": 2, "padding": "same"}),
        ("conv", [(1, 3, 7), (3, 3, 2)], {"dilation_rate": 2, **FIRST}),
        ("conv", [(2, 5, 6, 2), (3, 2, 2, 3)], {}),
        ("conv", [(2, 5, 6, 2), (3, 2, 2, 3)], {"padding": "same"}),
        ("conv", [(2, 6, 5, 2), (2, 4, 2, 3)], {"strides": [2, 3], "padding": "same"}),
        ("conv", [(1, 7, 6, 4), (3, 2, 2, 4)], {"dilation_rate": [1, 2]}),
        ("conv", [(1, 4, 4, 6), (1, 1, 2, 9)], {"strides": 3, "padding": "same"}),
        ("conv", [(2, 4, 5, 6), (3, 3, 2, 6)], {"padding": "same", **FIRST}),
        ("conv", [(1, 4, 3, 5, 2), (2, 2, 3, 2, 3)], {"strides": [1, 2, 1]}),
        ("conv", [(1, 2, 3, 4, 3), (3, 2, 2, 2, 2)], {"padding": "same", **FIRST}),
        ("depthwise_conv", [(2, 6, 3), (2, 3, 2)], {"strides": 2, "padding": "same"}),
        ("depthwise_conv", [(2, 5, 6, 3), (3, 2, 3, 2)], {}),
        ("depthwise_conv", [(1, 7, 7, 2), (3, 3, 2, 1)], {"dilation_rate": 2}),
        ("depthwise_conv", [(1, 2, 5, 6), (2, 3, 2, 2)], {"padding": "same", **FIRST}),
        (
            "separable_conv",
            [(1, 5, 6, 3), (3, 2, 3, 2), (1, 1, 6, 4)],
            {"strides": 2, "padding": "same"},
        ),
        ("separable_conv", [(2, 3, 7), (3, 3, 1), (1, 3, 2)], FIRST),
    ]


def transposed() -> list[Row]:
    """Windows shorter and longer than strides, paddings of all kinds."""
    rows: list[Row] = [
        ("conv_transpose", [(2, 4, 3), (window, 2, 3)], {"strides": 2, **kwargs})
        for window in (1, 2, 3, 4)
        for kwargs in ({}, {"padding": "same"})
    ]
    rows += [
        (
            "conv_transpose",
            [(1, 3, 2), (window, 2, 2)],
            {"strides": 3, "padding": padding, "output_padding": more},
        )
        for window in (2, 3, 5)
        for padding in ("valid", "same")
        for more in (1, 2)
    ]
    return [
        *rows,
        ("conv_transpose", [(2, 3, 4, 2), (3, 2, 3, 2)], {"strides": [2, 3]}),
        ("conv_transpose", [(1, 3, 4, 2), (2, 3, 3, 2)], {"dilation_rate": 2}),
        (
            "conv_transpose",
            [(1, 2, 3, 4), (3, 3, 3, 2)],
            {"strides": 2, "padding": "same", "output_padding": 0, **FIRST},
        ),
        (
            "conv_transpose",
            [(1, 2, 3, 2, 2), (2, 3, 2, 1, 2)],
            {"strides": 2, "padding": "same"},
        ),
    ]


def pools() -> list[Row]:
    """Windows that overlap, leave out and stick out; adaptive ones of all sizes. Keras
    needs to be told the strides: with JAX it does not compute without."""
    windows: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((2, 7, 3), {"pool_size": 2, "strides": 2}),
        ((2, 7, 3), {"pool_size": 3, "strides": 2, "padding": "same"}),
        ((1, 3, 6), {"pool_size": 2, "strides": 2, **FIRST}),
        ((2, 5, 6, 2), {"pool_size": [2, 3], "strides": 1}),
        ((2, 5, 6, 2), {"pool_size": 2, "strides": 2, "padding": "same"}),
        ((1, 2, 6, 7), {"pool_size": 3, "strides": [2, 1], "padding": "same", **FIRST}),
        ((1, 4, 3, 5, 2), {"pool_size": [2, 1, 2], "strides": 2, "padding": "same"}),
    ]
    adaptive: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((2, 7, 3), {"output_size": 3}),
        ((2, 3, 8), {"output_size": 4, **FIRST}),
        ((2, 3, 2), {"output_size": 5}),
        ((1, 6, 10, 2), {"output_size": [3, 4]}),
        ((1, 2, 5, 9), {"output_size": 2, **FIRST}),
        ((1, 5, 4, 7, 2), {"output_size": [3, 2, 4]}),
    ]
    return [
        *(
            (f"{kind}_pool", [x], kw)
            for kind in ("max", "average")
            for x, kw in windows
        ),
        *(
            (f"adaptive_{kind}_pool", [x], kw)
            for kind in ("max", "average")
            for x, kw in adaptive
        ),
    ]


def patches() -> list[Row]:
    """Blocks and columns."""
    wide = {"kernel_size": [2, 3], "stride": [1, 2], "padding": 1, "dilation": [2, 1]}
    return [
        ("depth_to_space", [(2, 2, 3, 8)], {"block_size": 2}),
        ("depth_to_space", [(1, 9, 2, 1)], {"block_size": 3, **FIRST}),
        ("space_to_depth", [(2, 4, 6, 2)], {"block_size": 2}),
        ("space_to_depth", [(1, 2, 6, 3)], {"block_size": 3, **FIRST}),
        ("unfold", [(2, 3, 4, 5)], {"kernel_size": 2}),
        ("unfold", [(1, 2, 5, 6)], wide),
        ("fold", [(2, 12, 12)], {"output_size": [4, 5], "kernel_size": 2}),
        ("fold", [(1, 12, 15)], {"output_size": [5, 5], **wide}),
    ]


def op_case(row: Row) -> dict[str, Any]:
    """The stored form of a call."""
    name, shapes, kwargs = row
    arrays = [RANDOM.normal(size=shape).astype("float32") for shape in shapes]
    kwargs = {k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()}

    def call(*args: Any) -> Any:
        return getattr(keras.ops, name)(*args, **kwargs)

    out = call(*arrays)
    weights = np.cos(np.arange(out.size)).reshape(out.shape).astype("float32")
    places = tuple(range(len(arrays)))
    grads = jax.grad(lambda *a: (call(*a) * weights).sum(), argnums=places)(*arrays)
    return {
        "name": name,
        "inputs": [numbers(x) for x in arrays],
        "kwargs": kwargs,
        "result": numbers(out),
        "gradients": [numbers(g) for g in grads],
    }


def convolutional_layers() -> list[tuple[Any, list[Any]]]:
    """Layers with learned windows."""
    k = keras.layers
    return [
        (k.Conv1D(3, 2), [(2, 5, 4)]),
        (k.Conv1D(4, 3, 2, "same", activation="relu"), [(2, 7, 3)]),
        (k.Conv1D(3, 2, padding="causal", dilation_rate=2), [(2, 6, 2)]),
        (k.Conv1D(4, 3, 2, padding="causal", **FIRST), [(2, 3, 6)]),
        (k.Conv1D(4, 2, groups=2, use_bias=False, **FIRST), [(2, 4, 6)]),
        (k.Conv2D(3, 2), [(2, 4, 5, 2)]),
        (k.Conv2D(4, (3, 2), (2, 1), "same", activation="tanh",
                  kernel_regularizer="l2", bias_regularizer="l1",
                  activity_regularizer="l2"), [(2, 5, 4, 2)]),
        (k.Conv2D(4, 3, padding="SAME", dilation_rate=2, groups=2), [(1, 6, 5, 4)]),
        (k.Conv2D(2, 3, 2, "same", activation="softmax", **FIRST), [(2, 3, 5, 4)]),
        (k.Conv2D(3, 1, kernel_constraint="max_norm", bias_initializer="ones",
                  activation="relu"), [(2, 3, 3, 2)]),
        (k.Conv3D(2, 2, (1, 2, 1), "same"), [(1, 3, 4, 3, 2)]),
        (k.Conv3D(2, (1, 2, 2), activation="sigmoid", **FIRST), [(1, 2, 3, 3, 3)]),
        (k.Conv1DTranspose(3, 2), [(2, 4, 2)]),
        (k.Conv1DTranspose(3, 3, 2, "same", output_padding=1), [(2, 4, 2)]),
        (k.Conv2DTranspose(2, 3, 2, "same", activation="relu"), [(2, 3, 4, 3)]),
        (k.Conv2DTranspose(2, 2, (3, 2)), [(2, 3, 2, 3)]),
        (k.Conv2DTranspose(2, 3, 2, output_padding=(1, 0), **FIRST), [(1, 3, 3, 2)]),
        (k.Conv2DTranspose(2, 2, dilation_rate=2, use_bias=False), [(1, 3, 3, 2)]),
        (k.Conv3DTranspose(2, 2, 2, "same"), [(1, 2, 1, 3, 2)]),
        (k.DepthwiseConv1D(3, 2, "same", depth_multiplier=2), [(2, 6, 3)]),
        (k.DepthwiseConv2D(3, activation="relu6"), [(2, 5, 4, 3)]),
        (k.DepthwiseConv2D(2, 2, "same", 2, depthwise_regularizer="l1", **FIRST),
         [(1, 2, 5, 4)]),
        (k.DepthwiseConv2D(2, dilation_rate=2, use_bias=False), [(1, 5, 4, 3)]),
        (k.SeparableConv1D(3, 2, depth_multiplier=2), [(2, 5, 2)]),
        (k.SeparableConv2D(3, 3, 2, "same", depth_multiplier=2,
                           pointwise_regularizer="l2", activation="relu"),
         [(2, 5, 4, 2)]),
        (k.SeparableConv2D(3, 2, dilation_rate=2, **FIRST), [(1, 2, 5, 4)]),
    ]  # fmt: skip


def other_layers() -> list[tuple[Any, list[Any]]]:
    """Pooling, and layers over images that hold others or learn by channel."""
    k = keras.layers
    return [
        (k.MaxPooling1D(), [(2, 5, 3)]),
        (k.MaxPooling1D(3, 1, "same", **FIRST), [(2, 3, 5)]),
        (k.MaxPooling2D(), [(2, 5, 4, 2)]),
        (k.MaxPooling2D(3, 2, "same"), [(2, 5, 6, 2)]),
        (k.MaxPooling2D((2, 1), **FIRST), [(2, 2, 4, 3)]),
        (k.MaxPooling3D(2, 1), [(1, 3, 2, 3, 2)]),
        (k.AveragePooling1D(2, padding="same"), [(2, 5, 3)]),
        (k.AveragePooling2D(2), [(2, 5, 4, 2)]),
        (k.AveragePooling2D(3, 2, "same", **FIRST), [(2, 2, 5, 4)]),
        (k.AveragePooling3D((1, 2, 2), padding="same"), [(1, 2, 3, 3, 2)]),
        (k.AdaptiveMaxPooling1D(3), [(2, 7, 2)]),
        (k.AdaptiveMaxPooling2D((2, 3)), [(2, 4, 5, 2)]),
        (k.AdaptiveMaxPooling3D(2), [(1, 3, 4, 5, 2)]),
        (k.AdaptiveAveragePooling1D(4, **FIRST), [(2, 2, 6)]),
        (k.AdaptiveAveragePooling2D(3), [(2, 6, 7, 2)]),
        (k.AdaptiveAveragePooling3D((1, 2, 3)), [(1, 3, 4, 5, 2)]),
        (k.BatchNormalization(momentum=0.5), [(2, 3, 4, 2)]),
        (k.GroupNormalization(2), [(2, 3, 2, 4)]),
        (k.SpectralNormalization(k.Conv2D(3, 2)), [(2, 3, 4, 2)]),
        (k.TimeDistributed(k.Conv2D(2, 2)), [(2, 2, 3, 3, 1)]),
        (k.TimeDistributed(k.MaxPooling2D(2)), [(2, 2, 4, 4, 1)]),
        (k.GlobalAveragePooling2D(), [(2, 3, 4, 5)]),
        (k.GlobalMaxPooling2D(keepdims=True, **FIRST), [(2, 3, 4, 5)]),
    ]


def main() -> None:
    """Write the file."""
    layers = [*convolutional_layers(), *other_layers()]
    rows = [*convolutions(), *transposed(), *pools(), *patches()]
    content = {
        "keras": keras.__version__,
        "ops": [op_case(row) for row in rows],
        "layers": [case(layer, inputs, True) for layer, inputs in layers],
    }
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
