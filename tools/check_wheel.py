"""Checks what was built for others: the wheel and the source archive.

    python tools/check_wheel.py FOLDER

The wheel holds the package, the native library once, the C header and the licences, and
fits its size budget; neither archive holds what is made while working.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

#: Packed and unpacked bytes a CPU wheel may have.
PACKED, UNPACKED = 6_000_000, 20_000_000
WANTED = (
    r"pydl/__init__\.py",
    r"pydl/_core\.[\w-]+\.so",
    r"pydl/libpydl\.so",
    r"pydl/_core\.pyi",
    r"pydl/py\.typed",
    r"pydl/datasets/digits\.npz",
    r"pydl/include/pydl/pydl\.h",
    r"pydl-.*\.dist-info/licenses/LICENSE",
    r"pydl-.*\.dist-info/licenses/NOTICE",
)
ALLOWED = re.compile(
    r"pydl/.*\.(py|pyi|so|npz|h)|pydl/py\.typed|pydl-[^/]*\.dist-info/.*"
)
JUNK = re.compile(r"(^|/)(\.git|\.venv|build|__pycache__|\.\w+_cache)/|\.(so|o|pyc)$")


def wheel_problems(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
    names = [info.filename for info in members]
    found = []
    for pattern in WANTED:
        count = sum(bool(re.fullmatch(pattern, name)) for name in names)
        if count != 1:
            found.append(f"expected one {pattern}, found {count}")
    found += [f"unexpected {name}" for name in names if not ALLOWED.fullmatch(name)]
    unpacked = sum(info.file_size for info in members)
    print(f"{path.name}: {path.stat().st_size:,} bytes, {unpacked:,} unpacked")
    if path.stat().st_size > PACKED or unpacked > UNPACKED:
        found.append(f"above {PACKED:,} bytes packed or {UNPACKED:,} unpacked")
    return found


def sdist_problems(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(names)} files")
    folders = ("CMakeLists.txt", "pyproject.toml", "LICENSE", "cmake", "csrc", "pydl")
    listed = subprocess.run(
        ["git", "ls-files", "--", *folders], capture_output=True, text=True, check=True
    )
    wanted = listed.stdout.split("\n")[:-1]
    found = [f"{name} is missing" for name in wanted if name not in names]
    return found + [f"unexpected {name}" for name in names if JUNK.search(name)]


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        print(f"expected one wheel and one source archive in {folder}")
        return 1
    found = wheel_problems(wheels[0]) + sdist_problems(sdists[0])
    print("\n".join(found) if found else "both hold what they should")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
