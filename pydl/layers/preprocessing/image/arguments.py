"""Arguments of image layers, checked; values brought to another range."""

from __future__ import annotations

from typing import Any


def is_number(x: Any) -> bool:
    """Whether `x` is a Python number."""
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def _pair(value: Any) -> bool:
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(is_number(v) for v in value)
    )


def checked_factor(
    layer: str, factor: Any, bounds: tuple[float, float], name: str = "factor"
) -> tuple[float, float]:
    """The range a factor is drawn from: for one number n that from -n (or the lower
    bound) to n."""
    error = ValueError(
        f"{layer}: the `{name}` argument should be a number (or a list of two numbers) "
        f"in the range [{bounds[0]}, {bounds[1]}]. Received: {name}={factor!r}"
    )
    if _pair(factor):
        if factor[0] > bounds[1] or factor[1] < bounds[0]:
            raise error
        lower, upper = sorted(factor)
        return lower, upper
    if not is_number(factor) or not bounds[0] <= factor <= bounds[1]:
        raise error
    return max(-abs(factor), bounds[0]), abs(factor)


def checked_range(
    layer: str, factor: Any, name: str, least: float, open_below: bool = False,
    mirrored: bool = True,
) -> tuple[float, float]:  # fmt: skip
    """As `checked_factor`, with both ends between `least` (exclusive if `open_below`)
    and 1; one number n means that from -n, or 0 unless `mirrored`, to n."""
    ends = factor if _pair(factor) else [factor]
    for end in ends:
        low = is_number(end) and (end > least if open_below else end >= least)
        if not low or end > 1:
            raise ValueError(
                f"{layer}: the `{name}` argument should be a number (or a list of two "
                f"numbers) in the range {'(' if open_below else '['}{least}, 1.0]. "
                f"Received: {name}={factor!r}"
            )
    if len(ends) == 2:
        lower, upper = sorted(ends)
        return lower, upper
    return (-abs(factor) if mirrored else 0), abs(factor)


def checked_value_range(layer: str, value_range: Any) -> list[float]:
    """The least and the greatest value of pixels."""
    if not _pair(value_range) or value_range[0] == value_range[1]:
        raise ValueError(
            f"{layer}: the `value_range` argument should be a list of two different "
            f"numbers. Received: value_range={value_range!r}"
        )
    return sorted(value_range)


def checked_choice(layer: str, name: str, value: Any, known: Any) -> Any:
    """One of the known values."""
    if value not in known:
        raise NotImplementedError(
            f"{layer}: unknown `{name}` {value!r}. Expected one of {tuple(known)}."
        )
    return value


def checked_sides(layer: str, height: Any, width: Any) -> tuple[int, int]:
    """Height and width, both positive integers."""
    for name, n in (("height", height), ("width", width)):
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(
                f"{layer}: the `{name}` argument should be a positive integer. "
                f"Received: {name}={n!r}"
            )
    return height, width


def change_range(images: Any, source: Any, target: Any) -> Any:
    """Floats of one range of values brought to another."""
    if tuple(source) == tuple(target):
        return images
    shares = (images - source[0]) / (source[1] - source[0])
    return shares * (target[1] - target[0]) + target[0]
