"""A small VGG learns CIFAR-10 from images that are mirrored and moved at random.

    python examples/cifar10_vgg.py

Pairs of 3 x 3 convolutions with pooling between them, after K. Simonyan and A.
Zisserman, "Very deep convolutional networks for large-scale image recognition" (2014),
at the size of CIFAR-10 and with batch normalization.
"""

from __future__ import annotations

from typing import Any

import finish
import start

import pydl as keras
from pydl import layers

BATCH = 64


def vgg(widths: tuple[int, ...] = (64, 128, 256)) -> Any:
    """The network: per width two convolutions, then a pooling that halves the image."""
    network = keras.Sequential([keras.Input((32, 32, 3))], name="vgg")
    for width in widths:
        for _ in range(2):
            # The normalization that follows has a bias of its own.
            network.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            network.add(layers.BatchNormalization())
            network.add(layers.ReLU())
        network.add(layers.MaxPooling2D())
        network.add(layers.Dropout(0.1))
    network.add(layers.Flatten())
    network.add(layers.Dense(10, activation="softmax"))
    return network


def main(arguments: list[str] | None = None) -> None:
    """Trains, tests, and draws."""
    options = start.read(start.parser(__doc__, 20, "cifar10_vgg"), arguments)
    train, test = start.cifar10(options.rows)
    model = keras.Sequential([start.standardize(), start.augment(), vgg()])
    steps = options.epochs * start.batches(len(train[0]), BATCH)
    model.compile(
        optimizer=start.descent(start.falling(0.05, steps)),
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
