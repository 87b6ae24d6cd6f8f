"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, downloaded once."""

from __future__ import annotations

from pydl.datasets.files import RemoteFile
from pydl.datasets.npz import Arrays, read_npz

_FILE = RemoteFile(
    name="mnist.npz",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)


def load_data(
    path: str = "mnist.npz",
) -> tuple[tuple[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """The MNIST data set of Y. LeCun, C. Cortes and C. J. C. Burges.

    Args:
        path: the file, in the format Keras uses. Looked for as it is, then in the
            folder the environment variable ``PYDL_DATA_DIR`` names, then in
            ``~/.pydl/datasets``, to which the file is downloaded when it is nowhere.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images as uint8 arrays of shape
        ``(60000, 28, 28)`` and ``(10000, 28, 28)`` with values 0 to 255, labels 0 to 9
        as uint8 arrays.
    """
    arrays = read_npz(
        _FILE.locate(path),
        {
            "x_train": (None, 28, 28),
            "y_train": (None,),
            "x_test": (None, 28, 28),
            "y_test": (None,),
        },
    )
    train = arrays["x_train"], arrays["y_train"]
    return train, (arrays["x_test"], arrays["y_test"])
