"""Enforces the direction of imports: a module may import its own level and below.

    python tools/check_imports.py [FOLDER OF THE PACKAGE]

Imports under ``if TYPE_CHECKING:`` are exempt: they do not run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

#: From the bottom up. Modules of one level may import each other.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("_core", "config", "lazy", "placement", "tree", "windows"),
    ("graph",),
    ("passes",),
    ("plan",),
    ("runtime",),
    ("ops",),
    ("execution", "objects", "lookup", "kernels", "random"),
    ("dtype_policies", "activations", "initializers", "regularizers", "constraints"),
    ("losses", "metrics", "optimizers", "mixed_precision"),
    ("layers", "backend"),
    ("models", "training", "callbacks", "saving"),
    ("utils", "datasets", "preprocessing", "applications", "distribution"),
    ("cli",),
    ("__main__", "__init__"),
)
RANK = {name: rank for rank, names in enumerate(LEVELS) for name in names}


def type_checking(node: ast.If) -> bool:
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one, less the bodies of ``if TYPE_CHECKING:``."""
    for child in ast.iter_child_nodes(node):
        yield child
        if isinstance(child, ast.If) and type_checking(child):
            for other in child.orelse:
                yield other
                yield from running_nodes(other)
        else:
            yield from running_nodes(child)


def from_target(node: ast.ImportFrom, package: list[str]) -> list[str]:
    """The module an ``import from`` names, as parts, relative dots resolved."""
    base = package[: len(package) - node.level + 1] if node.level else []
    return base + (node.module.split(".") if node.module else [])


def imports(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """(line, top-level part of pydl) of every import of pydl that runs."""
    package = [root.name, *path.relative_to(root).parts[:-1]]
    for node in running_nodes(ast.parse(path.read_text(), str(path))):
        targets: list[list[str]] = []
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = from_target(node, package)
            names = [alias.name for alias in node.names]
            targets = [[*base, name] for name in names] if len(base) == 1 else [base]
        for target in targets:
            if target[0] == root.name:
                yield node.lineno, target[1] if len(target) > 1 else "__init__"  # type: ignore[attr-defined]


def part_of(path: Path, root: Path) -> str:
    """The part of pydl a file belongs to: ``graph`` of ``pydl/graph/node.py``."""
    return path.relative_to(root).parts[0].removesuffix(".py")


def violations(root: Path) -> list[str]:
    """One line for each import that points up, and for parts without a level."""
    found = []
    for path in sorted(root.rglob("*.py")):
        part = part_of(path, root)
        if part not in RANK:
            found.append(f"{path}: {part!r} has no level in tools/check_imports.py")
            continue
        for line, target in imports(path, root):
            if target not in RANK and (root / f"{target}.py").exists():
                found.append(f"{path}:{line}: {target!r} has no level")
            elif RANK.get(target, RANK["__init__"]) > RANK[part]:
                found.append(f"{path}:{line}: {part} must not import {target}")
    return found


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent / "pydl")
    found = violations(root)
    print("\n".join(found) if found else "imports point down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
