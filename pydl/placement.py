"""Where ops and programs run: the processor, or a GPU.

One choice for the process (`set_device`, else the environment's PYDL_DEVICE, else the
CPU), another one inside ``with device("cuda:0"):``, for the thread that says so.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pydl import _core

CPU = "cpu"
#: What others call the same machines.
_KINDS = {"cpu": CPU, "cuda": "cuda", "gpu": "cuda"}
_NAME = re.compile(r"/?(?:device:)?([a-z]+)(?::(\d{1,9}))?")

_default: str | None = None  # None: the environment has not been asked yet


class _Local(threading.local):
    """The blocks a thread is in, the innermost last."""

    def __init__(self) -> None:
        self.stack: list[str] = []


_local = _Local()


@dataclass(frozen=True)
class DeviceInfo:
    """A machine programs can run on. `name` is what `device` and `set_device` take."""

    name: str
    title: str
    memory_bytes: int
    free_bytes: int
    compute_capability: tuple[int, int] | None = None
    processors: int = 0

    def __repr__(self) -> str:
        total, free = self.memory_bytes / 2**30, self.free_bytes / 2**30
        return f"<{self.name}: {self.title}, {free:.1f} of {total:.1f} GiB free>"


def devices() -> list[DeviceInfo]:
    """The machines there are: the CPU first, then every GPU.

    Asking a GPU for its memory starts it, which takes a moment the first time.

    >>> [found.name for found in devices()][0]
    'cpu'
    """
    found = [_processor()]
    for index in range(_core.devices()["count"]):
        known = _core.device_info(f"cuda:{index}")
        found.append(
            DeviceInfo(
                known["device"], known["name"], known["total_bytes"],
                known["free_bytes"], known["compute_capability"], known["processors"],
            )
        )  # fmt: skip
    return found


def _processor() -> DeviceInfo:
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    free = page * os.sysconf("SC_AVPHYS_PAGES")
    known = _core.info()
    title = f"{known['isa']}, {known['threads']} threads"
    return DeviceInfo(CPU, title, total, free)


def standardize_device(name: Any) -> str:
    """ "cpu" or "cuda:<number>" for a name as users write it.

    Raises ValueError for a machine that is not there, saying which are, or what the
    use of a GPU lacks.

    >>> standardize_device("CPU:0")
    'cpu'
    """
    match = _NAME.fullmatch(name.lower()) if isinstance(name, str) else None
    kind = _KINDS.get(match[1]) if match else None
    if match is None or kind is None:
        raise ValueError(
            "device: expected 'cpu', 'cuda' or 'cuda:<number>' ('gpu' means 'cuda'), "
            f"received {name!r}"
        )
    index = int(match[2] or 0)
    if kind == CPU:
        if index:
            raise ValueError(f"device: there is one CPU, 'cpu', received {name!r}")
        return CPU
    found = _core.devices()
    if not found["count"]:
        raise ValueError(f"device: {name!r} cannot be used: {found['missing']}")
    if index >= found["count"]:
        there = ", ".join(f"cuda:{i}" for i in range(found["count"]))
        raise ValueError(f"device: there is no {name!r}, there are cpu, {there}")
    return f"cuda:{index}"


def set_device(name: str) -> None:
    """Run everything from here on on this machine: "cpu", "cuda" or "cuda:1".

    Models move with their next call: a `Variable` has one value, wherever it is used.

    >>> set_device("cpu")
    """
    global _default
    _default = standardize_device(name)


def current_device() -> str:
    """Where ops and programs of this thread run now: "cpu" or "cuda:<number>"."""
    stack = _local.stack
    if stack:
        return stack[-1]
    return _default if _default is not None else _from_environment()


def _from_environment() -> str:
    name = os.environ.get("PYDL_DEVICE") or CPU
    try:
        set_device(name)
    except ValueError as error:
        raise ValueError(f"PYDL_DEVICE={name}: {error}") from None
    return current_device()


class device:  # noqa: N801 - keras.device
    """A block whose ops and programs run on a machine, for this thread.

    >>> with device("cpu"):
    ...     current_device()
    'cpu'
    """

    def __init__(self, device_name: str) -> None:
        self.name = standardize_device(device_name)

    def __enter__(self) -> device:
        _local.stack.append(self.name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        _local.stack.pop()

    def __repr__(self) -> str:
        return f"device({self.name!r})"


#: Precisions of float32 products by the names users know: how C++ calls them.
PRECISIONS = {
    "exact": "exact",
    "highest": "float32",
    "high": "tensorfloat32",
    "medium": "bfloat16",
}
_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """How exact float32 products and convolutions have to be, where there is a choice.

    Args:
        precision: "exact": sums of products. "highest": as exact as float32, also by
            Winograd's way to convolve: the relative 2-norm of the error is below 1e-5
            ("exact": 1e-6), and a NaN or an infinity may make all of the 4x4 places NaN
            that are computed with it, also those that do not see it.
            "high": operands rounded to TensorFloat-32 (10 bits of mantissa). "medium":
            to bfloat16 (7 bits). Sums are always of float32.

    >>> set_float32_matmul_precision("highest")
    """
    global _precision
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision: expected one of {tuple(PRECISIONS)}, received {precision!r}"
        )
    _precision = precision


def float32_matmul_precision() -> str:
    """ "exact", "highest", "high" or "medium"; see `set_float32_matmul_precision`."""
    return _precision


def machine() -> tuple[str, str]:
    """What a program is bound for: the present device and precision. Part of the key of
    every cached program."""
    return current_device(), PRECISIONS[_precision]
