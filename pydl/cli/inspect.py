"""``inspect FILE``: what a plan or weight file holds, without running it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from pydl import _core
from pydl.cli.output import bytes_text, print_table, shape_text


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    command = commands.add_parser(
        "inspect", help="the content of a model or weight file"
    )
    command.add_argument("file", metavar="FILE", help="a .pydl or .safetensors file")
    command.add_argument(
        "--code", action="store_true", help="also every instruction of each entry"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prints the tables of a file of either kind."""
    metadata, tensors = read_header(options.file)
    if "plan" in metadata:
        text, _ = _core.read_model(options.file)
        show_plan(json.loads(text), options.code)
    else:
        show_tensors(metadata, tensors)


def read_header(path: str) -> tuple[dict[str, str], list[tuple[str, str, list[int]]]]:
    """Metadata, and (name, dtype, shape) of each tensor, of a safetensors container."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            tensors = []
            for name in file.keys():  # noqa: SIM118 - not a mapping
                part = file.get_slice(name)
                tensors.append((name, part.get_dtype(), part.get_shape()))
            return file.metadata() or {}, tensors
    except SafetensorError as error:
        raise ValueError(
            f"{path}: expected a .pydl or .safetensors file, received one that cannot "
            f"be read: {error}"
        ) from error


def show_tensors(
    metadata: dict[str, str], tensors: list[tuple[str, str, list[int]]]
) -> None:
    """The tensors and metadata of a weight file."""
    rows = [(name, dtype, shape_text(shape)) for name, dtype, shape in tensors]
    print_table("tensors", ("name", "dtype", "shape"), rows)
    if metadata:
        print_table("metadata", ("name", "value"), sorted(metadata.items()))


def show_plan(plan: dict[str, Any], code: bool) -> None:
    """State and entries of a model file."""
    about = [("producer", plan["producer"]), ("version", plan["version"])]
    about += sorted(plan.get("notes", {}).items())
    print_table("plan", ("what", "value"), about)
    rows = [
        (
            s["name"],
            s["dtype"],
            shape_text(s["shape"]),
            "yes" if s["trainable"] else "no",
        )
        for s in plan["state"]
    ]
    print_table("state", ("name", "dtype", "shape", "trainable"), rows)
    for entry in plan["entries"]:
        show_entry(entry, code)


def show_entry(entry: dict[str, Any], code: bool) -> None:
    """Inputs, outputs and instructions of one entry point."""
    title = (
        f"entry {entry['name']!r}: {len(entry['code'])} instructions, "
        f"arena {bytes_text(entry['arena'])}"
    )
    print_table(title, ("port", "name", "dtype", "shape"), ports(entry))
    names = ("op", "inputs", "outputs", "where")
    if code:
        print_table(f"code of {entry['name']!r}", names, instructions(entry))
    else:
        counts: dict[str, int] = {}
        for op, *_ in entry["code"]:
            counts[op] = counts.get(op, 0) + 1
        print_table(
            f"ops of {entry['name']!r}", ("op", "count"), sorted(counts.items())
        )


def ports(entry: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The rows of an entry's inputs and outputs."""
    for kind in ("input", "output"):
        for port in entry[kind + "s"]:
            shape = shape_text(port["shape"])
            if port.get("step"):
                shape += " each pass"
            yield kind, port["name"], port["dtype"], shape


def instructions(entry: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The rows of an entry's code: ops with the shapes they read and write."""
    values = entry["values"]

    def shapes(numbers: list[int]) -> str:
        return " ".join(shape_text(values[number][1]) for number in numbers)

    for op, inputs, outputs, _, *label in entry["code"]:
        yield op, shapes(inputs), shapes(outputs), label[0] if label else ""
