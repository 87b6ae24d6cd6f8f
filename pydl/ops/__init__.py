"""Keras's operations, on eager and traced tensors and on symbolic ones.

Each file holds one family: the definitions of its opcodes with their gradient rules,
and the public functions made of them, named in its `__all__`. A new family joins the
list here and the stub beside this file.
"""

import sys

from pydl.graph.operators import bind_ops
from pydl.lazy import gather
from pydl.ops import batch_norm, control, optimizer, random  # noqa: F401
from pydl.ops import elementwise as _elementwise  # noqa: F401  (opcode definitions)
from pydl.ops import special as _special  # noqa: F401

_FAMILIES = (
    "activation", "arithmetic", "branches", "compare", "conv", "core", "creation",
    "ctc", "cumulative", "custom", "diagonal", "einsum", "exponential", "fourier",
    "gather", "host", "indexing", "integers", "joining", "jvp", "linalg", "loops",
    "loss", "matmul", "normalization", "patches", "pool", "quantile", "rearrange",
    "reduce", "scans", "scatter", "segment", "sequences", "shape", "softmax", "sort",
    "special_values", "statistics", "trigonometry", "vectorize", "window",
)  # fmt: skip

__all__ = gather(__name__, _FAMILIES)

from pydl.ops import image, linalg, nn, numpy  # noqa: E402
from pydl.ops.indexing import slice_ as slice  # noqa: E402

__all__ += ["image", "linalg", "nn", "numpy", "slice"]
bind_ops(sys.modules[__name__])
