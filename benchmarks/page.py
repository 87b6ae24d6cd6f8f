"""Writes the newest stored figures into docs/figures.md, their steps into README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS

ROOT = Path(__file__).parent.parent
NAMES = {
    "spine": "Dense networks",
    "language": "The language",
    "convolution": "Convolutional networks",
}
HEAD = ["| figure | bar | measured | against | |", "|---|---|---|---|---|"]
#: README's table stands between these headings.
BEGIN, END = "### Training steps\n", "## License\n"


def newest(name: str) -> dict[str, Any] | None:
    """The last stored results of a table, with their date."""
    paths = sorted(RESULTS.glob(f"????-??-??-{name}.json"))
    if not paths:
        return None
    return {**json.loads(paths[-1].read_text()), "date": paths[-1].name[:10]}


def line(figure: dict[str, Any]) -> str:
    sign, unit = ">=" if figure["least"] else "<=", figure["unit"]
    bar, verdict = (
        f"{sign} {figure['bar']:g}{unit}",
        "ok" if figure["good"] else "missed",
    )
    if figure["bar"] == 0:
        bar, verdict = "none", ""
    cells = [
        figure["what"],
        bar,
        f"{figure['measured']:.3g}{unit}",
        figure["peer"],
        verdict,
    ]
    return "| " + " | ".join(cells) + " |"


def whole(found: dict[str, dict[str, Any]]) -> str:
    """All tables, with the commands that made them."""
    lines = [
        "# Figures",
        "",
        "Ratios are the others' seconds over pydl's, medians of interleaved rounds;",
        "shares are of limits measured in the same run.",
        "Written by `python -m benchmarks page`.",
    ]
    for name, document in found.items():
        machine = document["machine"]
        lines += [
            "",
            f"## {NAMES[name]}",
            "",
            f"{document['date']}, {machine['processor']}, {machine['cpus']} CPUs:",
            f"`python -m benchmarks figures {name}`",
            "",
            *HEAD,
            *map(line, document["figures"]),
        ]
    return "\n".join(lines) + "\n"


def steps(found: dict[str, dict[str, Any]]) -> str:
    rows = [
        line(figure)
        for document in found.values()
        for figure in document["figures"]
        if figure["what"].startswith("step ") and "embedding" not in figure["what"]
    ]
    return "\n".join([*HEAD, *rows])


def write() -> None:
    documents = {name: newest(name) for name in NAMES}
    found = {name: document for name, document in documents.items() if document}
    (ROOT / "docs" / "figures.md").write_text(whole(found))
    readme = ROOT / "README.md"
    text = readme.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    readme.write_text(f"{text[:begin]}\n{steps(found)}\n\n{text[end:]}")
