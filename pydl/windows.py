"""Windows over the axes of images: numbers for each axis, padding, places.

What functions, layers and kernels of convolution and pooling say about their arguments
before anything is computed. A window of `w` taps that are `d` apart *spans*
``d (w - 1) + 1`` places. Sizes of images may be unknown: -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

#: The largest window, stride or padding: sums of a few of them stay small integers.
MOST = 2**30
UNKNOWN = -1

#: Zeros in front of and behind each axis.
Widths = tuple[list[int], list[int]]


def per_axis(name: str, value: Any, axes: int, least: int = 1) -> list[int]:
    """One integer for each axis: `value` for all of them, or an entry for each.

    Args:
        name: who asks for which argument, such as ``"conv: strides"``.
        value: an integer, or `axes` of them.
        axes: how many.
        least: the smallest that is allowed.

    Raises:
        ValueError: another number of entries, no integers, or one out of range.
    """
    given = value if hasattr(value, "__len__") else (value,) * axes
    try:
        numbers = [index(number) for number in given]
    except TypeError:
        numbers = []
    if len(numbers) != axes or not all(least <= n <= MOST for n in numbers):
        several = f" or a tuple of {axes} of them" if axes > 1 else ""
        raise ValueError(
            f"{name}: expected an integer from {least} to {MOST}{several}, received "
            f"{value!r}"
        )
    return numbers


def spans(window: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """How many places a window covers along each axis."""
    return [d * (w - 1) + 1 for w, d in zip(window, dilations, strict=True)]


def padding_name(name: str, padding: Any, allowed: Sequence[str]) -> str:
    """`padding` in lower case; raises ValueError unless it is one of `allowed`."""
    found = padding.lower() if isinstance(padding, str) else None
    if found not in allowed:
        raise ValueError(
            f"{name}: expected padding to be one of {tuple(allowed)}, received "
            f"{padding!r}"
        )
    return str(found)


def pad_widths(
    name: str,
    padding: Any,
    sizes: Sequence[int],
    spans: Sequence[int],
    strides: Sequence[int],
) -> Widths:
    """The zeros around each axis for windows of these spans.

    Args:
        name: who asks, for messages.
        padding: ``"valid"``: none; ``"same"``: as many as give ``size / stride``
            places, rounded up, the odd one behind; ``"causal"``, of one axis: all in
            front; or a pair (in front, behind) for each axis.
        sizes: of the images, -1 where unknown.
        spans: of the window.
        strides: from place to place.
    """
    if not isinstance(padding, str) and hasattr(padding, "__len__"):
        return _given_widths(name, padding, len(sizes))
    kinds = ("valid", "same", "causal")
    kind = padding_name(name, padding, kinds if len(sizes) == 1 else kinds[:2])
    if kind == "valid":
        return [0] * len(sizes), [0] * len(sizes)
    if kind == "causal":
        return [spans[0] - 1], [0]
    totals = [
        _same(size, span, stride)
        for size, span, stride in zip(sizes, spans, strides, strict=True)
    ]
    low = [total // 2 for total in totals]
    return low, [total - before for total, before in zip(totals, low, strict=True)]


def _same(size: int, span: int, stride: int) -> int:
    if size == UNKNOWN:  # of no consequence unless the stride is 1, when it is this
        return span - 1
    places = -(-size // stride)
    return max((places - 1) * stride + span - size, 0)


def _given_widths(name: str, padding: Any, axes: int) -> Widths:
    pairs = [per_axis(f"{name}: padding", pair, 2, least=0) for pair in padding]
    if len(pairs) != axes:
        raise ValueError(
            f"{name}: expected padding of {axes} pairs (in front, behind), received "
            f"{padding!r}"
        )
    return [before for before, _ in pairs], [behind for _, behind in pairs]


def places(
    sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int], widths: Widths
) -> list[int]:
    """How many windows fit along each axis; -1 where the size is unknown."""
    return [
        UNKNOWN if size == UNKNOWN else max((size + low + high - span) // stride + 1, 0)
        for size, span, stride, low, high in zip(
            sizes, spans, strides, *widths, strict=True
        )
    ]


def transposed(
    name: str,
    sizes: Sequence[int],
    spans: Sequence[int],
    strides: Sequence[int],
    padding: Any,
    output_padding: Sequence[int] | None,
) -> tuple[list[int], Widths]:
    """The sizes a transposed convolution gives, and the zeros of the convolution it
    turns round: the one that makes `sizes` of them.

    Without `output_padding` an axis becomes ``size * stride`` long (``"same"``), or as
    long as all windows reach, at least ``size * stride`` (``"valid"``); with it, the
    least that gives `size` places, and so much more.
    """
    same = padding_name(name, padding, ("valid", "same")) == "same"
    more = [None] * len(sizes) if output_padding is None else output_padding
    found: list[int] = []
    totals: list[int] = []
    for size, span, stride, extra in zip(sizes, spans, strides, more, strict=True):
        steps = (size - 1) * stride
        if extra is None:
            length = size * stride if same else steps + max(span, stride)
        else:
            length = steps + (span % 2 if same else span) + extra
        found.append(UNKNOWN if size == UNKNOWN else length)
        totals.append(max(steps + span - length, 0) if same else 0)
    low = [total // 2 for total in totals]
    widths = low, [total - before for total, before in zip(totals, low, strict=True)]
    if output_padding is not None:
        back = places(found, spans, strides, widths)
        if back != list(sizes):
            raise ValueError(
                f"{name}: expected output_padding less than strides, received "
                f"output_padding={tuple(output_padding)}, strides={tuple(strides)}"
            )
    return found, widths
