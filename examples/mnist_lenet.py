"""LeNet-5 learns handwritten digits: 10 epochs of MNIST.

    python examples/mnist_lenet.py

The network of Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
applied to document recognition" (1998), with today's optimizer.
"""

from __future__ import annotations

import finish
import start

import pydl as keras

BATCH = 128


def main(arguments: list[str] | None = None) -> None:
    """Trains, tests, and draws."""
    options = start.read(start.parser(__doc__, 10, "mnist_lenet"), arguments)
    train, test = start.mnist(options.rows)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            # Where a digit stands says nothing: at most 2 of 28 pixels each way.
            keras.layers.RandomTranslation(
                2 / 28, 2 / 28, fill_mode="constant", interpolation="nearest"
            ),
            keras.applications.LeNet5(input_shape=(28, 28, 1), classes=10),
        ]
    )
    steps = options.epochs * start.batches(len(train[0]), BATCH)
    model.compile(
        optimizer=keras.optimizers.Adam(start.falling(2e-3, steps)),
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
    finish.conclude(options, model, done.history, len(train[0]), test, start.DIGITS)


if __name__ == "__main__":
    main()
