"""The opcodes' families, as C++ names them."""

from __future__ import annotations

from functools import cache

from pydl import _core


@cache
def families() -> dict[str, str]:
    """Opcode name -> family: ``families()["add"] == "elementwise"``."""
    return dict(_core.opcodes())
