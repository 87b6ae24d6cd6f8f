"""Compiled programs: a plan, bound by C++ to kernels, and the state it works on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl.graph.debug import debug_level, note
from pydl.graph.node import Graph
from pydl.passes import prepare, run_passes
from pydl.placement import CPU, machine
from pydl.plan.emit import Emitted, EntryInfo, Port, emit
from pydl.plan.explain import PlanTable, explain, instruction_lines
from pydl.runtime import gpu
from pydl.runtime.variable import Variable, aligned_copy, mirrors_made


def compile_graph(
    graph: Graph, *, fuse: bool = True, isa: str = "", notes: Sequence[str] = ()
) -> CompiledProgram:
    """Optimize a graph, place it in memory and bind it.

    `fuse` False leaves out the passes that change which instructions compute a value,
    to compare with. `isa`: a bundle of kernels; "": those of the present device.
    `notes` are shown by `explain`.
    """
    start = time.perf_counter()
    notes = [*graph.notes, *notes]
    graph = run_passes(graph) if fuse else prepare(graph)
    emitted = emit(graph)
    planned = time.perf_counter()
    program = CompiledProgram(emitted, isa=isa, notes=notes)
    if debug_level() >= 1:
        bound = time.perf_counter()
        note(
            f"pydl: {graph.name}: {len(graph.nodes)} nodes, "
            f"{program.instructions} instructions, {program.arena_bytes} bytes; "
            f"planned in {(planned - start) * 1e3:.1f} ms, "
            f"bound for {program.device or program.isa} in "
            f"{(bound - planned) * 1e3:.1f} ms"
        )
    if debug_level() >= 4:
        note(emitted.text)
    return program


class CompiledProgram:
    """One entry of a plan, ready to run, with its state.

    Safe to run from several threads at once as long as none of them writes variables.
    """

    def __init__(
        self,
        emitted: Emitted,
        entry: int = 0,
        *,
        isa: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        self.plan = emitted
        self.info: EntryInfo = emitted.entries[entry]
        self.notes = list(notes)
        place, precision = machine()
        isa = isa or ("" if place == CPU else place)
        self._program = _core.Program(emitted.text, self.info.name, isa, precision)
        #: The GPU it runs on, "" on the CPU.
        self.device = self._program.device
        self.precision = precision
        written = {id(variable) for variable in self.info.written}
        self._written = self.info.written
        self._printing = debug_level() >= 2
        self._timing = self._printing
        self._seconds: list[float] = []
        #: What the slots of the state stand for; constants at aligned addresses.
        self._items = [
            aligned_copy(item) if isinstance(item, np.ndarray) else item
            for item in emitted.state
        ]
        self._watched = [  # variables others may change
            (slot, item)
            for slot, item in enumerate(self._items)
            if isinstance(item, Variable) and id(item) not in written
        ]
        self._connect()

    def _connect(self) -> None:
        """A state with the variables' buffers and, as far as there are, mirrors. Calls
        that are running keep the one they have."""
        self._mirrors = mirrors_made()
        self._mirrored = self._count_mirrored()
        state = _core.State(len(self._items))
        for slot, item in enumerate(self._items):
            if isinstance(item, np.ndarray):
                state.set(slot, item)
            else:
                mirror = item.mirror if self.device else item.known_mirror
                state.set(slot, item.memory, mirror)
        self._seen = [variable.version for _, variable in self._watched]
        self._state = state

    def _find_mirrors(self) -> None:
        """Variables may have been on a GPU since the last run."""
        self._mirrors = mirrors_made()
        if not self.device and self._count_mirrored() != self._mirrored:
            self._connect()

    def _count_mirrored(self) -> int:
        variables = (item for item in self._items if isinstance(item, Variable))
        return sum(variable.known_mirror is not None for variable in variables)

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def isa(self) -> str:
        """The instruction set the program was bound for."""
        return self._program.isa

    @property
    def arena_bytes(self) -> int:
        return self._program.arena_bytes

    @property
    def instructions(self) -> int:
        return self._program.instructions

    def run(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Run once. Returns all outputs by name, in the given arrays where there are.

        A stepped port takes all passes in one array: the loop count times its shape.
        """
        given, results = self._ports(inputs, outputs or {})
        if self._count(inputs) > 0:
            self.run_fast(given, results)
        return {
            port.name: array
            for port, array in zip(self.info.outputs, results, strict=True)
        }

    def run_fast(
        self, inputs: Sequence[Any], outputs: Sequence[Any], wait: bool = True
    ) -> None:
        """Run once, arrays in the order of `info`'s ports; C++ checks their sizes.

        On a GPU arrays may lie there too. With `wait` False and no outputs it is left
        running: see `finish`.
        """
        if self._mirrors != mirrors_made():
            self._find_mirrors()
        versions = [variable.version for _, variable in self._watched]
        if versions != self._seen:
            self._refresh(versions)
        for variable in self._written:
            variable.release_view()
        try:
            if self._timing:
                self._run_timed(inputs, outputs)
            elif self.device:
                gpu.with_room(
                    lambda: self._program.run(self._state, inputs, outputs, wait)
                )
            else:
                self._program.run(self._state, inputs, outputs)
        finally:
            for variable in self._written:
                variable.version += 1

    def _run_timed(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        seconds = self._program.profile(self._state, inputs, outputs)
        passes = int(inputs[count][0]) if (count := self.info.count) >= 0 else 1
        self._seconds = [total / max(passes, 1) for total in seconds]
        if self._printing:
            note("\n".join(instruction_lines(self.explain())))

    def finish(self) -> None:
        """Wait for runs that were left running; raises their errors."""
        if self.device:
            _core.synchronize(self.device)

    def explain(self) -> PlanTable:
        """What bind chose for each instruction, with times after `profile`."""
        rows = self._program.explain()
        for row, seconds in zip(rows, self._seconds, strict=False):
            row["seconds"] = seconds
        return explain(self.name, rows, [*self._place_notes(rows), *self.notes])

    def _place_notes(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """How exact products are, where that is a choice; how a program on a GPU is
        launched."""
        if not self.device:
            exact = self.precision == "exact"
            return ["float32 products as exact: only sums of products"] * exact
        kinds = {row["kernel"] for row in rows}
        if os.environ.get("PYDL_CUDA_GRAPHS") == "0":
            how = "each kernel launched by itself (PYDL_CUDA_GRAPHS=0)"
        elif "host_walk" in kinds:
            how = "CUDA graphs of the parts between `if` and `loop`, walked by the host"
        elif "graph_node" in kinds:
            how = "one CUDA graph from the second run on, `if` and `loop` as its nodes"
        else:
            how = "one CUDA graph from the second run on"
        return [f"on {self.device}, float32 products as {self.precision}: {how}"]

    def profile(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
    ) -> PlanTable:
        """Run once, serially, timing each instruction, and explain."""
        given, results = self._ports(inputs, outputs or {})
        timing, self._timing = self._timing, True
        try:
            self.run_fast(given, results)
        finally:
            self._timing = timing
        return self.explain()

    def _refresh(self, versions: list[int]) -> None:
        """Tell the state which buffers others have changed since the last run."""
        for (slot, _), new, old in zip(
            self._watched, versions, self._seen, strict=True
        ):
            if new != old:
                self._state.touch(slot)
        self._seen = versions

    def _ports(
        self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> tuple[list[Any], list[Any]]:
        self._check_names("input", inputs, self.info.inputs, required=True)
        self._check_names("output", outputs, self.info.outputs, required=False)
        count = self._count(inputs)
        given = [
            self._checked("input", port, inputs[port.name], count)
            for port in self.info.inputs
        ]
        results = [
            self._checked("output", port, outputs[port.name], count)
            if port.name in outputs
            else self._new(port, count)
            for port in self.info.outputs
        ]
        return given, results

    def _check_names(
        self, kind: str, given: Mapping[str, Any], ports: Sequence[Port], required: bool
    ) -> None:
        names = [port.name for port in ports]
        unknown = [name for name in given if name not in names]
        missing = [name for name in names if name not in given] if required else []
        if unknown or missing:
            raise ValueError(
                f"program {self.name!r}: expected the {kind}s {names}, received "
                f"{list(given)} (missing {missing}, unknown {unknown})"
            )

    def _count(self, inputs: Mapping[str, Any]) -> int:
        """How many passes this run makes, at most."""
        if self.info.count < 0:
            return 1
        port = self.info.inputs[self.info.count]
        count = int(self._checked("input", port, inputs[port.name], 1)[0])
        if count < 0:
            raise ValueError(
                f"program {self.name!r}, input {port.name!r}: expected a number of "
                f"passes of at least 0, received {count}"
            )
        return count

    def _checked(self, kind: str, port: Port, given: Any, count: int) -> Any:
        if self.device and gpu.is_device_array(given):
            return given  # C++ checks it
        array: np.ndarray = np.asarray(given)
        stepped = port.step > 0
        fits = (
            array.nbytes == count * port.step if stepped else array.shape == port.shape
        )
        if array.dtype.name != port.dtype or not fits or not array.flags.c_contiguous:
            shape = (count, *port.shape) if stepped else port.shape
            order = "" if array.flags.c_contiguous else ", not row-major"
            raise ValueError(
                f"program {self.name!r}, {kind} {port.name!r}: expected a row-major "
                f"{port.dtype} array of shape {shape}, received {array.dtype.name} "
                f"{array.shape}{order}"
            )
        if kind == "output" and not array.flags.writeable:
            raise ValueError(
                f"program {self.name!r}, output {port.name!r}: the array is read-only"
            )
        return array

    def _new(self, port: Port, count: int) -> Any:
        """Memory for an output nobody gave. A loop of no passes leaves zeros."""
        shape = (count, *port.shape) if port.step else port.shape
        make: Any = np.zeros if self.info.count >= 0 else np.empty
        return make(shape, _numpy_dtype(port.dtype))


def _numpy_dtype(name: str) -> Any:
    if name == "bfloat16":
        import ml_dtypes

        return ml_dtypes.bfloat16
    return name
