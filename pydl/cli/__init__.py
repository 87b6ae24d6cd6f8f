"""The command line: ``python -m pydl info | train | inspect``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pydl.cli import info, inspect, train


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m pydl", description="Deep learning with Keras's API."
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (info, train, inspect):
        command.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit status: 0, or 1 with a message on stderr."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"pydl: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pydl: stopped", file=sys.stderr)
        return 130
    return 0
