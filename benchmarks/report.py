"""Figures: what was asked, what was measured, the verdict; text, JSON, PNG."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One figure. `good` says whether `measured` meets `bar` (both in `unit`)."""

    what: str
    bar: float
    measured: float
    unit: str
    peer: str = ""
    least: bool = True  # the bar is a minimum; False: a maximum

    @property
    def good(self) -> bool:
        if self.least:
            return self.measured >= self.bar
        return self.measured <= self.bar

    def cells(self) -> list[str]:
        sign = ">=" if self.least else "<="
        verdict = "ok" if self.good else "MISSED"
        bar = f"{sign} {self.bar:g}{self.unit}"
        return [self.what, bar, f"{self.measured:.3g}{self.unit}", self.peer, verdict]


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    lines = [["figure", "bar", "measured", "peer", "verdict"]]
    lines += [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def store(name: str, rows: list[Row], details: dict[str, Any]) -> Path:
    """Write the dated JSON and, where matplotlib is there, a picture beside it.

    A later run of the same day replaces the figures and timings it measured and keeps
    the others; the machine and its limits are those of the last run.
    """
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{datetime.date.today():%Y-%m-%d}-{name}"
    path = stem.with_suffix(".json")
    stored = json.loads(path.read_text()) if path.exists() else {}
    rows = _rows(stored.get("figures", []), rows)
    figures = [{**asdict(row), "good": row.good} for row in rows]
    document = {"name": name, "figures": figures, **details}
    document["timings"] = _timings(
        stored.get("timings", []), details.get("timings", [])
    )
    path.write_text(json.dumps(document, indent=1) + "\n")
    draw(rows, stem.with_suffix(".png"))
    return path


def _rows(stored: list[dict[str, Any]], rows: list[Row]) -> list[Row]:
    """The stored rows with those measured again put in their places."""
    names = {field.name for field in fields(Row)}
    before = [
        Row(**{key: value for key, value in figure.items() if key in names})
        for figure in stored
    ]
    found = {(row.what, row.bar, row.unit): row for row in [*before, *rows]}
    return list(found.values())


def _timings(
    stored: list[dict[str, Any]], timings: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The same for medians; a case is one line for each number of threads."""
    found = {(line["case"], line["threads"]): line for line in [*stored, *timings]}
    return list(found.values())


def draw(rows: list[Row], path: Path) -> None:
    """Measured over bar, one line a figure; to the right of 1 is good."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: matplotlib is not installed (pip install pydl[plot])")
        return
    rows = [row for row in rows if row.bar > 0]  # others are for information
    shares = [
        row.measured / row.bar if row.least else row.bar / max(row.measured, 1e-12)
        for row in rows
    ]
    figure = Figure(figsize=(9, 0.32 * len(rows) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    colors = ["tab:green" if row.good else "tab:red" for row in rows]
    axes.barh([row.what for row in rows], shares, color=colors)
    axes.axvline(1, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("measured / bar (1 and more is good)")
    figure.savefig(path, dpi=110)
