"""Prints the files and functions above the size budgets of CONTRIBUTING.md.

    python tools/check_sizes.py

A report, not a gate: some exceptions are right. Exit status 0.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

FILE, KERNEL_FILE, TEST_FILE = 400, 600, 800
FUNCTION, KERNEL = 40, 80
#: A line at the left margin that opens a C++ function body.
OPENING = re.compile(r"^(?!namespace|class|struct|enum|union|extern|#|//)\S.*\{$")


def file_budget(path: Path) -> int:
    if path.parts[0] == "tests":
        return TEST_FILE
    return KERNEL_FILE if path.parts[:2] == ("csrc", "kernels") else FILE


def python_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """(name, line, lines) without the docstring, which is documentation."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                doc = node.body[0]
                lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
            yield node.name, node.lineno, lines


def cpp_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """(signature, line, lines) of bodies that open and close at the left margin."""
    start, name = 0, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if OPENING.match(line) and "(" in line:
            start, name = number, line.split("(")[0].split()[-1]
        elif line.startswith("}") and start:
            yield name, start, number - start + 1
            start = 0


def excesses(path: Path) -> Iterator[str]:
    lines = len(path.read_text().splitlines())
    if lines > file_budget(path):
        yield f"{path}: {lines} lines, budget {file_budget(path)}"
    functions = python_functions if path.suffix == ".py" else cpp_functions
    budget = KERNEL if path.parts[:2] == ("csrc", "kernels") else FUNCTION
    for name, line, length in functions(path):
        if length > budget:
            yield f"{path}:{line}: {name} {length} lines, budget {budget}"


def main() -> None:
    suffixes = ("*.py", "*.cpp", "*.h", "*.c", "*.cu", "*.cuh")
    listed = subprocess.run(
        ["git", "ls-files", *suffixes], capture_output=True, text=True, check=True
    )
    paths = [
        path for line in listed.stdout.splitlines() if (path := Path(line)).exists()
    ]
    found = [line for path in paths for line in excesses(path)]
    print("\n".join([*found, f"{len(paths)} files, {len(found)} above a budget"]))


if __name__ == "__main__":
    main()
