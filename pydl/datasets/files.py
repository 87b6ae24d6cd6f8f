"""Files that are downloaded once, checked, and kept."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_CHUNK = 1 << 18
_TIMEOUT_SECONDS = 30.0


def cache_folder(kind: str = "datasets") -> Path:
    """Where downloads of a kind are kept."""
    return Path.home() / ".pydl" / kind


@dataclass(frozen=True)
class RemoteFile:
    """A file with a known address and content."""

    name: str
    url: str
    #: What the content hashes to: SHA-256, or MD5 where only that is published; None
    #: where neither is.
    sha256: str | None = None
    md5: str | None = None
    #: The folder of the cache it is kept in.
    folder: str = "datasets"

    @property
    def cached(self) -> Path:
        """Where a download is kept."""
        return cache_folder(self.folder) / self.name

    def locate(self, path: str) -> Path:
        """The file on this machine; downloads it when `path` is nowhere.

        Looks for `path` as it is, under ``PYDL_DATA_DIR`` and in the cache. Only the
        name this file is known by is downloaded.
        """
        place = self.at_hand(path)
        if place is not None:
            return place
        if path != self.name:
            raise FileNotFoundError(
                self._not_found(path, "it is in none of these places")
            )
        cached = self.cached
        try:
            self._download(cached)
        except OSError as error:
            raise OSError(self._not_found(path, f"{self.url}: {error}")) from error
        return cached

    def at_hand(self, path: str) -> Path | None:
        """The file, if it need not be downloaded."""
        for place in self._own_places(path):
            if place.is_file():
                return place
        cached = self.cached
        known = path == self.name and cached.is_file()
        return cached if known and self._problem(cached) is None else None

    def _own_places(self, path: str) -> list[Path]:
        folder = os.environ.get("PYDL_DATA_DIR")
        places = [Path(path).expanduser()]
        if folder:
            places.append(Path(folder).expanduser() / path)
        return places

    def _not_found(self, path: str, why: str) -> str:
        places = [*self._own_places(path), self.cached]
        listed = ", ".join(str(place.absolute()) for place in places)
        return (
            f"no file {path!r}: {why}. Download {self.url} on a machine that can, and "
            f"put it at one of: {listed}; or set PYDL_DATA_DIR to the folder it is in."
        )

    def _problem(self, path: Path) -> str | None:
        """What is wrong with a file's content."""
        for label, kind, wanted in (
            ("SHA-256", "sha256", self.sha256),
            ("MD5", "md5", self.md5),
        ):
            if wanted is not None and _digest(path, kind) != wanted:
                found = _digest(path, kind)
                return f"expected a file with {label} {wanted}, received {found}"
        return None

    def _download(self, target: Path) -> None:
        """Fetches, checks, and only then gives the file its name."""
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{self.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                request = urllib.request.urlopen(self.url, timeout=_TIMEOUT_SECONDS)
                with request as response:
                    _copy(response, out, self.name)
                out.flush()
                os.fsync(out.fileno())
            problem = self._problem(Path(temporary))
            if problem is not None:
                raise OSError(problem)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise


def _copy(response: Any, out: IO[bytes], name: str) -> None:
    """Copies a response to a file, showing progress."""
    total = int(response.headers.get("Content-Length") or 0)
    done = 0
    while chunk := response.read(_CHUNK):
        out.write(chunk)
        done += len(chunk)
        _show_progress(name, done, total)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    elif done:
        print(f"downloaded {name}: {done / 1e6:.1f} MB", file=sys.stderr)


def _show_progress(name: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        share = f" of {total / 1e6:.1f}" if total else ""
        print(
            f"\rdownloading {name}: {done / 1e6:.1f}{share} MB", end="", file=sys.stderr
        )


def _digest(path: Path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
