"""Settings of the whole process: float type, epsilon, image layout, device, precision.

>>> from pydl import config
>>> config.set_device("cpu")  # "cuda" or "cuda:1" on a machine with GPUs
>>> config.device()
'cpu'
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from pydl.placement import current_device as device
from pydl.placement import (
    float32_matmul_precision,
    set_device,
    set_float32_matmul_precision,
)

__all__ = [
    "backend", "device", "disable_flash_attention", "disable_interactive_logging",
    "disable_traceback_filtering", "dtype_policy", "enable_flash_attention",
    "enable_interactive_logging", "enable_traceback_filtering",
    "enable_unsafe_deserialization", "epsilon", "float32_matmul_precision", "floatx",
    "image_data_format", "is_flash_attention_enabled",
    "is_interactive_logging_enabled", "is_nnx_enabled",
    "is_traceback_filtering_enabled", "max_epochs", "max_steps_per_epoch",
    "set_backend", "set_device", "set_dtype_policy", "set_epsilon",
    "set_float32_matmul_precision", "set_floatx", "set_image_data_format",
    "set_max_epochs", "set_max_steps_per_epoch", "standardize_data_format",
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


def backend() -> str:
    """The name of what computes: always ``"pydl"``."""
    return "pydl"


def set_backend(backend: str) -> None:
    """Raises ValueError for any name but ``"pydl"``."""
    if backend != "pydl":
        raise ValueError(f"backend: expected 'pydl', received {backend!r}")


def is_nnx_enabled() -> bool:
    """False: there is no JAX below."""
    return False


def dtype_policy() -> Any:
    """The policy of layers that are given none."""
    return importlib.import_module("pydl.dtype_policies").default_policy()


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that are given none, by name or as an object."""
    importlib.import_module("pydl.dtype_policies").set_default_policy(policy)


_interactive_logging = True
_traceback_filtering = True
_flash_attention: bool | None = None
_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the standard output rather than to `logging`."""
    return _interactive_logging


def enable_interactive_logging() -> None:
    """Send progress to the standard output."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress to Python's `logging`, under the name ``"pydl"``."""
    global _interactive_logging
    _interactive_logging = False


def is_traceback_filtering_enabled() -> bool:
    """What was set last; pydl's tracebacks are short as they are."""
    return _traceback_filtering


def enable_traceback_filtering() -> None:
    """Kept for Keras's sake; pydl shows whole tracebacks."""
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Kept for Keras's sake; pydl shows whole tracebacks."""
    global _traceback_filtering
    _traceback_filtering = False


def is_flash_attention_enabled() -> bool | None:
    """Whether attention may use a fused kernel; None: left to pydl."""
    return _flash_attention


def enable_flash_attention() -> None:
    """Let attention use a fused kernel."""
    global _flash_attention
    _flash_attention = True


def disable_flash_attention() -> None:
    """Keep attention from using a fused kernel."""
    global _flash_attention
    _flash_attention = False


def enable_unsafe_deserialization() -> None:
    """Warns: pydl never runs code from a file, so there is nothing to enable."""
    warnings.warn(
        "enable_unsafe_deserialization() has no effect: pydl never runs code from a "
        "file. Register classes and functions instead.",
        stacklevel=2,
    )


def _checked_limit(name: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or int(value) < 1):
        raise ValueError(f"{name}: expected an int >= 1 or None, received {value!r}")
    return None if value is None else int(value)


def max_epochs() -> int | None:
    """The most epochs a `fit` makes, whatever it is asked for; None: no limit."""
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`."""
    global _max_epochs
    _max_epochs = _checked_limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most steps an epoch of `fit` has; None: no limit."""
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of every epoch of `fit`."""
    global _max_steps_per_epoch
    _max_steps_per_epoch = _checked_limit("max_steps_per_epoch", max_steps_per_epoch)
