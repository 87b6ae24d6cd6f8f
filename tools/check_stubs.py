"""Checks pydl/_core.pyi against the built extension module.

    python tools/check_stubs.py

First mypy's stubtest: every name in one is in the other. The functions of a pybind11
module have no signature Python can inspect, so parameter names and the places of
defaults are then compared with the first line of each docstring, which pybind11 writes.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STUB = Path(__file__).parent.parent / "pydl" / "_core.pyi"


def stub_signatures() -> Iterator[tuple[str, list[str]]]:
    """(dotted name, parameters) of the stub; ``=`` ends those with a default."""
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, parameters(node)
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.decorator_list:
                    yield f"{node.name}.{member.name}", parameters(member)


def parameters(node: ast.FunctionDef) -> list[str]:
    names = [a.arg for a in node.args.args]
    first_default = len(names) - len(node.args.defaults)
    return [name + "=" * (i >= first_default) for i, name in enumerate(names)]


def native_parameters(doc: str) -> list[str] | None:
    """Parameters in pybind11's docstring line ``name(a: T, b: T = x) -> R``."""
    found = re.match(r"\w+\((.*)\)(?: -> .*)?$", doc.splitlines()[0] if doc else "")
    if found is None:
        return None
    tree = ast.parse(f"def f({re.sub(r'<[^<>]*>', 'None', found[1])}): ...")
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    return parameters(function)


def differences(module: Any) -> Iterator[str]:
    for dotted, expected in stub_signatures():
        target: Any = module
        for part in dotted.split("."):
            target = getattr(target, part, None)
        if target is None:
            yield f"{dotted}: in the stub, not in the module"
            continue
        found = native_parameters(getattr(target, "__doc__", None) or "")
        if found is None:
            yield f"{dotted}: no signature in its docstring"
        elif found != expected:
            yield f"{dotted}: stub has {expected}, module has {found}"


def main() -> int:
    status = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "pydl._core",
            "--mypy-config-file=pyproject.toml",
            "--allowlist=tools/stubtest_allowlist.txt",
            "--ignore-disjoint-bases",
        ],
        cwd=STUB.parent.parent,
        check=False,
    ).returncode
    sys.path.insert(0, str(STUB.parent.parent))
    from pydl import _core

    found = list(differences(_core))
    print("\n".join(found) if found else "stub and module have the same parameters")
    return 1 if status or found else 0


if __name__ == "__main__":
    sys.exit(main())
