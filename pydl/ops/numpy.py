"""The functions of `keras.ops.numpy`: those of NumPy's families."""

from pydl.lazy import gather

_FAMILIES = (
    "arithmetic", "compare", "creation", "cumulative", "diagonal", "einsum",
    "exponential", "gather", "host", "indexing", "integers", "joining", "matmul",
    "quantile", "reduce", "scatter", "segment", "sequences", "shape", "sort",
    "special_values", "statistics", "trigonometry", "vectorize", "window",
)  # fmt: skip
#: Neighbours of theirs that only `pydl.ops` has.
_OTHERS = (
    "cast", "cdist", "convert_to_numpy", "convert_to_tensor", "erf", "erfc", "erfinv",
    "flatten", "in_top_k", "is_tensor", "logsumexp", "one_hot", "rsqrt", "scatter",
    "scatter_update", "segment_max", "segment_min", "segment_prod", "segment_sum",
    "slice_update", "stop_gradient", "top_k",
)  # fmt: skip

__all__ = gather(__name__, _FAMILIES, without=_OTHERS)
