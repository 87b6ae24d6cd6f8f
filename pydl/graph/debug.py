"""The debug level, from the environment.

====================  ===========================================================
``PYDL_DEBUG``        prints to stderr
====================  ===========================================================
1                     each new trace: name, nodes, milliseconds to plan
2                     also, per run, one line per instruction: time, GFLOPS, GB/s
3                     also the graph after each pass
4                     also the plan text
====================  ===========================================================

``PYDL_VERIFY=1`` checks the graph after each pass (always so under pytest).
"""

from __future__ import annotations

import os
import sys


def debug_level() -> int:
    """``PYDL_DEBUG`` as a number, 0 when it is unset."""
    text = os.environ.get("PYDL_DEBUG", "")
    if not text:
        return 0
    if not text.isdecimal():
        raise ValueError(
            f"PYDL_DEBUG: expected a number from 0 to 4, received {text!r}"
        )
    return int(text)


def verifying() -> bool:
    """Whether graphs are checked after each pass."""
    return (
        os.environ.get("PYDL_VERIFY", "") not in ("", "0")
        or "PYTEST_CURRENT_TEST" in os.environ
    )


def note(text: str) -> None:
    """Print a debug message."""
    print(text, file=sys.stderr, flush=True)
