"""Fails when a kernel object could lend its code to another instruction set.

Kernel sources are compiled once per instruction set. An inline function outside the
set's own namespace is a weak symbol: the linker keeps one copy, perhaps the AVX-512
one, and a machine without AVX-512 dies of an illegal instruction. So every symbol such
an object defines has to live in ``pydl::<isa>``.

    python tools/check_symbols.py build/release
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Object libraries of `cmake/kernels.cmake` are called ``pydl_<isa>``.
ISAS = ("baseline", "avx2", "avx512", "neon")
#: nm's letters for symbols other objects can see: weak, unique, code, data, ...
DEFINED = frozenset("WVuTDBRCGSi")


def own_symbol(isa: str) -> re.Pattern[str]:
    """Matches mangled names of ``pydl::<isa>`` with their guards, tables, statics."""
    special = r"(?:GV|GR|GTt|TV|TT|TI|TS|TH|TW|Z)*"
    return re.compile(rf"_Z{special}N[rVKRO]*4pydl{len(isa)}{isa}")


def defined_symbols(path: Path) -> Iterator[tuple[str, str]]:
    """The (letter, mangled name) pairs of the global symbols an object defines."""
    done = subprocess.run(
        ["nm", "--defined-only", "--extern-only", "--format=posix", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        name, letter = line.split()[:2]
        if letter in DEFINED:
            yield letter, name


def strays(path: Path, isa: str) -> list[str]:
    """Symbols an object of one instruction set defines outside its namespace."""
    own = own_symbol(isa)
    return [
        f"{letter} {name}"
        for letter, name in defined_symbols(path)
        if not own.match(name) and not name.startswith(("__asan", "__odr_asan"))
    ]


def kernel_objects(build: Path) -> Iterator[tuple[str, Path]]:
    """(isa, object file) of every per-ISA object library in a build tree."""
    for isa in ISAS:
        for folder in build.glob(f"**/CMakeFiles/pydl_{isa}.dir"):
            for path in sorted(folder.rglob("*.o")):
                yield isa, path


def demangle(names: list[str]) -> str:
    done = subprocess.run(
        ["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True
    )
    return done.stdout.rstrip()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    objects = list(kernel_objects(Path(arguments[0])))
    if not objects:
        print(
            f"no kernel objects under {arguments[0]}: build it first", file=sys.stderr
        )
        return 2
    bad = 0
    for isa, path in objects:
        if names := strays(path, isa):
            bad += len(names)
            print(f"{path}: outside pydl::{isa}:\n{demangle(names)}")
    print(f"{len(objects)} objects, {bad} symbols outside their namespace")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
