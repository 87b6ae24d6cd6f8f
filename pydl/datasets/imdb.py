"""IMDB: 50,000 film reviews as word numbers, good or bad."""

from __future__ import annotations

import json

import numpy as np

from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair, shuffled
from pydl.datasets.sequences import as_objects, limited, marked, not_longer
from pydl.datasets.unpickling import read_object_npz

_ROOT = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_FILE = RemoteFile(
    name="imdb.npz",
    url=_ROOT + "imdb.npz",
    sha256="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
)
_WORDS = RemoteFile(
    name="imdb_word_index.json",
    url=_ROOT + "imdb_word_index.json",
    md5="bfafd718b763782e994055a2d397834f",
)


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Pair, Pair]:
    """The data set of A. L. Maas et al. (2011), "Learning Word Vectors for Sentiment
    Analysis".

    Args:
        path: the file; looked for as it is, in ``PYDL_DATA_DIR``, then in the cache.
        num_words: only the most frequent words; None: all.
        skip_top: the most frequent ones that are left out.
        maxlen: only sequences shorter than this; None: all.
        seed: of the order.
        start_char: the mark of a start; None: no mark.
        oov_char: stands for words left out; None: nothing does.
        index_from: the number of the most frequent word.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: arrays of lists, and labels 0 and 1.
    """
    stored = read_object_npz(
        _FILE.locate(path), ("x_train", "y_train", "x_test", "y_test")
    )
    parts = []
    for part in ("train", "test"):
        xs, labels = shuffled(seed, stored[f"x_{part}"], stored[f"y_{part}"])
        xs = marked(xs, start_char, index_from)
        parts.append(not_longer(maxlen, xs, labels))
    xs = limited([*parts[0][0], *parts[1][0]], num_words, skip_top, oov_char)
    cut = len(parts[0][0])
    train = as_objects(xs[:cut]), np.asarray(parts[0][1])
    return train, (as_objects(xs[cut:]), np.asarray(parts[1][1]))


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, before `index_from` is added.

    Args:
        path: the file, looked for as `load_data` does.
    """
    text = _WORDS.locate(path).read_text(encoding="utf-8")
    found: dict[str, int] = json.loads(text)
    return found
