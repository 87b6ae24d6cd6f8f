"""Settings of the whole process: float type, epsilon, image layout, device, precision.

>>> from pydl import config
>>> config.set_device("cpu")  # "cuda" or "cuda:1" on a machine with GPUs
>>> config.device()
'cpu'
"""

from __future__ import annotations

from pydl.placement import current_device as device
from pydl.placement import (
    float32_matmul_precision,
    set_device,
    set_float32_matmul_precision,
)

__all__ = [
    "device", "epsilon", "float32_matmul_precision", "floatx", "image_data_format",
    "set_device", "set_epsilon", "set_float32_matmul_precision", "set_floatx",
    "set_image_data_format", "standardize_data_format",
]  # fmt: skip

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_FORMATS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"


def floatx() -> str:
    """The default float dtype, e.g. ``"float32"``."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype: float16, bfloat16, float32 or float64."""
    global _floatx
    if value not in _FLOATS:
        raise ValueError(f"floatx: expected one of {_FLOATS}, received {value!r}")
    _floatx = value


def epsilon() -> float:
    """The small constant that guards divisions and logarithms."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the small constant that guards divisions and logarithms."""
    global _epsilon
    _epsilon = float(value)


def image_data_format() -> str:
    """``"channels_last"`` or ``"channels_first"``."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default layout of images."""
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """The layout named, or the default one for None."""
    if data_format is None:
        return _image_data_format
    name = str(data_format).lower()
    if name not in _FORMATS:
        raise ValueError(
            f"data_format: expected one of {_FORMATS}, received {data_format!r}"
        )
    return name
