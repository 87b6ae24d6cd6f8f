"""The arguments all networks share: what they do and what is refused."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import applications, layers
from pydl.applications import AlexNet, GoogLeNet, MobileNet, MobileNetV2, ResNet50

SMALL = {"alpha": 0.25, "weights": None, "classes": 5}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another home, no data folder, no network."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYDL_DATA_DIR", raising=False)

    def refuse(*_: Any, **__: Any) -> Any:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tmp_path


def test_without_a_classifier_sizes_may_vary() -> None:
    model = MobileNet(include_top=False, alpha=0.25, weights=None)
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, None, None, 256)
    for side, cells in ((32, 1), (65, 2)):
        out = model(np.zeros((1, side, side, 3), "float32"))
        assert out.shape == (1, cells, cells, 256)


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pooling(pooling: str) -> None:
    kwargs: dict[str, Any] = {"include_top": False, "alpha": 0.25, "weights": None}
    plain = MobileNet((32, 64, 3), **kwargs)
    pooled = MobileNet((32, 64, 3), pooling=pooling, **kwargs)
    pooled.set_weights(plain.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 32, 64, 3)).astype("float32")
    maps = np.asarray(plain(x))
    expected = maps.mean((1, 2)) if pooling == "avg" else maps.max((1, 2))
    np.testing.assert_allclose(np.asarray(pooled(x)), expected, rtol=1e-5, atol=1e-6)


def test_input_tensor() -> None:
    image = pydl.Input((32, 32, 1))
    wide = layers.Concatenate()([image, image, image])
    model = MobileNet(input_tensor=wide, input_shape=(32, 32, 3), **SMALL)
    assert model.inputs[0] is image and model.output_shape == (None, 5)
    with pytest.raises(ValueError, match="`input_tensor` should be a symbolic tensor"):
        MobileNet((32, 32, 3), input_tensor=np.zeros((1, 32, 32, 3)), **SMALL)


def test_names_and_activations() -> None:
    assert MobileNet((32, 32, 3), **SMALL).name == "mobilenet_0.25_32"
    model = MobileNet((32, 32, 3), classifier_activation=None, name="n", **SMALL)
    assert model.name == "n" and model.layers[-1].activation.__name__ == "linear"
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    sums = np.asarray(MobileNet((32, 32, 3), **SMALL)(x)).sum(-1)
    np.testing.assert_allclose(sums, 1.0, rtol=1e-5)


def test_weights_of_a_file(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "w.weights.h5"
    model = MobileNet((32, 32, 3), **SMALL)
    model.save_weights(path)
    again = MobileNet((32, 32, 3), **{**SMALL, "weights": path})
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("network", "file"),
    [
        ("VGG16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("ResNet50V2", "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("DenseNet121", "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("MobileNet", "mobilenet_1_0_224_tf_no_top.h5"),
        ("MobileNetV3Small", "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
        ("NASNetMobile", "NASNet-mobile-no-top.h5"),
        ("EfficientNetB0", "efficientnetb0_notop.h5"),
        ("EfficientNetV2B0", "efficientnetv2-b0_notop.h5"),
        ("ConvNeXtTiny", "convnext_tiny_notop.h5"),
    ],
)
def test_published_weights_without_network(
    network: str, file: str, offline: Path
) -> None:
    shape = (224, 224, 3)
    with pytest.raises(OSError, match="Download https://storage") as told:
        getattr(applications, network)(include_top=False, input_shape=shape)
    assert file in str(told.value) and "PYDL_DATA_DIR" in str(told.value)
    assert str(offline / ".pydl" / "models" / file) in str(told.value)


def test_published_weights_from_the_data_folder(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is put where the message says is read, by the layers' order."""
    h5py = pytest.importorskip("h5py")
    model = MobileNetV2((96, 96, 3), alpha=0.35, include_top=False, weights=None)
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
    random = np.random.default_rng(0)
    with h5py.File(offline / name, "w") as file:
        weighty = [layer for layer in model.layers if layer.weights]
        file.attrs["layer_names"] = [f"old_{i}".encode() for i in range(len(weighty))]
        for i, layer in enumerate(weighty):
            group = file.create_group(f"old_{i}")
            names = [f"old_{i}/{w.name}:0" for w in layer.weights]
            group.attrs["weight_names"] = [text.encode() for text in names]
            for text, weight in zip(names, layer.weights, strict=True):
                group[text] = random.normal(size=weight.shape).astype("float32")
    monkeypatch.setenv("PYDL_DATA_DIR", str(offline))
    loaded = MobileNetV2((96, 96, 3), alpha=0.35, include_top=False)
    random = np.random.default_rng(0)
    for weight in loaded.weights:
        np.testing.assert_array_equal(
            weight.numpy(), random.normal(size=weight.shape).astype("float32")
        )


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (ResNet50, {"weights": "cifar"}, "path of an existing file.*'cifar'"),
    (AlexNet, {"weights": "imagenet"}, "should be None, or the path.*'imagenet'"),
    (ResNet50, {"classes": 10}, "`classes` should be 1000. Received: classes=10"),
    (ResNet50, {"weights": None, "pooling": "mean"}, "pooling='mean'"),
    (ResNet50, {"weights": None, "input_shape": (31, 64, 3)}, "at least 32x32"),
    (ResNet50, {"weights": None, "input_shape": (64, 64)}, "tuple of three integers"),
    (ResNet50, {"weights": None, "input_shape": (None, 64, 3)}, "static `input_shape`"),
    (ResNet50, {"weights": None, "input_shape": (64, 64, None)}, "known number of"),
    (ResNet50, {"input_shape": (200, 224, 3)}, r"should be \(224, 224, 3\)"),
    (ResNet50, {"input_shape": (224, 224, 1), "include_top": False}, "3 channels"),
    (ResNet50, {"classifier_activation": "relu"}, "Only 'softmax' and None"),
    (MobileNet, {"alpha": 0.3}, "alpha can be one of.*alpha=0.3"),
    (MobileNet, {"depth_multiplier": 2}, "depth multiplier must be 1"),
    (MobileNetV2, {"alpha": 0.3}, "alpha must be one of.*alpha=0.3"),
    (applications.MobileNetV3Small, {"alpha": 0.75, "minimalistic": True}, "minimalis"),
    (GoogLeNet, {"include_top": False, "auxiliary": True}, "include_top=True with"),
    (GoogLeNet, {"input_shape": (64, 64, 3), "auxiliary": True}, "at least 65x65"),
]


@pytest.mark.parametrize(("network", "kwargs", "message"), REFUSED)
def test_refused(network: Any, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(**kwargs)


def test_other_channels_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="an input_shape with 5 input channels"):
        model = MobileNet((32, 32, 5), **SMALL)
    assert model(np.zeros((1, 32, 32, 5), "float32")).shape == (1, 5)


def test_channels_first() -> None:
    """The same network with the channels in front."""
    last = MobileNetV2((32, 32, 3), 0.35, weights=None)
    pydl.config.set_image_data_format("channels_first")
    try:
        first = MobileNetV2((3, 32, 32), 0.35, weights=None)
        assert first.input_shape == (None, 3, 32, 32)
        first.set_weights(last.get_weights())
        x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
        found = np.asarray(first(x.transpose(0, 3, 1, 2).copy()))
    finally:
        pydl.config.set_image_data_format("channels_last")
    np.testing.assert_allclose(found, np.asarray(last(x)), rtol=1e-4, atol=1e-6)
