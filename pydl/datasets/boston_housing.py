"""The Boston housing prices: 506 rows of 13 features."""

from __future__ import annotations

from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair, load_table

_FILE = RemoteFile(
    name="boston_housing.npz",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz",
    sha256="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
)


def load_data(
    path: str = "boston_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """The Boston housing prices: 506 rows of 13 features, in two parts.

    D. Harrison and D. L. Rubinfeld (1978). Mind that one feature is an invented measure
    of the share of black inhabitants; the data are for comparisons with old results.

    Args:
        path: the file; looked for as it is, in ``PYDL_DATA_DIR``, then in the cache.
        test_split: share of the rows to test with, in [0, 1).
        seed: of the order of the rows.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: features and prices.
    """
    return load_table(_FILE, path, test_split, seed, None)
