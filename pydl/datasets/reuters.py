"""Reuters: 11,228 newswires as word numbers, in 46 topics."""

from __future__ import annotations

import json

import numpy as np

from pydl.datasets.files import RemoteFile
from pydl.datasets.housing import Pair, check_split, shuffled
from pydl.datasets.sequences import as_objects, limited, marked, not_longer
from pydl.datasets.unpickling import read_object_npz

_ROOT = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_FILE = RemoteFile(
    name="reuters.npz",
    url=_ROOT + "reuters.npz",
    sha256="d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
)
_WORDS = RemoteFile(
    name="reuters_word_index.json",
    url=_ROOT + "reuters_word_index.json",
    md5="4d44cc38712099c9e383dc6e5f11a921",
)
_LABELS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar "
    "trade reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp "
    "meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi "
    "hog lead "
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Pair, Pair]:
    """Newswires of 1987 from the Reuters-21578 collection.

    Args:
        path: the file; looked for as it is, in ``PYDL_DATA_DIR``, then in the cache.
        num_words: only the most frequent words; None: all.
        skip_top: the most frequent ones that are left out.
        maxlen: only sequences shorter than this; None: all.
        test_split: share to test with, in [0, 1).
        seed: of the order.
        start_char: the mark of a start; None: no mark.
        oov_char: stands for words left out; None: nothing does.
        index_from: the number of the most frequent word.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: arrays of lists, and topics 0 to 45.
    """
    check_split(test_split)
    stored = read_object_npz(_FILE.locate(path), ("x", "y"))
    found, labels = shuffled(seed, stored["x"], stored["y"])
    xs, labels = not_longer(maxlen, marked(found, start_char, index_from), labels)
    xs = limited(xs, num_words, skip_top, oov_char)
    cut = int(len(xs) * (1 - test_split))
    train = as_objects(xs[:cut]), np.asarray(labels[:cut])
    return train, (as_objects(xs[cut:]), np.asarray(labels[cut:]))


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, before `index_from` is added.

    Args:
        path: the file, looked for as `load_data` does.
    """
    text = _WORDS.locate(path).read_text(encoding="utf-8")
    found: dict[str, int] = json.loads(text)
    return found


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics.

    >>> get_label_names()[3]
    'earn'
    """
    return tuple(_LABELS.split())
