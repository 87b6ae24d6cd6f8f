from collections.abc import Sequence
from typing import Any

import numpy as np

Spec = tuple[str, tuple[int, ...]]

# plan
def opcodes() -> list[tuple[str, str]]: ...  # (name, family)
def dtypes() -> list[str]: ...
def infer(op: str, inputs: Sequence[Spec], attrs: dict[str, Any]) -> list[Spec]: ...
def flops(
    op: str, inputs: Sequence[Spec], outputs: Sequence[Spec], attrs: dict[str, Any]
) -> float: ...
def check_plan(text: str) -> None: ...
def read_model(
    path: str,
) -> tuple[str, list[np.ndarray]]: ...  # plan text, state arrays
def write_model(path: str, text: str, state: Sequence[np.ndarray]) -> None: ...

# runtime
class State:
    """The slot table: one buffer per state slot of a plan. Keeps the arrays alive."""
    def __init__(self, slots: int) -> None: ...
    def set(self, index: int, array: np.ndarray) -> None: ...  # writable, C-contiguous
    def touch(
        self, index: int
    ) -> None: ...  # its content changed: derived buffers are stale

class Program:
    """One bound entry of a plan: immutable, shared between threads."""
    def __init__(self, text: str, entry: str, isa: str = "") -> None: ...
    isa: str
    arena_bytes: int
    instructions: int
    def run(
        self, state: State, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
    ) -> None: ...
    # one dict per instruction: op, label, kernel, isa, pieces, flops, bytes,
    # refused: [(name, why)]
    def explain(self) -> list[dict[str, Any]]: ...
    def profile(
        self, state: State, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
    ) -> list[float]: ...  # as run; seconds of each instruction, serially timed

def run_op(
    op: str,
    inputs: Sequence[np.ndarray],
    attrs: dict[str, Any],
    outputs: Sequence[np.ndarray] | None = None,
    isa: str = "",
    kernel: str = "",
) -> list[np.ndarray]: ...
def kernels(op: str, isa: str = "") -> list[str]: ...  # candidate names in order
def shuffle(
    order: np.ndarray, seed: int
) -> None: ...  # int64, in place, Philox Fisher-Yates
def set_threads(count: int) -> None: ...  # 0: the limits found
def get_threads() -> int: ...
def info() -> dict[
    str, Any
]: ...  # version, isa, bundles, threads, limits, build options
