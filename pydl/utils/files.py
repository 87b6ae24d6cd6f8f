"""Files from the network, kept in a cache and checked."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydl.utils.progbar import print_message

_ALGORITHMS = ("auto", "sha256", "md5")


def cache_root() -> Path:
    """Where `get_file` keeps files: ``PYDL_HOME``, else ``~/.pydl``."""
    return Path(os.environ.get("PYDL_HOME") or Path.home() / ".pydl")


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of a file, which is downloaded unless it is in the cache.

    Args:
        fname: its name in the cache; None: the end of the address.
        origin: the address.
        untar, extract: unpack an archive; the path is then that of the folder.
        md5_hash, file_hash: what the content must hash to.
        cache_subdir: folder in the cache.
        hash_algorithm: ``"sha256"``, ``"md5"`` or ``"auto"``: by the hash's length.
        archive_format: ``"tar"``, ``"zip"`` or ``"auto"``.
        cache_dir: the cache; None: the environment's ``PYDL_HOME``, else ``~/.pydl``.
        force_download: download although it is there.

    Raises:
        ValueError: the content does not have the hash, or an argument is wrong.
        OSError: no connection; the message says where the file can be put by hand.
    """
    if origin is None:
        raise ValueError(
            'Please specify the "origin" argument (URL of the file to download).'
        )
    wanted = file_hash if file_hash is not None else md5_hash
    name = _checked_name(fname, origin, hash_algorithm)
    folder = Path(cache_dir or cache_root()).expanduser() / cache_subdir
    unpack = extract or untar
    archive = folder / (f"{name}_archive" if unpack and "." not in name else name)
    _fetch(origin, archive, wanted, hash_algorithm, force_download)
    if not unpack:
        return str(archive)
    stem = name.partition(".")[0]
    target = folder / (f"{stem}_extracted" if "." in name and fname else stem)
    _unpack(archive, target, "tar" if untar else archive_format)
    return str(target)


def _checked_name(fname: Any, origin: str, hash_algorithm: str) -> str:
    """The name in the cache."""
    if hash_algorithm not in _ALGORITHMS:
        raise ValueError(
            f"hash_algorithm: expected one of {_ALGORITHMS}, received "
            f"{hash_algorithm!r}"
        )
    name = os.fspath(fname) if fname else Path(urlsplit(origin).path).name
    if not name:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. Please "
            "specify the `fname` argument."
        )
    if os.sep in name:
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the "
            "file's parent directory, use the `cache_dir` argument. Received: "
            f"fname={name}"
        )
    return name


def _fetch(
    origin: str, path: Path, wanted: str | None, algorithm: str, again: bool
) -> None:
    if path.exists() and not again:
        if wanted is None or matches(path, wanted, algorithm):
            return
        print_message(f"{path} does not have the hash {wanted}: downloading it again")
    path.parent.mkdir(parents=True, exist_ok=True)
    print_message(f"Downloading data from {origin}")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        _download(origin, Path(temporary), path)
        if wanted is not None and not matches(Path(temporary), wanted, algorithm):
            raise ValueError(
                f"Incomplete or corrupted file detected: {origin} does not have the "
                f"hash {wanted}."
            )
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _download(origin: str, target: Path, path: Path) -> None:
    request = importlib.import_module("urllib.request")  # slow, and seldom needed
    try:
        with request.urlopen(origin, timeout=30) as response, open(target, "wb") as out:
            shutil.copyfileobj(response, out)
    except OSError as error:
        raise OSError(
            f"URL fetch failure on {origin}: {error}. Download it on a machine that "
            f"can and put it at {path}."
        ) from error


def matches(path: Path, wanted: str, algorithm: str = "auto") -> bool:
    """Whether a file has this hash."""
    if algorithm == "auto":
        algorithm = "sha256" if len(wanted) == 64 else "md5"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == wanted


def _unpack(archive: Path, target: Path, archive_format: Any) -> None:
    """Unpack once; members outside the folder are refused."""
    if target.is_dir() and any(target.iterdir()):
        return
    formats = ["tar", "zip"] if archive_format == "auto" else archive_format
    formats = [formats] if isinstance(formats, str) else formats
    target.mkdir(parents=True, exist_ok=True)
    if "tar" in formats and tarfile.is_tarfile(archive):
        _unpack_tar(archive, target)
    elif "zip" in formats and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            file.extractall(target)
    else:
        raise ValueError(
            f"{archive}: expected an archive of format {formats}, which it is not"
        )


def _unpack_tar(archive: Path, target: Path) -> None:
    root = target.resolve()
    with tarfile.open(archive) as tar:
        for member in tar:
            place = (root / member.name).resolve()
            plain = member.isfile() or member.isdir()
            if not plain or not place.is_relative_to(root):
                raise ValueError(
                    f"{archive}: expected plain files and folders inside the archive, "
                    f"received the member {member.name!r}"
                )
            tar.extract(member, root, set_attrs=False)
