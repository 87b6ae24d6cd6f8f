"""What the examples begin with: their options, their data, the record they keep."""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

import pydl as keras

#: Images of uint8 and a label each.
Part = tuple[np.ndarray, np.ndarray]

DIGITS = tuple("0123456789")
CIFAR10 = keras.datasets.cifar10.CLASSES
#: Mean and variance of CIFAR-10's red, green and blue, for pixels of 0 to 255.
CIFAR10_MEAN = (125.3, 123.0, 113.9)
CIFAR10_VARIANCE = (63.0**2, 62.1**2, 66.7**2)


def parser(description: str, epochs: int | None, name: str) -> argparse.ArgumentParser:
    """The options all examples have.

    Args:
        description: the script's own; its first line is shown.
        epochs: unless told otherwise.
        name: of the folder for results.
    """
    usual = f" ({epochs})" if epochs else ""
    made = argparse.ArgumentParser(description=description.partition("\n")[0])
    made.add_argument("--epochs", type=positive, default=epochs, metavar="N",
                      help=f"passes over the training images{usual}")  # fmt: skip
    made.add_argument("--rows", type=positive, metavar="N",
                      help="train and test with the first N images only")  # fmt: skip
    made.add_argument("--seed", type=int, default=0, metavar="N",
                      help="same seed, same weights (%(default)s)")  # fmt: skip
    made.add_argument("--out", type=Path, default=Path("out") / name, metavar="FOLDER",
                      help="for pictures, curve and model (%(default)s)")  # fmt: skip
    return made


def positive(text: str) -> int:
    """An int of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {number}")
    return number


def read(made: argparse.ArgumentParser, arguments: list[str] | None) -> Any:
    """The options given; seeds are set and the folder is there."""
    options = made.parse_args(arguments)
    if importlib.util.find_spec("matplotlib") is None:  # better now than after training
        made.error("pictures are drawn by Matplotlib: pip install pydl[plot]")
    keras.utils.set_random_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def mnist(rows: int | None) -> tuple[Part, Part]:
    """Handwritten digits: images ``(n, 28, 28, 1)``, labels ``(n,)``."""
    train, test = keras.datasets.mnist.load_data()
    return _first(train, rows), _first(test, rows)


def cifar10(rows: int | None) -> tuple[Part, Part]:
    """Photographs of ten classes: images ``(n, 32, 32, 3)``, labels ``(n,)``."""
    print("Reading CIFAR-10 ...", flush=True)
    train, test = keras.datasets.cifar10.load_data()
    return _first(train, rows), _first(test, rows)


def _first(part: Part, rows: int | None) -> Part:
    x, y = part
    x = x if x.ndim == 4 else x[..., None]
    return x[:rows], y.reshape(-1)[:rows]


def standardize() -> Any:
    """A model from CIFAR-10's pixels to numbers around 0."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Normalization(mean=CIFAR10_MEAN, variance=CIFAR10_VARIANCE),
        ],
        name="standardize",
    )


def augment() -> Any:
    """A model that mirrors and moves images at random while training, and passes them
    on unchanged afterwards."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.RandomFlip("horizontal"),
            # At most 4 of 32 pixels each way, whole ones, with 0 (the mean) around.
            keras.layers.RandomTranslation(
                0.125, 0.125, fill_mode="constant", interpolation="nearest"
            ),
        ],
        name="augment",
    )


def falling(peak: float, steps: int, rise: float = 0.1) -> Any:
    """A learning rate that rises to its peak and falls to 0 along a cosine.

    Args:
        peak: the highest rate.
        steps: batches of the whole training.
        rise: share of the steps in which it rises.
    """
    warm = int(rise * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warm else peak, steps - warm, warmup_target=peak, warmup_steps=warm
    )


def descent(rate: Any) -> Any:
    """Stochastic gradient descent with Nesterov's momentum and weight decay.

    The decay shrinks weights by ``rate * 0.005`` a step, beside the momentum: as much
    as a penalty of 0.0005 in the loss does through a momentum of 0.9. Biases and the
    scales of normalizations are left alone.
    """
    made = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=5e-3)
    made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


def batches(rows: int, batch_size: int) -> int:
    """How many batches an epoch has."""
    return -(-rows // batch_size)


class Clock(keras.callbacks.Callback):
    """Puts the seconds since training began into the logs of each epoch."""

    def on_train_begin(self, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["seconds"] = time.perf_counter() - self._started


def record(options: Any) -> list[Any]:
    """Callbacks that keep what each epoch brought, in ``curve.csv``."""
    return [Clock(), keras.callbacks.CSVLogger(options.out / "curve.csv")]
