"""What bind chose for each instruction, as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_COLUMNS = ("op", "layer", "kernel", "isa", "pieces", "MFLOP", "KB")
_TIMED = ("us", "GFLOPS", "GB/s")


class PlanTable(Sequence[dict[str, Any]]):
    """One row per instruction: the dicts of `_core.Program.explain`, printable."""

    def __init__(self, name: str, rows: list[dict[str, Any]], notes: list[str]) -> None:
        self.name = name
        self.rows = rows
        self.notes = notes

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    @property
    def seconds(self) -> float:
        """The time of all instructions in the last profiled run, 0 without one."""
        return float(sum(row.get("seconds") or 0.0 for row in self.rows))

    def __repr__(self) -> str:
        timed = any(row.get("seconds") for row in self.rows)
        header = _COLUMNS + (_TIMED if timed else ())
        lines = _aligned([header, *(_cells(row, timed) for row in self.rows)])
        text = [f"plan {self.name}: {len(self.rows)} instructions", lines[0]]
        for line, row in zip(lines[1:], self.rows, strict=True):
            text.append(line)
            text += [f"    not {name}: {why}" for name, why in row.get("refused", ())]
        if timed:
            text.append(f"total {self.seconds * 1e6:.1f} us, run serially")
        return "\n".join(text + self.notes)


def explain(
    name: str, rows: list[dict[str, Any]], notes: Sequence[str] = ()
) -> PlanTable:
    """The table of `_core.Program.explain()`'s rows, each with `gflops` and `gbps`
    where it was timed. Seconds are those of one loop pass."""
    for row in rows:
        seconds = row.get("seconds") or 0.0
        if seconds > 0.0:
            row["gflops"] = row["flops"] / seconds * 1e-9
            row["gbps"] = row["bytes"] / seconds * 1e-9
    return PlanTable(name, rows, list(notes))


def instruction_lines(table: PlanTable) -> list[str]:
    """One line per instruction with its time (PYDL_DEBUG=2)."""
    return _aligned([_cells(row, timed=True) for row in table])


def _cells(row: dict[str, Any], timed: bool) -> tuple[str, ...]:
    cells = (
        str(row.get("op", "")),
        str(row.get("label", "")),
        _kernel(row),
        str(row.get("isa", "")),
        str(row.get("pieces", "")),
        f"{(row.get('flops') or 0.0) * 1e-6:.3f}",
        f"{(row.get('bytes') or 0.0) * 1e-3:.1f}",
    )
    if not timed:
        return cells
    return (
        *cells,
        f"{(row.get('seconds') or 0.0) * 1e6:.2f}",
        f"{row.get('gflops', 0.0):.2f}",
        f"{row.get('gbps', 0.0):.2f}",
    )


def _kernel(row: dict[str, Any]) -> str:
    through = f" through {row['through']}" if row.get("through") else ""
    return f"{row.get('kernel', '')}{through}"


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines with columns of equal width; numbers (from the fifth on) to the right."""
    if not table:
        return []
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < 4 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
