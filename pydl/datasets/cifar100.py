"""CIFAR-100: 60,000 images of 32 x 32 pixels in 100 classes."""

from __future__ import annotations

from pydl.datasets.cifar import load_images
from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair

_FILE = RemoteFile(
    name="cifar-100-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
)


def load_data(label_mode: str = "fine") -> tuple[Pair, Pair]:
    """The data set of A. Krizhevsky (2009), "Learning Multiple Layers of Features from
    Tiny Images".

    Args:
        label_mode: ``"fine"``: 100 classes; ``"coarse"``: 20.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images as uint8 arrays of shape
        ``(50000, 32, 32, 3)`` and ``(10000, 32, 32, 3)`` (channels first if
        `pydl.config.image_data_format` says so), labels of shape ``(n, 1)``.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            '`label_mode` must be one of `"fine"`, `"coarse"`. Received: '
            f"label_mode={label_mode}."
        )
    return load_images(
        _FILE.locate(_FILE.name), ["cifar-100-python/train"], "cifar-100-python/test",
        f"{label_mode}_labels",
    )  # fmt: skip
