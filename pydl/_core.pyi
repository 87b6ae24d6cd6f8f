from collections.abc import Sequence
from typing import Any

import numpy as np

_Spec = tuple[str, tuple[int, ...]]

# plan
def opcodes() -> list[tuple[str, str]]: ...  # (name, family)
def dtypes() -> list[str]: ...
def infer(op: str, inputs: Sequence[_Spec], attrs: dict[str, Any]) -> list[_Spec]: ...
def flops(
    op: str, inputs: Sequence[_Spec], outputs: Sequence[_Spec], attrs: dict[str, Any]
) -> float: ...
def check_plan(text: str) -> None: ...

# plan text, state arrays
def read_model(path: str) -> tuple[str, list[np.ndarray]]: ...
def write_model(path: str, text: str, state: Sequence[np.ndarray]) -> None: ...

# runtime
class State:
    """The slot table: one buffer per state slot of a plan. Keeps the arrays alive."""
    def __init__(self, slots: int) -> None: ...
    def set(self, index: int, array: np.ndarray) -> None: ...  # writable, C-contiguous
    # its content changed: derived buffers are stale
    def touch(self, index: int) -> None: ...

class Program:
    """One bound entry of a plan: immutable, shared between threads."""
    def __init__(self, text: str, entry: str, isa: str = "") -> None: ...
    @property
    def isa(self) -> str: ...
    @property
    def arena_bytes(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...
    @property
    def instructions(self) -> int: ...
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

# int64, in place, Philox Fisher-Yates
def shuffle(order: np.ndarray, seed: int) -> None: ...
def set_threads(count: int) -> None: ...  # 0: the limits found
def get_threads() -> int: ...

# for tests: a worker sleeps this long before it takes work
def delay_worker(index: int, microseconds: int) -> None: ...

# version, isa, bundles, threads, limits, build options
def info() -> dict[str, Any]: ...
