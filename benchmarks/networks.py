"""Convolutional networks in Keras's API: for pydl and Keras alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.conv_cases import NETS, Net

Layers = Any  # `keras.layers` or `pydl.layers`
Build = Callable[[Layers, Net, Any], Any]


def _conv(layers: Layers, filters: int, window: int, **kwargs: Any) -> Any:
    kwargs = {"padding": "same", "activation": "relu", **kwargs}
    return layers.Conv2D(filters, window, **kwargs)


def _through(x: Any, *steps: Any) -> Any:
    for step in steps:
        x = step(x)
    return x


def lenet(layers: Layers, net: Net, x: Any) -> Any:
    return _through(
        x,
        _conv(layers, 6, 5),
        layers.MaxPooling2D(2),
        _conv(layers, 16, 5, padding="valid"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="relu"),
        layers.Dense(84, activation="relu"),
        layers.Dense(net.classes),
    )


def vgg_cifar(layers: Layers, net: Net, x: Any) -> Any:
    for filters in (64, 128, 256):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(2)(x)
    dense = layers.Dense(256, activation="relu")
    return _through(x, layers.Flatten(), dense, layers.Dense(net.classes))


def _normed(layers: Layers, x: Any, filters: int, window: int, stride: int = 1) -> Any:
    plain = layers.Conv2D(
        filters, window, strides=stride, padding="same", use_bias=False
    )
    return layers.BatchNormalization()(plain(x))


def resnet20(layers: Layers, net: Net, x: Any) -> Any:
    x = layers.ReLU()(_normed(layers, x, 16, 3))
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(_normed(layers, x, filters, 3, stride))
            y = _normed(layers, y, filters, 3)
            if stride > 1:
                x = _normed(layers, x, filters, 1, stride)
            x = layers.ReLU()(layers.Add()([x, y]))
    return _through(x, layers.GlobalAveragePooling2D(), layers.Dense(net.classes))


def inception(layers: Layers, net: Net, x: Any) -> Any:
    """Blocks 3a and 3b of GoogLeNet."""
    for one, (r3, o3), (r5, o5), pool in (
        (64, (96, 128), (16, 32), 32),
        (128, (128, 192), (32, 96), 64),
    ):
        branches = [
            _conv(layers, one, 1)(x),
            _through(x, _conv(layers, r3, 1), _conv(layers, o3, 3)),
            _through(x, _conv(layers, r5, 1), _conv(layers, o5, 5)),
            _through(
                x,
                layers.MaxPooling2D(3, strides=1, padding="same"),
                _conv(layers, pool, 1),
            ),
        ]
        x = layers.Concatenate()(branches)
    return _through(x, layers.GlobalAveragePooling2D(), layers.Dense(net.classes))


def alexnet(layers: Layers, net: Net, x: Any) -> Any:
    return _through(
        x,
        _conv(layers, 96, 11, strides=4, padding="valid"),
        layers.MaxPooling2D(3, strides=2),
        _conv(layers, 256, 5),
        layers.MaxPooling2D(3, strides=2),
        _conv(layers, 384, 3),
        _conv(layers, 384, 3),
        _conv(layers, 256, 3),
        layers.MaxPooling2D(3, strides=2),
        layers.Flatten(),
        layers.Dense(4096, activation="relu"),
        layers.Dense(4096, activation="relu"),
        layers.Dense(net.classes),
    )


def resnet50(layers: Layers, net: Net, x: Any) -> Any:
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for stage, blocks in enumerate((3, 4, 6, 3)):
        narrow = 64 << stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            y = layers.ReLU()(_normed(layers, x, narrow, 1, stride))
            y = layers.ReLU()(_normed(layers, y, narrow, 3))
            y = _normed(layers, y, 4 * narrow, 1)
            if block == 0:
                x = _normed(layers, x, 4 * narrow, 1, stride)
            x = layers.ReLU()(layers.Add()([x, y]))
    return _through(x, layers.GlobalAveragePooling2D(), layers.Dense(net.classes))


def vgg16(layers: Layers, net: Net, x: Any) -> Any:
    for filters, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x = _conv(layers, filters, 3)(x)
        x = layers.MaxPooling2D(2)(x)
    return _through(
        x,
        layers.Flatten(),
        layers.Dense(4096, activation="relu"),
        layers.Dense(4096, activation="relu"),
        layers.Dense(net.classes),
    )


BUILDS: dict[str, Build] = {
    "lenet-128": lenet,
    "vgg-cifar-64": vgg_cifar,
    "resnet20-64": resnet20,
    "inception-64": inception,
    "alexnet-16": alexnet,
    "resnet50-8": resnet50,
    "vgg16-4": vgg16,
}


def build(keras: Any, name: str) -> Any:
    """The compiled model of a case; `keras`: that package, or pydl."""
    net = NETS[name]
    images = keras.Input((net.size, net.size, net.channels))
    model = keras.Model(images, BUILDS[name](keras.layers, net, images))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    return model
