"""CIFAR-10: 60,000 images of 32 x 32 pixels in 10 classes."""

from __future__ import annotations

from pydl.datasets.cifar import load_images
from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair

_FILE = RemoteFile(
    name="cifar-10-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)


def load_data() -> tuple[Pair, Pair]:
    """The data set of A. Krizhevsky (2009), "Learning Multiple Layers of Features from
    Tiny Images".

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images as uint8 arrays of shape
        ``(50000, 32, 32, 3)`` and ``(10000, 32, 32, 3)`` (channels first if
        `pydl.config.image_data_format` says so), labels of shape ``(n, 1)``.
    """
    folder = "cifar-10-batches-py"
    parts = [f"{folder}/data_batch_{i}" for i in range(1, 6)]
    return load_images(_FILE, parts, f"{folder}/test_batch", "labels")
