"""What the data sets of word numbers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def marked(xs: Any, start_char: int | None, index_from: int) -> list[list[int]]:
    """Word numbers moved up by `index_from`, after a start mark."""
    if start_char is not None:
        return [[start_char, *(w + index_from for w in x)] for x in xs]
    return [[w + (index_from or 0) for w in x] for x in xs]


def not_longer(maxlen: int | None, xs: Any, labels: Any) -> tuple[list[Any], Any]:
    """Only the sequences shorter than `maxlen`; ValueError if there is none."""
    if not maxlen:
        return xs, labels
    kept = [i for i, x in enumerate(xs) if len(x) < maxlen]
    if not kept:
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence "
            "was kept. Increase maxlen."
        )
    return [xs[i] for i in kept], np.asarray(labels)[kept]


def limited(
    xs: Sequence[Sequence[int]], num_words: int | None, skip_top: int,
    oov_char: int | None,
) -> list[list[int]]:  # fmt: skip
    """Numbers from `skip_top` up to below `num_words`; others become `oov_char`, or are
    left out."""
    top = num_words or max(max(x) for x in xs)
    if oov_char is None:
        return [[w for w in x if skip_top <= w < top] for x in xs]
    return [[w if skip_top <= w < top else oov_char for w in x] for x in xs]


def as_objects(xs: Sequence[Sequence[int]]) -> np.ndarray:
    """A NumPy array of lists."""
    array = np.empty(len(xs), object)
    array[:] = [list(x) for x in xs]
    return array
