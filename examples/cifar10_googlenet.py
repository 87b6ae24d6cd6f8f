"""GoogLeNet, at the size of CIFAR-10's images, with an auxiliary head.

    python examples/cifar10_googlenet.py

Nine Inception blocks, each with four branches that look at the same maps through
windows of different sizes: C. Szegedy et al., "Going deeper with convolutions" (2014).
The stem keeps every pixel, blocks have half the original's filters and, as in its
successor, batch normalization. A second classifier in the middle trains the lower
layers.
`pydl.applications.GoogLeNet` is the original, for 224 pixels.
"""

from __future__ import annotations

from typing import Any

import finish
import start

import pydl as keras
from pydl import layers

BATCH = 64
HEADS = ("main", "auxiliary")
#: Table 1 of the paper, halved: filters of 1 x 1; before and of 3 x 3; before and of
#: 5 x 5; behind the pooling.
BLOCKS = {
    "3a": (32, (48, 64), (8, 16), 16),
    "3b": (64, (64, 96), (16, 48), 32),
    "4a": (96, (48, 104), (8, 24), 32),
    "4b": (80, (56, 112), (12, 32), 32),
    "4c": (64, (64, 128), (12, 32), 32),
    "4d": (56, (72, 144), (16, 32), 32),
    "4e": (128, (80, 160), (16, 64), 64),
    "5a": (128, (80, 160), (16, 64), 64),
    "5b": (192, (96, 192), (24, 64), 64),
}


def convolution(x: Any, filters: int, window: int) -> Any:
    """A convolution that keeps the size, normalization, ReLU."""
    x = layers.Conv2D(filters, window, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def inception(x: Any, name: str) -> Any:
    """Four branches, side by side in the channels of the result."""
    one, (before_three, three), (before_five, five), pooled = BLOCKS[name]
    return layers.Concatenate(name=f"inception_{name}")(
        [
            convolution(x, one, 1),
            convolution(convolution(x, before_three, 1), three, 3),
            convolution(convolution(x, before_five, 1), five, 5),
            convolution(layers.MaxPooling2D(3, 1, padding="same")(x), pooled, 1),
        ]
    )


def classify(x: Any, name: str, dropout: float) -> Any:
    """Means over all places, dropout, ten probabilities."""
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(10, activation="softmax", name=name)(x)


def googlenet() -> Any:
    """The network, whose outputs are its own and the auxiliary head's."""
    image = keras.Input((32, 32, 3))
    x = layers.MaxPooling2D(3, 2, padding="same")(convolution(image, 32, 3))
    x = convolution(x, 96, 3)
    auxiliary = None
    for name in BLOCKS:
        if name in ("4a", "5a"):
            x = layers.MaxPooling2D(3, 2, padding="same")(x)
        x = inception(x, name)
        if name == "4b":
            auxiliary = classify(x, "auxiliary", 0.5)
    return keras.Model(image, [classify(x, "main", 0.3), auxiliary], name="googlenet")


def with_both_heads(prepare: Any, augment: Any, both: Any) -> Any:
    """The model to train: from pixels to the probabilities of either head."""
    pixels = keras.Input((32, 32, 3))
    main, auxiliary = both(augment(prepare(pixels)))
    return keras.Model(pixels, {"main": main, "auxiliary": auxiliary})


def main_head(history: dict[str, Any]) -> dict[str, Any]:
    """The curves of the main head, under the names that one head would give them."""
    kept = [key for key in history if "main_" in key or key == "seconds"]
    return {key.replace("main_", ""): history[key] for key in kept}


def main(arguments: list[str] | None = None) -> None:
    """Trains with both heads, tests with the main one, and draws."""
    options = start.read(start.parser(__doc__, 12, "cifar10_googlenet"), arguments)
    (x, y), (x_test, y_test) = start.cifar10(options.rows)
    prepare, augment, both = start.standardize(), start.augment(), googlenet()
    model = with_both_heads(prepare, augment, both)
    steps = options.epochs * start.batches(len(x), BATCH)
    model.compile(
        optimizer=start.descent(start.falling(0.05, steps)),
        loss=dict.fromkeys(HEADS, "sparse_categorical_crossentropy"),
        loss_weights={"main": 1.0, "auxiliary": 0.3},
        metrics={head: ["accuracy"] for head in HEADS},
    )
    both.summary()
    done = model.fit(
        x,
        dict.fromkeys(HEADS, y),
        batch_size=BATCH,
        epochs=options.epochs,
        validation_data=(x_test, dict.fromkeys(HEADS, y_test)),
        callbacks=start.record(options),
    )
    network = keras.Model(both.inputs, both.outputs[0], name="googlenet_main")
    model = keras.Sequential([prepare, augment, network])
    history, test = main_head(done.history), (x_test, y_test)
    finish.conclude(options, model, history, len(x), test, start.CIFAR10)


if __name__ == "__main__":
    main()
