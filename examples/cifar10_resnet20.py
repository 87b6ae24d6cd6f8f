"""ResNet-20 learns CIFAR-10 in the time it is given: an hour, unless told otherwise.

    python examples/cifar10_resnet20.py --minutes 60

The network of section 4.2 of K. He, X. Zhang, S. Ren and J. Sun, "Deep residual
learning for image recognition" (2015). With --epochs in place of --minutes the same
seed gives the same weights, bit for bit; how far training gets in a time is the
machine's affair.
"""

from __future__ import annotations

import math
import time
from typing import Any

import finish
import start

import pydl as keras

BATCH = 64
#: Epochs when minutes are the limit: more than any machine makes.
ENDLESS = 100_000


class Budget(keras.callbacks.Callback):
    """Leads the learning rate through training, whose end is a time or an epoch.

    The rate rises to its peak in the first part of training and falls to 0 along a
    cosine, which it reaches at the end.

    Args:
        peak: the highest rate.
        epochs: the end of training; None: `minutes` are.
        minutes: the end of training, tests after epochs included.
        rise: share of training in which the rate rises.
    """

    def __init__(
        self,
        peak: float,
        epochs: int | None,
        minutes: float | None,
        rise: float = 0.15,
    ) -> None:
        super().__init__()
        self.peak, self.epochs, self.minutes, self.rise = peak, epochs, minutes, rise

    def on_train_begin(self, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = self.rate(self.share(batch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_in_time(batch + 1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._end_in_time(self.params["steps"])
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)

    def _end_in_time(self, batch: int) -> None:
        if self.share(batch) >= 1:
            self.model.stop_training = True

    def share(self, batch: int) -> float:
        """How much of training lies behind this batch of the epoch, up to 1."""
        if self.epochs is not None:
            done = self._epoch + batch / self.params["steps"]
            return min(done / self.epochs, 1.0)
        passed = time.perf_counter() - self._started
        return min(passed / (60 * self.minutes), 1.0)

    def rate(self, share: float) -> float:
        """The learning rate at a share of training."""
        if share < self.rise:
            return self.peak * share / self.rise
        fallen = (share - self.rise) / (1 - self.rise)
        return self.peak * (1 + math.cos(math.pi * fallen)) / 2


def options_from(arguments: list[str] | None) -> Any:
    """The options: either a number of epochs, or minutes and None."""
    parser = start.parser(__doc__, None, "cifar10_resnet20")
    parser.add_argument(
        "--minutes", type=float, help="end after this time (60), not after epochs"
    )
    options = start.read(parser, arguments)
    if options.minutes is not None and options.epochs is not None:
        parser.error("expected --epochs or --minutes, received both")
    if options.epochs is None and options.minutes is None:
        options.minutes = 60.0
    if options.minutes is not None and not options.minutes > 0:
        parser.error(f"--minutes: expected more than 0, received {options.minutes}")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Trains, tests, and draws."""
    options = options_from(arguments)
    train, test = start.cifar10(options.rows)
    network = keras.applications.ResNet20(input_shape=(32, 32, 3), classes=10)
    model = keras.Sequential([start.standardize(), start.augment(), network])
    model.compile(
        optimizer=start.descent(0.0),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    network.summary()
    budget = Budget(0.1, options.epochs, options.minutes)
    done = model.fit(
        *train,
        batch_size=BATCH,
        epochs=options.epochs or ENDLESS,
        validation_data=test,
        callbacks=[budget, *start.record(options)],
    )
    finish.conclude(options, model, done.history, len(train[0]), test, start.CIFAR10)


if __name__ == "__main__":
    main()
