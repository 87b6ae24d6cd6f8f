"""Names of layers, losses, metrics and variables."""

from __future__ import annotations

import re
import threading
from collections import defaultdict

_lock = threading.Lock()
_counts: defaultdict[str, int] = defaultdict(int)
_uids: defaultdict[str, int] = defaultdict(int)


def to_snake_case(name: str) -> str:
    """``"LeakyReLU"`` -> ``"leaky_re_lu"``, as Keras names layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`prefix` the first time, then ``prefix_1``, ``prefix_2``, ..."""
    prefix = to_snake_case(prefix)
    with _lock:
        count = _counts[prefix]
        _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def next_uid(prefix: str) -> int:
    """1 for the first call with this prefix, then 2, 3, ..."""
    with _lock:
        _uids[prefix] += 1
        return _uids[prefix]


def reset_names() -> None:
    """Start numbering again."""
    with _lock:
        _counts.clear()
        _uids.clear()
