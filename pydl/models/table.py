"""Tables drawn with box characters."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def draw(
    columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]
) -> list[str]:
    """The lines of a table. Long cells are wrapped; numbers' column is set right.

    Args:
        columns: the heads; ``"Param #"`` is set right.
        rows: the cells.
        widths: width of each column with its padding of one blank on each side.
    """
    right = [name == "Param #" for name in columns]
    lines = [_rule("┏", "┳", "┓", "━", widths)]
    lines += _row(columns, widths, right, "┃")
    lines.append(_rule("┡", "╇", "┩", "━", widths))
    for index, row in enumerate(rows):
        if index:
            lines.append(_rule("├", "┼", "┤", "─", widths))
        lines += _row(row, widths, right, "│")
    lines.append(_rule("└", "┴", "┘", "─", widths))
    return lines


def _rule(left: str, middle: str, right: str, line: str, widths: Sequence[int]) -> str:
    return left + middle.join(line * width for width in widths) + right


def _row(
    cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], border: str
) -> list[str]:
    wrapped = [
        _wrap(cell, width - 2) for cell, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for i in range(max(map(len, wrapped))):
        parts = []
        for lines_of_cell, width, at_right in zip(wrapped, widths, right, strict=True):
            text = lines_of_cell[i] if i < len(lines_of_cell) else ""
            parts.append(
                f" {text.rjust(width - 2) if at_right else text.ljust(width - 2)} "
            )
        lines.append(border + border.join(parts) + border)
    return lines


def _wrap(text: str, width: int) -> list[str]:
    indent = len(text) - len(text.lstrip())
    return textwrap.wrap(
        text.lstrip(),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * min(indent, width - 1),
    ) or [""]
