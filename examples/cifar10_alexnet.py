"""AlexNet, at the size of CIFAR-10's images.

    python examples/cifar10_alexnet.py

Five convolutions, three poolings that overlap, dense layers with dropout: the plan of
A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep
convolutional neural networks" (2012). Its first layers, made for 227 pixels, would
leave nothing of 32, so here they keep every pixel; and all layers are narrower.
`pydl.applications.AlexNet` is the original, for 227 pixels.
"""

from __future__ import annotations

from typing import Any

import finish
import start

import pydl as keras
from pydl import layers

BATCH = 64


def alexnet() -> Any:
    """The network, without normalization, as it was before there was any."""
    network = keras.Sequential([keras.Input((32, 32, 3))], name="alexnet")
    for filters, window, pooled in (
        (64, 5, True),
        (128, 5, True),
        (192, 3, False),
        (128, 3, False),
        (128, 3, True),
    ):
        network.add(convolution(filters, window))
        if pooled:
            network.add(layers.MaxPooling2D(3, strides=2))  # windows overlap by one
    network.add(layers.Flatten())
    for _ in range(2):
        network.add(layers.Dense(512, "relu", kernel_initializer="he_normal"))
        network.add(layers.Dropout(0.5))
    network.add(layers.Dense(10, activation="softmax"))
    return network


def convolution(filters: int, window: int) -> Any:
    """A convolution that keeps the size, with ReLU, of whose inputs half are 0."""
    return layers.Conv2D(
        filters, window, padding="same", activation="relu",
        kernel_initializer="he_normal",
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Trains, tests, and draws."""
    options = start.read(start.parser(__doc__, 20, "cifar10_alexnet"), arguments)
    train, test = start.cifar10(options.rows)
    model = keras.Sequential([start.standardize(), start.augment(), alexnet()])
    steps = options.epochs * start.batches(len(train[0]), BATCH)
    model.compile(
        optimizer=start.descent(start.falling(0.02, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.summary(expand_nested=True)
    done = model.fit(
        *train,
        batch_size=BATCH,
        epochs=options.epochs,
        validation_data=test,
        callbacks=start.record(options),
    )
    finish.conclude(options, model, done.history, len(train[0]), test, start.CIFAR10)


if __name__ == "__main__":
    main()
