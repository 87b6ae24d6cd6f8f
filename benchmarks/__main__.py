"""``python -m benchmarks figures NAME``, ``python -m benchmarks smoke``.

What a GPU does is measured by ``python -m benchmarks.gpu``.
"""

from __future__ import annotations

import argparse
from importlib import import_module


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    figures = commands.add_parser("figures", help="measure an issue's figures table")
    figures.add_argument("name", choices=["spine", "language", "convolution", "cuda"])
    figures.add_argument("--parts", nargs="+", help="some of the table's parts")
    figures.add_argument("--rounds", type=int, default=7)
    figures.add_argument("--seeds", type=int, default=5)
    figures.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    commands.add_parser("smoke", help="every pydl case once: does the benchmark run?")
    commands.add_parser("page", help="write the stored figures into README and docs")
    arguments = parser.parse_args()
    if arguments.command == "smoke":
        from benchmarks.smoke import smoke

        smoke()
        return
    if arguments.command == "page":
        from benchmarks.page import write

        write()
        return
    if arguments.name == "cuda":
        from benchmarks.figures import cuda

        cuda.show()
        return
    table = import_module(f"benchmarks.figures.{arguments.name}")
    parts = arguments.parts or list(table.PARTS)
    unknown = set(parts) - set(table.PARTS)
    if unknown:
        parser.error(f"--parts: expected some of {table.PARTS}, received {unknown}")
    table.run(parts, arguments.rounds, arguments.seeds, arguments.threads)


if __name__ == "__main__":
    main()
