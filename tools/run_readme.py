"""Runs the Python code blocks of Markdown files, each in a fresh interpreter.

    python tools/run_readme.py README.md docs/*.md

Blocks of one file run in order in one folder, so a later block may read what an earlier
one wrote. A block after the line ``<!-- not run -->`` is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"(<!-- not run -->\n+)?^```python\n(.*?)^```$", re.M | re.S)
ROOT = Path(__file__).parent.parent


def blocks(text: str) -> list[tuple[int, str]]:
    """(line, code) of the blocks to run."""
    return [
        (text.count("\n", 0, found.start(2)) + 1, found[2])
        for found in BLOCK.finditer(text)
        if not found[1]
    ]


def run(code: str, folder: str) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def main(arguments: list[str]) -> int:
    failed = count = 0
    for name in arguments:
        with tempfile.TemporaryDirectory() as folder:
            for line, code in blocks(Path(name).read_text()):
                count += 1
                done = run(code, folder)
                if done.returncode:
                    failed += 1
                    print(f"{name}:{line}: failed\n{done.stdout}{done.stderr}")
    print(f"{count} code blocks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
