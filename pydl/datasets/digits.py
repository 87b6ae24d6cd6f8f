"""Handwritten digits of 8 x 8 pixels, part of the package."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pydl.datasets.npz import Arrays, read_npz

_FILE = Path(__file__).with_name("digits.npz")


def load_data(
    test_fraction: float = 0.3, seed: int = 0
) -> tuple[tuple[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """The 1,797 images of the UCI "Optical Recognition of Handwritten Digits" test set.

    The images come from many writers, in their order; they are shuffled before the
    split, in the same way on every machine and with every NumPy.

    Args:
        test_fraction: the share of images to test with, at least 0 and below 1. The
            default leaves 1,257 images to train with and 540 to test with.
        seed: another seed gives another split.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images as uint8 arrays of shape
        ``(n, 8, 8)`` with values 0 to 16, labels 0 to 9 as uint8 arrays ``(n,)``.

    Example:

    >>> from pydl.datasets import digits
    >>> (x_train, y_train), (x_test, y_test) = digits.load_data()
    >>> x_train.shape, x_test.shape
    ((1257, 8, 8), (540, 8, 8))

    Data by E. Alpaydin and C. Kaynak (1998), https://doi.org/10.24432/C50P49, under
    CC BY 4.0.
    """
    if not 0 <= test_fraction < 1:
        raise ValueError(
            "digits.load_data: expected 0 <= test_fraction < 1, received "
            f"{test_fraction!r}"
        )
    arrays = read_npz(_FILE, {"x": (None, 8, 8), "y": (None,)})
    x, y = arrays["x"], arrays["y"]
    # RandomState, unlike Generator, promises the same stream in every NumPy.
    order = np.random.RandomState(seed).permutation(len(x))
    test = math.ceil(test_fraction * len(x))
    x, y = x[order], y[order]
    return (x[test:], y[test:]), (x[:test], y[:test])
