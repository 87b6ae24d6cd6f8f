"""One owner of a GPU's memory: CuPy's arrays from pydl's pool.

Two pools beside each other would each hold what the other lacks. A block goes back and
forth without waiting for the GPU: whoever gets it is ordered, by events, behind the
work that is still under way on it.
"""

from __future__ import annotations

import os
from typing import Any

from pydl import _core


class SharedPool:
    """Memory for CuPy, in the form of its `PythonFunctionAllocator`."""

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._held: dict[tuple[int, int], _core.DeviceArray] = {}

    def allocate(self, nbytes: int, device: int) -> int:
        """The address of so many bytes. MemoryError where there are none left."""
        place = f"cuda:{device}"
        block = _core.DeviceArray(place, "uint8", (max(nbytes, 1),))
        _core.make_stream_wait(place, self._stream())
        self._held[device, block.ptr] = block
        return block.ptr

    def free(self, address: int, device: int) -> None:
        """Give a block back, behind what CuPy's present stream still does with it."""
        _core.wait_for_stream(f"cuda:{device}", self._stream())
        del self._held[device, address]

    def _stream(self) -> int:
        return int(self._cupy.cuda.get_current_stream().ptr)


def share_pool(cupy: Any) -> None:
    """Let CuPy allocate from pydl's pool, unless its user has chosen an allocator or
    set ``PYDL_CUPY_POOL=0``. Arrays that exist keep their memory."""
    owner = getattr(cupy.cuda.get_allocator(), "__self__", None)
    default = owner is cupy.get_default_memory_pool()
    if not default or os.environ.get("PYDL_CUPY_POOL") == "0":
        return
    pool = SharedPool(cupy)
    allocator = cupy.cuda.PythonFunctionAllocator(pool.allocate, pool.free)
    cupy.cuda.set_allocator(allocator.malloc)
