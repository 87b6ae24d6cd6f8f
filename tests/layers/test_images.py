"""Layers with windows: arguments, shapes, masks, subclasses. Their numbers are in
`test_library.py`, training in `tests/training/test_images.py`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, ops

IMAGES = np.random.default_rng(0).normal(size=(2, 7, 6, 4)).astype("float32")
STEPS = IMAGES[:, :, 0]

WRONG: list[tuple[Any, str]] = [
    (lambda: layers.Conv2D(0, 3), "`filters`.*strictly positive.*filters=0"),
    (lambda: layers.Conv2D(2.0, 3), "filters=2.0"),
    (lambda: layers.Conv2D(3, 0), "Conv2D: kernel_size: expected an integer from 1"),
    (lambda: layers.Conv2D(3, (1, 2, 3)), r"kernel_size.*received \(1, 2, 3\)"),
    (lambda: layers.Conv2D(3, 2, strides=0), "Conv2D: strides: expected"),
    (lambda: layers.Conv2D(3, 2, strides=2**40), "Conv2D: strides: expected"),
    (lambda: layers.Conv2D(3, 2, 2, dilation_rate=2), "not supported in conjunction"),
    (lambda: layers.Conv2D(3, 2, padding="causal"), "Conv2D: expected padding"),
    (lambda: layers.Conv2D(3, 2, data_format="NHWC"), "data_format"),
    (lambda: layers.Conv2D(3, 2, groups=0), "`groups`.*groups=0"),
    (lambda: layers.Conv2D(3, 2, groups=2), "evenly divisible.*groups=2, filters=3"),
    (lambda: layers.Conv2D(3, 2, groups=3)(IMAGES), "groups=3, but the input has 4"),
    (lambda: layers.Conv2D(3, 2, lora_rank=2), "`lora_rank` is not supported yet"),
    (lambda: layers.Conv2D(3, 2, units=2), "Unrecognized keyword"),
    (lambda: layers.Conv2D(3, 8)(IMAGES), "zero or negative.*kernel_size=.8, 8."),
    (lambda: layers.Conv2D(3, 2)(STEPS), "expected min_ndim=4, found ndim=3"),
    (lambda: layers.Conv1D(3, 2)(IMAGES), "input of 3 axes"),
    (lambda: layers.Conv2D(3, 2)(pydl.Input((4, 4, None))), "must have a known size"),
    (lambda: layers.Conv1DTranspose(3, 2, padding="causal"), "expected padding"),
    (
        lambda: layers.Conv2DTranspose(3, 2, (2, 1), output_padding=1),
        "At dimension 1, `output_padding` is 1 but `strides` is 1",
    ),
    (lambda: layers.Conv2DTranspose(3, 2, 2, dilation_rate=2), "not supported in conj"),
    (lambda: layers.DepthwiseConv2D(2, depth_multiplier=0), "`depth_multiplier`"),
    (lambda: layers.SeparableConv2D(-1, 2), "`filters`.*filters=-1"),
    (lambda: layers.MaxPooling2D(0), "MaxPooling2D: pool_size: expected"),
    (lambda: layers.MaxPooling2D(2, 0), "MaxPooling2D: strides: expected"),
    (lambda: layers.MaxPooling2D(2, padding="full"), "MaxPooling2D: expected padding"),
    (lambda: layers.AveragePooling2D((2, 2, 2)), "AveragePooling2D: pool_size"),
    (
        lambda: layers.MaxPooling2D(8)(pydl.Input((7, 6, 4))),
        "zero or negative.*pool_size=.8, 8.",
    ),
    (lambda: layers.MaxPooling2D()(STEPS), "expected ndim=4, found ndim=3"),
    (lambda: layers.AdaptiveMaxPooling2D((1, 2, 3)), "AdaptiveMaxPooling2D: output"),
    (lambda: layers.AdaptiveAveragePooling1D(0), "output_size: expected an integer"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_bad_arguments(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


def test_other_channels_than_it_was_built_for() -> None:
    layer = layers.Conv2D(3, 2)
    layer(IMAGES)
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have"):
        layer(IMAGES[..., :3])


ANY_SIZE = [
    (layers.Conv2D(3, 2, 2, "same"), (None, None, None, 3)),
    (layers.Conv2DTranspose(3, 2, 2), (None, None, None, 3)),
    (layers.DepthwiseConv2D(2, depth_multiplier=2), (None, None, None, 8)),
    (layers.SeparableConv2D(3, 2), (None, None, None, 3)),
    (layers.MaxPooling2D(2), (None, None, None, 4)),
    (layers.AveragePooling2D(2, padding="same"), (None, None, None, 4)),
    (layers.AdaptiveMaxPooling2D(2), (None, 2, 2, 4)),
]


@pytest.mark.parametrize(("layer", "shape"), ANY_SIZE)
def test_images_of_any_size(layer: Any, shape: tuple[int | None, ...]) -> None:
    """A model for all sizes, called with two."""
    x = pydl.Input((None, None, 4))
    model = pydl.Model(x, layer(x))
    assert model.output.shape == shape
    for images in (IMAGES, IMAGES[:1, 1:, :4]):
        found = model.predict(images, verbose=0)
        np.testing.assert_allclose(found, layer(images), rtol=1e-5, atol=1e-6)
        assert found.shape == layer.compute_output_shape(images.shape)


def test_weights_have_keras_names_and_shapes() -> None:
    def named(layer: Any) -> dict[str, tuple[int, ...]]:
        layer(IMAGES)
        return {w.path.split("/")[-1]: tuple(w.shape) for w in layer.weights}

    assert named(layers.Conv2D(6, (3, 2), groups=2)) == {
        "kernel": (3, 2, 2, 6), "bias": (6,),
    }  # fmt: skip
    assert named(layers.Conv2DTranspose(6, 3)) == {"kernel": (3, 3, 6, 4), "bias": (6,)}
    assert named(layers.DepthwiseConv2D(3, depth_multiplier=2)) == {
        "kernel": (3, 3, 4, 2), "bias": (8,),
    }  # fmt: skip
    assert named(layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False)) == {
        "depthwise_kernel": (3, 3, 4, 2), "pointwise_kernel": (1, 1, 8, 5),
    }  # fmt: skip


def test_the_default_layout_is_the_configured_one() -> None:
    pydl.config.set_image_data_format("channels_first")
    try:
        made = [layers.Conv2D(3, 2), layers.MaxPooling2D(), layers.UpSampling2D()]
    finally:
        pydl.config.set_image_data_format("channels_last")
    assert [layer.data_format for layer in made] == ["channels_first"] * 3
    assert made[0](np.moveaxis(IMAGES, 3, 1)).shape == (2, 3, 6, 5)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(3, 2, strides=(2, 1), name="mine", trainable=False),
        layers.Conv3DTranspose(3, 2, 2, output_padding=1),
        layers.DepthwiseConv2D(2, data_format="channels_first"),
        layers.SeparableConv1D(3, 2, depthwise_regularizer="l2"),
        layers.MaxPooling2D(3, name="mine"),
        layers.AdaptiveMaxPooling3D((1, 2, 3), dtype="float16"),
        layers.ZeroPadding2D(2, name="mine"),
        layers.UpSampling3D(2, name="mine"),
        layers.GlobalMaxPooling2D(keepdims=True, name="mine"),
    ],
)
def test_configurations_of_layers_made_here(layer: Any) -> None:
    """The names and dtypes they were given, or got, are part of it."""
    config = layer.get_config()
    assert {"name", "trainable", "dtype"} < set(config)
    again = type(layer).from_config(config)
    assert again.get_config() == config and again.name == layer.name


def test_a_subclass_with_another_kernel() -> None:
    """`convolution_op` is what Keras's users override."""

    class Centred(layers.Conv2D):
        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            return super().convolution_op(inputs, kernel - ops.mean(kernel))

    layer, plain = Centred(3, 2), layers.Conv2D(3, 2)
    found = layer(IMAGES)
    plain(IMAGES)
    kernel, bias = layer.get_weights()
    plain.set_weights([kernel - kernel.mean(), bias])
    np.testing.assert_allclose(found, plain(IMAGES), rtol=1e-5, atol=1e-5)


def test_copies_have_the_weights() -> None:
    layer = layers.Conv2D(3, 2, activation="relu")
    found = layer(IMAGES)
    np.testing.assert_array_equal(copy.deepcopy(layer)(IMAGES), found)


def test_sixteen_bits() -> None:
    for policy in ("mixed_float16", "mixed_bfloat16", "float16"):
        layer = layers.Conv2D(3, 2, activation="relu", dtype=policy)
        found = layer(IMAGES)
        assert found.dtype == layer.compute_dtype != "float32"
        plain = layers.Conv2D(3, 2, activation="relu")
        plain(IMAGES)
        plain.set_weights([w.astype("float32") for w in layer.get_weights()])
        found = ops.cast(found, "float32").numpy()
        np.testing.assert_allclose(found, plain(IMAGES), rtol=0.05, atol=0.05)


def test_integers_are_pooled() -> None:
    found = layers.MaxPooling2D()(np.arange(16, dtype="int32").reshape(1, 4, 4, 1))
    assert found.dtype == "int32" and found.numpy().ravel().tolist() == [5, 7, 13, 15]


def test_masks_end_at_a_convolution() -> None:
    x = layers.Masking()(STEPS)
    assert x._keras_mask is not None
    with pytest.warns(UserWarning, match="does not support masking"):
        out = layers.Conv1D(3, 2)(x)
    assert getattr(out, "_keras_mask", None) is None
