"""What layers over spatial axes share."""

from __future__ import annotations

from typing import Any, ClassVar

from pydl import config
from pydl.layers.base import InputSpec, Layer

Pairs = tuple[tuple[int, int], ...]


class Spatial(Layer):
    """A layer over one, two or three axes between the batch and the channels.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``; None:
            `pydl.config.image_data_format`.
    """

    _dims: ClassVar[int]

    def __init__(self, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._dims + 2)
        self.built = True

    @property
    def spatial_axes(self) -> list[int]:
        """The axes between."""
        first = 2 if self.data_format == "channels_first" else 1
        return list(range(first, first + self._dims))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


def pairs(name: str, value: Any, dims: int) -> Pairs:
    """``n``, ``(n, m)`` or ``((a, b), (c, d))`` as one pair per axis.

    One axis takes ``n`` or ``(a, b)``. Raises ValueError for anything else, or for
    numbers below 0.
    """
    given = value
    if isinstance(value, int) and not isinstance(value, bool):
        value = (value,) * dims
    elif dims == 1 and hasattr(value, "__len__") and len(value) == 2:
        value = (value,)
    found = []
    for part in value if hasattr(value, "__len__") else ():
        pair = (part, part) if isinstance(part, int) else tuple(part)
        if len(pair) == 2 and all(isinstance(n, int) and n >= 0 for n in pair):
            found.append(pair)
    if len(found) != dims or len(value) != dims:
        raise ValueError(
            f"`{name}` should be an int, a tuple of {dims} ints, or a tuple of {dims} "
            f"tuples of 2 ints, none below 0. Received: {name}={given}."
        )
    return tuple((int(a), int(b)) for a, b in found)
