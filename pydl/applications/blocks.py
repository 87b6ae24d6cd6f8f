"""Small parts that several architectures are made of."""

from __future__ import annotations

from typing import Any

from pydl import config

Pair = tuple[int, int]


def channel_axis() -> int:
    """The axis of the channels of a batch of images."""
    return 3 if config.image_data_format() == "channels_last" else 1


def channels(x: Any) -> int:
    """How many channels a batch of images has."""
    return int(x.shape[channel_axis()])


def size(x: Any) -> tuple[int | None, int | None]:
    """Rows and columns of a batch of images, None where unknown."""
    first = 1 if channel_axis() == 3 else 2
    return x.shape[first], x.shape[first + 1]


def halving_margins(x: Any, window: int) -> tuple[Pair, Pair]:
    """Zeros to put around `x` so that a window with stride 2 sees what it sees with
    ``padding="same"``: one less before an even (or unknown) number of pixels."""
    sides = ((window // 2 - (n is None or n % 2 == 0), window // 2) for n in size(x))
    first, second = sides
    return first, second


def rounded(filters: float, divisor: int = 8, least: int | None = None) -> int:
    """The nearest multiple of `divisor`, at least `least` (None: one `divisor`) and not
    more than a tenth below `filters`."""
    near = nearest(filters, divisor, least)
    return near + divisor if near < 0.9 * filters else near


def nearest(filters: float, divisor: int = 8, least: int | None = None) -> int:
    """The nearest multiple of `divisor`, at least `least` (None: one `divisor`)."""
    return max(least or divisor, int(filters + divisor / 2) // divisor * divisor)
