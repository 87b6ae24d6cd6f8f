"""The native kernels by themselves, on NumPy arrays and on arrays of GPUs.

What benchmarks time and other libraries may borrow. No promotion, no graph: arrays of
one float dtype (float32 or float64) go in, arrays come out; `out` takes memory to write
to, so that a loop allocates nothing. Every call passes the same check as a plan, and
raises ValueError naming the op, what was expected and what came.

Arrays on a GPU are CuPy's, the runtime's own, or any with ``__cuda_array_interface__``:
the call runs there, in the order of their streams, and returns CuPy arrays where CuPy
is installed.

Images are channels-last: `[N, spatial..., C]`.

>>> import numpy as np
>>> from pydl import kernels
>>> a, b = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")
>>> kernels.gemm(a, b, activation="relu").shape
(2, 4)
"""

from pydl.kernels import general, images
from pydl.kernels.general import *  # noqa: F403
from pydl.kernels.images import *  # noqa: F403

__all__ = sorted([*general.__all__, *images.__all__])  # noqa: PLE0605
