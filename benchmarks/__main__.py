"""``python -m benchmarks figures spine|cuda`` or ``python -m benchmarks smoke``.

What a GPU does is measured by ``python -m benchmarks.gpu``.
"""

from __future__ import annotations

import argparse

PARTS = ["products", "steps", "process", "accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    figures = commands.add_parser("figures", help="measure an issue's figures table")
    figures.add_argument("name", choices=["spine", "cuda"])
    figures.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    figures.add_argument("--rounds", type=int, default=7)
    figures.add_argument("--seeds", type=int, default=5)
    commands.add_parser("smoke", help="every pydl case once: does the benchmark run?")
    arguments = parser.parse_args()
    if arguments.command == "smoke":
        from benchmarks.smoke import smoke

        smoke()
        return
    if arguments.name == "cuda":
        from benchmarks.figures import cuda

        cuda.show()
        return
    from benchmarks.figures import spine

    spine.run(arguments.parts, arguments.rounds, arguments.seeds)


if __name__ == "__main__":
    main()
