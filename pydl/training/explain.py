"""What the programs of a model do, instruction by instruction."""

from __future__ import annotations

from typing import Any

from pydl.plan.explain import PlanTable
from pydl.runtime.program import CompiledProgram


def explain_model(model: Any) -> list[PlanTable]:
    """One table for each program the model has at present, evictions noted."""
    tables: list[PlanTable] = []
    for holder in (model._training, model._predictor):
        if holder is None:
            continue
        for item in holder.programs.values():
            program = getattr(item, "step", getattr(item, "program", item))
            if isinstance(program, CompiledProgram):
                table = program.explain()
                table.notes = [*table.notes, *holder.programs.notes]
                tables.append(table)
    return tables
