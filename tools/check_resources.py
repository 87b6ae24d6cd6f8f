"""Fails when a GPU kernel spills registers or needs more than the table allows.

Compiles every `csrc/kernels/cuda/*.cu` to device code for each architecture below,
reads what ptxas says about each kernel, and compares it with
`csrc/kernels/cuda/resources.json`. Spilled registers are never allowed. Another
compiler may need other numbers: with a version of nvcc that is not the table's, only
spills fail.

    python tools/check_resources.py            # check
    python tools/check_resources.py --update   # write the table anew
    python tools/check_resources.py softmax    # one file, or some
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "csrc" / "kernels" / "cuda"
TABLE = SOURCES / "resources.json"
ARCHITECTURES = ("80", "90a")

ENTRY = re.compile(r"Compiling entry function '(\S+)' for")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


class Resources(NamedTuple):
    """What one thread or block of a kernel takes."""

    registers: int
    shared: int
    stack: int
    spills: int

    def over(self, limit: Resources) -> list[str]:
        """The names of what is more than `limit` has."""
        mine, other = self._asdict(), limit._asdict()
        return [
            f"{key} {mine[key]} > {other[key]}"
            for key in mine
            if mine[key] > other[key]
        ]


Kernels = dict[str, Resources]


def read_log(log: str) -> Kernels:
    """The kernels in the output of ``-Xptxas -v``, by mangled name."""
    found: Kernels = {}
    name, stack, spills = "", 0, 0
    for line in log.splitlines():
        if match := ENTRY.search(line):
            name, stack, spills = match[1], 0, 0
        elif match := STACK.search(line):
            stack, spills = int(match[1]), int(match[2]) + int(match[3])
        elif name and (match := USED.search(line)):
            shared = SHARED.search(line)
            found[name] = Resources(
                int(match[1]), int(shared[1]) if shared else 0, stack, spills
            )
            name = ""
    return found


def without_parameters(name: str) -> str:
    """Up to the first parenthesis outside of template arguments."""
    depth = 0
    for at, character in enumerate(name):
        depth += (character == "<") - (character == ">")
        if character == "(" and depth == 0:
            return name[:at]
    return name


def readable(names: list[str]) -> list[str]:
    """Demangled names, without return types, parameters and our own namespaces."""
    done = subprocess.run(
        ["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True
    )
    own = re.compile(r"pydl::cuda::|\(anonymous namespace\)::|^void ")
    return [without_parameters(own.sub("", x)) for x in done.stdout.splitlines()]


def compile_source(source: Path, architecture: str) -> Kernels:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["nvcc", "-std=c++20", "-cubin", f"-arch=sm_{architecture}", "-Xptxas=-v"]
            + [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'csrc' / 'include'}"]
            + ["-o", str(Path(folder) / "code.cubin"), str(source)],
            capture_output=True,
            text=True,
        )
    if done.returncode != 0:
        raise SystemExit(f"{source.name} for {architecture}:\n{done.stderr}")
    kernels = read_log(done.stdout + done.stderr)
    names = readable(list(kernels))
    if len(set(names)) != len(names):
        raise SystemExit(f"{source.name}: two kernels of one name: {sorted(names)}")
    return dict(sorted(zip(names, kernels.values(), strict=True)))


def compiler() -> str:
    done = subprocess.run(
        ["nvcc", "--version"], capture_output=True, text=True, check=True
    )
    match = re.search(r"release (\d+\.\d+)", done.stdout)
    return match[1] if match else "unknown"


def spilling(place: str, kernels: Kernels) -> list[str]:
    return [
        f"{place}: {name} spills {used.spills} bytes"
        for name, used in kernels.items()
        if used.spills
    ]


def compare(place: str, kernels: Kernels, limits: Kernels) -> list[str]:
    """What is wrong with the kernels of one file, beside spills."""
    problems = []
    for name, used in kernels.items():
        if name not in limits:
            problems.append(f"{place}: {name} is not in the table")
        elif over := used.over(limits[name]):
            problems.append(f"{place}: {name}: {', '.join(over)}")
    gone = sorted(set(limits) - set(kernels))
    return problems + [f"{place}: {name} is in the table only" for name in gone]


def write_table(table: dict[str, dict[str, Kernels]], version: str) -> None:
    """One line for each kernel, so that a change shows as one."""
    lines = [f' "nvcc": {json.dumps(version)}']
    for file, architectures in sorted(table.items()):
        parts = []
        for architecture, kernels in sorted(architectures.items()):
            rows = [
                f"   {json.dumps(name)}: {json.dumps(used._asdict())}"
                for name, used in kernels.items()
            ]
            body = "{\n" + ",\n".join(rows) + "}" if rows else "{}"
            parts.append(f"  {json.dumps(architecture)}: {body}")
        lines.append(f" {json.dumps(file)}: {{\n" + ",\n".join(parts) + "}")
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read_table() -> tuple[dict[str, dict[str, Kernels]], str]:
    if not TABLE.exists():
        return {}, "none"
    content = json.loads(TABLE.read_text())
    version = content.pop("nvcc")
    table = {
        file: {
            architecture: {name: Resources(**used) for name, used in kernels.items()}
            for architecture, kernels in architectures.items()
        }
        for file, architectures in content.items()
    }
    return table, version


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the table anew")
    parser.add_argument("files", nargs="*", help="stems of files; all when none")
    options = parser.parse_args()
    if shutil.which("nvcc") is None:
        print("nvcc is not here: nothing checked")
        return 0
    table, written_by = read_table()
    version = compiler()
    problems: list[str] = []
    stems = options.files or sorted(path.stem for path in SOURCES.glob("*.cu"))
    if unknown := [stem for stem in stems if not (SOURCES / f"{stem}.cu").exists()]:
        parser.error(f"no such kernel files: {unknown}")
    for stem in stems:
        for architecture in ARCHITECTURES:
            place = f"{stem}.cu for {architecture}"
            kernels = compile_source(SOURCES / f"{stem}.cu", architecture)
            limits = table.setdefault(stem, {}).get(architecture, {})
            problems += spilling(place, kernels)
            if not options.update and version == written_by:
                problems += compare(place, kernels, limits)
            table[stem][architecture] = kernels
            most = max((used.registers for used in kernels.values()), default=0)
            print(
                f"{place}: {len(kernels)} kernels, at most {most} registers", flush=True
            )
    if options.update:
        write_table(table, version)
    print("\n".join(problems) or "no spills, nothing over its limit")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
