"""The California housing prices: 20,640 rows of 8 features."""

from __future__ import annotations

from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair, load_table

_FILE = RemoteFile(
    name="california_housing.npz",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",
    sha256="1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """The California housing prices: 20,640 rows of 8 features, in two parts.

    R. K. Pace and R. Barry (1997).

    Args:
        version: ``"large"``, or ``"small"``: the first 600 rows.
        path: the file; looked for as it is, in ``PYDL_DATA_DIR``, then in the cache.
        test_split: share of the rows to test with, in [0, 1).
        seed: of the order of the rows.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: features and prices.
    """
    if version not in ("small", "large"):
        raise ValueError(
            "Argument `version` must be one of 'small', 'large'. Received: "
            f"version={version}"
        )
    return load_table(
        _FILE, path, test_split, seed, 600 if version == "small" else None
    )
