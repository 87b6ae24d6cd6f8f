"""``train digits|mnist``: a network trained on real data, and saved."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydl.datasets import digits, mnist
from pydl.layers import Dense, Dropout, Input
from pydl.models import Sequential
from pydl.utils import set_random_seed


@dataclass(frozen=True)
class Recipe:
    """How one data set is trained."""

    scale: float
    hidden: tuple[int, ...]
    dropout: float
    batch_size: int
    epochs: int


RECIPES = {
    "digits": Recipe(16.0, (128, 64), 0.0, 32, 20),
    "mnist": Recipe(255.0, (512, 512), 0.2, 128, 5),
}


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    command = commands.add_parser("train", help="train a network on real data")
    command.add_argument("data", choices=sorted(RECIPES), help="the data set")
    command.add_argument(
        "--epochs", type=positive, help="passes over the training data"
    )
    command.add_argument("--seed", type=int, default=0, help="same seed, same weights")
    command.add_argument("--out", metavar="FILE", help="where to save the model")
    command.add_argument(
        "--path", default="mnist.npz", help="the MNIST file, if not to be downloaded"
    )
    command.set_defaults(run=run)


def positive(text: str) -> int:
    """An int of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {number}")
    return number


def run(options: argparse.Namespace) -> None:
    """Trains, evaluates, saves, and says what to do next."""
    recipe = RECIPES[options.data]
    out = options.out or f"{options.data}.pydl"
    (x_train, y_train), (x_test, y_test) = load(options, recipe)
    set_random_seed(options.seed)
    model = build(recipe, x_train.shape[1])
    model.summary()
    started = time.perf_counter()
    model.fit(
        x_train,
        y_train,
        batch_size=recipe.batch_size,
        epochs=options.epochs or recipe.epochs,
    )
    seconds = time.perf_counter() - started
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    model.export(out)
    print(
        f"\n{accuracy:.2%} of {len(x_test)} test images recognized after "
        f"{seconds:.1f} s of training on {len(x_train)}.\n"
        f"Saved {out}. Look inside with: python -m pydl inspect {out}"
    )


def load(options: argparse.Namespace, recipe: Recipe) -> Any:
    """The data set as rows of float32 pixels in [0, 1]."""
    if options.data == "digits":
        splits = digits.load_data()
    else:
        splits = mnist.load_data(options.path)
    return [
        (x.reshape(len(x), -1).astype(np.float32) / np.float32(recipe.scale), y)
        for x, y in splits
    ]


def build(recipe: Recipe, inputs: int) -> Sequential:
    """Dense layers with ReLU, a softmax at the end, Adam."""
    model = Sequential([Input((inputs,))])
    for units in recipe.hidden:
        model.add(Dense(units, activation="relu"))
        if recipe.dropout:
            model.add(Dropout(recipe.dropout))
    model.add(Dense(10, activation="softmax"))
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
