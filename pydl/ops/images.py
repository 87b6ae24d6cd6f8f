"""Images in either layout: `[N, spatial..., C]` and `[N, C, spatial...]`.

Ops take the channels last; the other layout is transposed on the way in and out.
"""

from __future__ import annotations

from typing import Any

from pydl.config import standardize_data_format
from pydl.ops.shape import move_from_last, move_to_last


def check_images(name: str, x: Any) -> None:
    """Raise ValueError unless `x` has a batch axis, channels and one to three spatial
    axes."""
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"{name}: expected inputs of a batch axis, one to three spatial axes and "
            f"channels, received shape {x.shape}"
        )


def channels_last(x: Any, data_format: str | None) -> Any:
    """Images of a layout (None: the configured one), channels moved last."""
    first = standardize_data_format(data_format) == "channels_first"
    return move_to_last(x, 1) if first else x


def in_format(x: Any, data_format: str | None) -> Any:
    """Channels-last images in a layout: what undoes `channels_last`."""
    first = standardize_data_format(data_format) == "channels_first"
    return move_from_last(x, 1) if first else x


def spatial_sizes(x: Any) -> list[int]:
    """The sizes between the batch axis and the channels, which are last."""
    return list(x.shape[1:-1])
