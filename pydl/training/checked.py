"""Compiled steps under `debug_numerics`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl.runtime import gpu, numerics
from pydl.runtime.program import CompiledProgram
from pydl.training.eager import EagerStep


class CheckedStep:
    """Runs compiled. Where that leaves NaN or infinities, the variables get back what
    they were and the passes run again op by op, up to the op that makes them."""

    def __init__(self, program: CompiledProgram, by_op: EagerStep) -> None:
        self.program = program
        self._by_op = by_op

    def run_fast(
        self, inputs: Sequence[Any], outputs: Sequence[Any], wait: bool = True
    ) -> None:
        """As `CompiledProgram.run_fast`; raises `NumericsError`."""
        before = numerics.Snapshot(self.program.info.written)
        self.program.run_fast(inputs, outputs)
        found = before.first_bad([gpu.to_host(out) for out in outputs])
        if found:
            before.restore()
            self._by_op.run_fast(inputs, outputs)
            raise numerics.not_found_again(self.program.name, found)

    def finish(self) -> None:
        """Passes are looked at, and so have run, when they return."""
