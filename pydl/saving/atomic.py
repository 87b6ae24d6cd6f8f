"""Files that are complete or not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `path`, then put it in place of `path`.

    Whenever the process ends, or the power fails, `path` holds the old content or the
    new.
    """
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"cannot write '{path}': the folder '{folder}' does not exist"
        )
    temporary = folder / f".{path.name}.{os.getpid()}-{os.urandom(6).hex()}.tmp"
    try:
        write(temporary)
        _synchronize(temporary)
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _synchronize(folder)


def _synchronize(path: Path) -> None:
    """Wait until the content of a file, or of a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
