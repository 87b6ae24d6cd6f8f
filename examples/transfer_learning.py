"""Transfer learning: what was learned from five classes helps with five others.

    python examples/transfer_learning.py

A base learns airplanes, automobiles, birds, cats and deer from all their images. Dogs,
frogs, horses, ships and trucks have few: a new head learns them on the frozen base,
then base and head together at a lower rate. The same network from scratch is the
comparison. J. Yosinski, J. Clune, Y. Bengio and H. Lipson, "How transferable are
features in deep neural networks?" (2014), tells which layers to take over, and why.
"""

from __future__ import annotations

from typing import Any

import finish
import numpy as np
import pictures
import start

import pydl as keras
from pydl import layers

BATCH = 64
#: Labels below this are the base's.
SPLIT = 5


def body() -> Any:
    """Convolutions down to one number per channel: what is taken over."""
    made = keras.Sequential([keras.Input((32, 32, 3))], name="body")
    for width in (32, 64, 128):
        for _ in range(2):
            made.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            made.add(layers.BatchNormalization())
            made.add(layers.ReLU())
        made.add(layers.MaxPooling2D())
    made.add(layers.GlobalAveragePooling2D())
    return made


def with_head(base: Any) -> Any:
    """A model from pixels to five classes, on a base that may have learned others."""
    head = layers.Dense(SPLIT, activation="softmax", name="head")
    network = keras.Model(base.inputs, head(base.outputs[0]), name="network")
    return keras.Sequential([start.standardize(), start.augment(), network])


def thaw(base: Any) -> None:
    """Lets the base learn again, but for its normalizations: few images would spoil the
    means and variances that many have given them."""
    base.trainable = True
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def fit(model: Any, rate: float, epochs: int, train: Any, test: Any) -> Any:
    """Trains at a rate that falls from `rate` to 0; returns the history."""
    steps = epochs * start.batches(len(train[0]), BATCH)
    model.compile(
        optimizer=keras.optimizers.Adam(start.falling(rate, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    done = model.fit(
        *train, batch_size=BATCH, epochs=epochs, validation_data=test,
        callbacks=[start.Clock()],
    )  # fmt: skip
    return done.history


def half(part: Any, first: bool, most: int | None = None) -> Any:
    """The images of the base's classes, or of the others, labelled from 0 on."""
    x, y = part
    chosen = np.flatnonzero((y < SPLIT) == first)[:most]
    return x[chosen], y[chosen] - (0 if first else SPLIT)


def main(arguments: list[str] | None = None) -> None:
    """Trains the base, what builds on it, and the comparison; draws."""
    parser = start.parser(__doc__, 10, "transfer_learning")
    parser.add_argument("--few", type=start.positive, default=1000, metavar="N",
                        help="images of the new classes (%(default)s)")  # fmt: skip
    options = start.read(parser, arguments)
    train, test = start.cifar10(options.rows)
    epochs, tests = options.epochs, half(test, first=False)
    few = half(train, first=False, most=options.few)

    print("\n1. The base learns its five classes.")
    base = body()
    first = fit(
        with_head(base), 2e-3, epochs, half(train, first=True), half(test, first=True)
    )

    print("\n2. A new head learns the other five; the base is frozen.")
    base.trainable = False
    model = with_head(base)
    headed = fit(model, 1e-2, 2 * epochs, few, tests)

    print("\n3. Base and head learn together, at a lower rate.")
    thaw(base)
    tuned = fit(model, 5e-4, 2 * epochs, few, tests)

    print("\n4. For comparison: the same network, from scratch.")
    scratch = fit(with_head(body()), 2e-3, 4 * epochs, few, tests)
    conclude(options, model, [first, headed, tuned, scratch], len(few[0]), tests)


def conclude(
    options: Any, model: Any, histories: list[Any], few: int, tests: Any
) -> None:
    """States the four results, saves the model, draws."""
    first, headed, tuned, scratch = (h["val_accuracy"] for h in histories)
    seconds = sum(h["seconds"][-1] for h in histories)
    finish.state(
        options,
        f"The base recognizes {first[-1]:.2%} of its own classes' test images.\n"
        f"From {few} images of five other classes, {len(tests[0])} test images:\n"
        f"  new head on the frozen base  {headed[-1]:.2%}\n"
        f"  then base and head together  {tuned[-1]:.2%}\n"
        f"  from scratch                 {scratch[-1]:.2%}\n"
        f"{seconds:.0f} s of training (seed {options.seed}).",
    )
    model.save(options.out / "model.keras")
    runs = {"frozen, then fine-tuned": [*headed, *tuned], "from scratch": scratch}
    label = "test accuracy, new classes"
    pictures.comparison(runs, label, options.out / "comparison.png")
    guesses = model.predict(tests[0], batch_size=256, verbose=0)
    joined = {key: [*histories[1][key], *histories[2][key]] for key in histories[1]}
    finish.draw(options, model, joined, tests, guesses, start.CIFAR10[SPLIT:])
    print(f"Model and pictures: {options.out}")


if __name__ == "__main__":
    main()
