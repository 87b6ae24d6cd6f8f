"""CIFAR-10: 60,000 images of 32 x 32 pixels in 10 classes."""

from __future__ import annotations

import zipfile

from pydl import config
from pydl.datasets.cifar import load_images
from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair
from pydl.datasets.zipped_images import read_zip

#: The classes; a label is a position in this list.
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
    "truck",
)  # fmt: skip

_FILE = RemoteFile(
    name="cifar-10-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
#: The same images as JPEG files, which is taken where the archive is not at hand.
_ZIP = "cifar10_jpeg.zip"


def load_data(path: str | None = None) -> tuple[Pair, Pair]:
    """The data set of A. Krizhevsky (2009), "Learning Multiple Layers of Features from
    Tiny Images".

    Args:
        path: the official archive ``cifar-10-python.tar.gz``, or a zip file of images
            ``train/airplane/0000.jpg``, ``test/truck/0999.png`` and so on (which needs
            Pillow, ``pip install pydl[data]``). Looked for as it is, then in the folder
            the environment variable ``PYDL_DATA_DIR`` names. Unless given: the archive,
            there or in ``~/.pydl/datasets``; else a file ``cifar10_jpeg.zip``; else the
            archive is downloaded. JPEG loses a little of each image, so the zip file's
            pixels are not quite the archive's.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images as uint8 arrays of shape
        ``(50000, 32, 32, 3)`` and ``(10000, 32, 32, 3)`` (channels first if
        `pydl.config.image_data_format` says so), labels of shape ``(n, 1)``. The rows
        of a zip file come class by class in turn, those of the archive in its order.

    Raises FileNotFoundError for a `path` that is nowhere, OSError where the archive
    cannot be downloaded, ValueError for files with other content.
    """
    if path is None:
        place = _FILE.at_hand(_FILE.name) or _FILE.at_hand(_ZIP)
        place = place or _FILE.locate(_FILE.name)
    else:
        place = _FILE.locate(path)
    if zipfile.is_zipfile(place):
        train, test = read_zip(place, ("train", "test"), CLASSES, (32, 32))
        return _in_format(train), _in_format(test)
    folder = "cifar-10-batches-py"
    parts = [f"{folder}/data_batch_{i}" for i in range(1, 6)]
    return load_images(place, parts, f"{folder}/test_batch", "labels")


def _in_format(pair: Pair) -> Pair:
    x, y = pair
    first = config.image_data_format() == "channels_first"
    return (x.transpose(0, 3, 1, 2) if first else x), y
