from collections.abc import Sequence
from typing import Any

import numpy as np

_Spec = tuple[str, tuple[int, ...]]
# NumPy, DeviceArray or anything with __cuda_array_interface__ (device programs)
_Array = Any

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

# devices: "cuda" is "cuda:0"; a name without a device raises ValueError saying why
class DeviceArray:
    """Row-major memory of a device, garbage at first.

    Programs of that device take it in place of NumPy arrays, without copies: upload a
    data set once, pass it to many runs. Methods that copy wait for the programs where
    they must. Freed memory returns to the device's pool.
    """
    def __init__(self, device: str, dtype: str, shape: Sequence[int]) -> None: ...
    @property
    def device(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...
    # the address, for other libraries; they order their work with the program stream
    # (below) themselves. Shared memory is waited for before it is used again.
    @property
    def ptr(self) -> int: ...
    # version 3, with the program stream
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    # NumPy, of the same dtype and shape
    # beside: no program uses this memory any more, the copy need not wait for them
    def upload(self, array: np.ndarray, beside: bool = False) -> None: ...
    def download(self, array: np.ndarray) -> None: ...
    # views of the same memory
    def rows(self, begin: int, end: int) -> DeviceArray: ...
    def reshape(self, shape: Sequence[int]) -> DeviceArray: ...

class Mirror:
    """One variable on both sides: `array`, and a copy on the device that used it last.

    Knows which side is newer and copies when the other is asked for. `State.set` takes
    it; programs of any machine then see the newest content and mark what they write.
    Before Python reads `array` it calls `to_host`, after writing `host_written`.
    """
    def __init__(self, array: np.ndarray) -> None: ...  # writable, C-contiguous
    # the newest content; who writes into it calls `device_written`
    def on_device(self, device: str) -> DeviceArray: ...
    def to_host(self) -> None: ...
    def host_written(self) -> None: ...
    def device_written(self) -> None: ...
    @property
    def host_is_stale(self) -> bool: ...
    @property
    def device_is_stale(self) -> bool: ...

# count, missing (why there is none), filler ("cuda", "emulated"), library, driver
def devices() -> dict[str, Any]: ...

# name, device, compute_capability, processors, shared_bytes, conditional_nodes,
# total_bytes, free_bytes, in_use_bytes, pooled_bytes, peak_bytes, stream (the handle of
# the one stream that all programs of the device run on); so far: uploads,
# uploaded_bytes, downloads, downloaded_bytes
def device_info(device: str) -> dict[str, Any]: ...
def synchronize(device: str) -> None: ...  # waits for all programs; raises their errors
def release_memory(device: str) -> None: ...  # gives the pool back to the driver

# the program stream waits for what is on another (a handle; 1: the default), and back
def wait_for_stream(device: str, stream: int) -> None: ...
def make_stream_wait(device: str, stream: int) -> None: ...

# runtime
class State:
    """The slot table: one buffer per state slot of a plan. Keeps the arrays alive.

    Without a mirror a device's programs copy: what they read when it was touched, what
    they write to the device before and back after each run.
    """
    def __init__(self, slots: int) -> None: ...
    # writable, C-contiguous; the mirror is one of this array
    def set(
        self, index: int, array: np.ndarray, mirror: Mirror | None = None
    ) -> None: ...
    # its content changed: derived buffers are stale
    def touch(self, index: int) -> None: ...

class Program:
    """One bound entry of a plan: immutable, shared between threads.

    `isa`: a bundle of the processor's, or a device such as "cuda:0". `precision` of
    float32 products: "float32", "tensorfloat32" or "bfloat16", where kernels have it.
    """
    def __init__(
        self, text: str, entry: str, isa: str = "", precision: str = "float32"
    ) -> None: ...
    @property
    def isa(self) -> str: ...
    @property
    def device(self) -> str: ...  # "cuda:0"; "" on the CPU
    @property
    def arena_bytes(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...
    @property
    def instructions(self) -> int: ...
    # the loop's passes. On a device: returns when outputs in NumPy arrays are written;
    # with none of them and no stop flag the device runs on. wait False: with outputs of
    # any kind as before, else the device runs on, and passes are not told (-1)
    def run(
        self, state: State, inputs: Sequence[_Array], outputs: Sequence[_Array],
        wait: bool = True,
    ) -> int: ...  # fmt: skip
    # one dict per instruction: op, label, kernel, isa, pieces, flops, bytes,
    # refused: [(name, why)]
    def explain(self) -> list[dict[str, Any]]: ...
    def profile(
        self, state: State, inputs: Sequence[_Array], outputs: Sequence[_Array]
    ) -> list[float]: ...  # as run; seconds of each instruction, serially timed

def run_op(
    op: str,
    inputs: Sequence[_Array],
    attrs: dict[str, Any],
    outputs: Sequence[_Array] | None = None,
    isa: str = "",
    kernel: str = "",
    precision: str = "float32",
) -> list[Any]: ...

# None: not for it (other arrays than NumPy's own, row-major ones), but for `run_op`.
def run_eager(
    op: str, inputs: Sequence[Any], attrs: dict[str, Any], precision: str = "float32"
) -> list[np.ndarray] | None: ...
def kernels(op: str, isa: str = "") -> list[str]: ...  # candidate names in order

# int64, in place, Philox Fisher-Yates
def shuffle(order: np.ndarray, seed: int) -> None: ...
def set_threads(count: int) -> None: ...  # 0: the limits found
def get_threads() -> int: ...

# for tests: a worker sleeps this long before it takes work
def delay_worker(index: int, microseconds: int) -> None: ...

# version, isa, bundles, threads, limits, build options
def info() -> dict[str, Any]: ...
