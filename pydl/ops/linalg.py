"""Linear algebra on the host: `keras.ops.linalg`.

These functions compute with NumPy, outside the program of a model: they take tensors
that have a value and cannot be traced. Under a trace (a compiled model, or a model
graph) they raise for traced tensors and variables; compile the model with
``run_eagerly=True`` to use them there (a layer then has to define
``compute_output_shape``). They have no gradients. 16-bit floats are computed in
float32, integers as floatx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from pydl.config import floatx
from pydl.graph.trace import TraceTensor, current_trace, outside_trace
from pydl.ops.apply import dtype_of, lift
from pydl.ops.dtypes import is_float, result_type
from pydl.ops.jvp import jvp
from pydl.ops.public import public_op
from pydl.ops.reduce import norm
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "logdet",
    "lstsq", "lu_factor", "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


def _host_op(function: Callable[P, R]) -> Callable[P, R]:
    """A public function that runs now or not at all; NumPy's errors are ValueErrors."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        trace = current_trace()
        traced = any(
            isinstance(x, TraceTensor | Variable) for x in (*args, *kwargs.values())
        )
        if trace is not None and not trace.computes and traced:
            raise ValueError(
                f"{function.__name__}: computed on the host, so it cannot be part of a "
                "traced program; call it on tensors that have a value, or compile the "
                "model with run_eagerly=True"
            )
        try:
            if trace is None or traced:
                return function(*args, **kwargs)
            with outside_trace():  # of numbers that do not change: a constant
                return function(*args, **kwargs)
        except np.linalg.LinAlgError as error:
            raise ValueError(f"{function.__name__}: {error}") from None

    run.__name__, run.__qualname__ = function.__name__, function.__qualname__
    run.__doc__, run.__module__ = function.__doc__, function.__module__
    run.__wrapped__ = function  # type: ignore[attr-defined]
    return public_op(run)


def _array(name: str, x: Any, square: bool = False, rank: int = 2) -> np.ndarray:
    """The content as float32 or float64."""
    tensor = lift(x)
    dtype = tensor.dtype if is_float(tensor.dtype) else floatx()
    array = np.asarray(tensor).astype(_computed(dtype), copy=False)
    if array.ndim < rank:
        raise ValueError(
            f"{name}: expected a tensor of at least {rank} axes, received shape "
            f"{array.shape}"
        )
    if square and array.shape[-1] != array.shape[-2]:
        raise ValueError(
            f"{name}: expected square matrices over the last two axes, received "
            f"shape {array.shape}"
        )
    return array


def _computed(dtype: str) -> str:
    return "float64" if dtype == "float64" else "float32"


def _tensor(array: Any, *like: Any) -> Tensor:
    """A result in the dtype of the operands."""
    dtype = result_type(*[dtype_of(x) for x in like])
    content = np.ascontiguousarray(array).reshape(np.shape(array))
    if dtype in ("float16", "bfloat16"):
        content = content.astype(dtype)
    return Tensor(content)


@_host_op
def cholesky(x: Any, upper: bool = False) -> Tensor:
    """The triangular factor of positive-definite matrices: ``x = L L^T``.

    Args:
        x: ``[..., M, M]``, symmetric and positive definite.
        upper: whether to return ``L^T`` instead of ``L``.

    Raises:
        ValueError: a matrix that is not positive definite.
    """
    factor = np.linalg.cholesky(_array("cholesky", x, square=True))
    return _tensor(np.swapaxes(factor, -1, -2) if upper else factor, x)


@_host_op
def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverse of the matrices whose Cholesky factors are given.

    Args:
        x: ``[..., M, M]`` factors, lower (or `upper`) triangular.
        upper: which triangle holds the factor.
    """
    factor = _array("cholesky_inverse", x, square=True)
    factor = np.swapaxes(np.triu(factor), -1, -2) if upper else np.tril(factor)
    inverse = np.linalg.inv(factor)
    return _tensor(np.swapaxes(inverse, -1, -2) @ inverse, x)


@_host_op
def det(x: Any) -> Tensor:
    """The determinants of ``[..., M, M]``: ``[...]``."""
    return _tensor(np.linalg.det(_array("det", x, square=True)), x)


@_host_op
def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    """Sign and logarithm of the absolute value of the determinants of ``[..., M, M]``,
    each ``[...]``."""
    sign, log = np.linalg.slogdet(_array("slogdet", x, square=True))
    return _tensor(sign, x), _tensor(log, x)


@_host_op
def logdet(x: Any) -> Tensor:
    """The logarithm of the determinants of positive-definite ``[..., M, M]``, by
    their Cholesky factors: ``[...]``."""
    factor = np.linalg.cholesky(_array("logdet", x, square=True))
    diagonal = np.diagonal(factor, axis1=-2, axis2=-1)
    return _tensor(2 * np.sum(np.log(diagonal), axis=-1), x)


@_host_op
def eig(x: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues ``[..., M]`` and eigenvectors (as columns) of ``[..., M, M]``.

    Raises:
        ValueError: eigenvalues that are not real (there are no complex dtypes).
    """
    values, vectors = np.linalg.eig(_array("eig", x, square=True))
    if np.iscomplexobj(values):
        raise ValueError(
            "eig: expected matrices with real eigenvalues (complex dtypes are not "
            f"supported), received eigenvalues {values}"
        )
    return _tensor(values, x), _tensor(vectors, x)


@_host_op
def eigh(x: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues ``[..., M]``, ascending, and eigenvectors (as columns) of symmetric
    ``[..., M, M]``; only the lower triangle is read."""
    values, vectors = np.linalg.eigh(_array("eigh", x, square=True))
    return _tensor(values, x), _tensor(vectors, x)


@_host_op
def inv(x: Any) -> Tensor:
    """The inverses of ``[..., M, M]``.

    Raises:
        ValueError: a singular matrix.
    """
    return _tensor(np.linalg.inv(_array("inv", x, square=True)), x)


@_host_op
def pinv(x: Any, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose pseudo-inverses of ``[..., M, N]``: ``[..., N, M]``.

    Args:
        x: ``[..., M, N]``.
        rcond: singular values below this times the largest one count as zero; None:
            ``max(M, N) * eps``, as in JAX.
    """
    array = _array("pinv", x)
    if rcond is None:
        rcond = 10.0 * max(array.shape[-2:]) * float(np.finfo(array.dtype).eps)
    return _tensor(np.linalg.pinv(array, rcond=rcond), x)


@_host_op
def matrix_rank(x: Any, tol: float | None = None) -> Tensor:
    """The number of singular values above `tol` of ``[..., M, N]``: int32 ``[...]``.
    None: ``largest * max(M, N) * eps``."""
    array = _array("matrix_rank", x)
    return Tensor(np.asarray(np.linalg.matrix_rank(array, tol=tol), np.int32))


@_host_op
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Tensor:
    """The `x` with the least ``|a x - b|``, of several the shortest.

    Args:
        a: ``[M, N]``.
        b: ``[M]`` or ``[M, K]``.
        rcond: singular values below this times the largest one count as zero; None:
            ``max(M, N) * eps``.

    Returns:
        ``[N]`` or ``[N, K]``.
    """
    left, right = _same(_array("lstsq", a), _array("lstsq", b, rank=1))
    if left.ndim != 2 or right.ndim > 2 or len(left) != len(right):
        raise ValueError(
            "lstsq: expected a [M, N] and b [M] or [M, K], received shapes "
            f"{left.shape} and {right.shape}"
        )
    return _tensor(np.linalg.lstsq(left, right, rcond=rcond)[0], a, b)


@_host_op
def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    """The LU factors of square matrices, with partial pivoting.

    Args:
        x: ``[..., M, M]``.

    Returns:
        The factors in one ``[..., M, M]`` (the ones on the diagonal of L are not
        stored), and int32 ``[..., M]``: row i was exchanged with row ``pivots[i]``.
    """
    array = _array("lu_factor", x, square=True)
    size = array.shape[-1]
    factors = array.reshape(-1, size, size).copy()
    pivots = np.zeros(factors.shape[:2], np.int32)
    every = np.arange(len(factors))
    for k in range(size):
        rows = k + np.argmax(np.abs(factors[:, k:, k]), axis=1)
        pivots[:, k] = rows
        upper = factors[:, k].copy()
        factors[:, k] = factors[every, rows]
        factors[every, rows] = upper
        pivot = factors[:, k, k][:, None]
        with np.errstate(all="ignore"):
            scaled = factors[:, k + 1 :, k] / pivot
        factors[:, k + 1 :, k] = np.where(pivot == 0, 0, scaled)
        step = factors[:, k + 1 :, k, None] * factors[:, k, None, k + 1 :]
        factors[:, k + 1 :, k + 1 :] -= step
    return _tensor(factors.reshape(array.shape), x), Tensor(
        pivots.reshape(array.shape[:-1])
    )


@_host_op
def qr(x: Any, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Orthonormal columns and an upper triangle: ``x = Q R``.

    Args:
        x: ``[..., M, N]``.
        mode: ``"reduced"``: Q ``[..., M, K]`` and R ``[..., K, N]`` with
            ``K = min(M, N)``; ``"complete"``: K is M.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"qr: expected mode 'reduced' or 'complete', received mode={mode!r}"
        )
    array = _array("qr", x)
    full = mode == "complete"
    q, r = np.linalg.qr(array, mode="complete" if full else "reduced")
    return _tensor(q, x), _tensor(r, x)


@_host_op
def solve(a: Any, b: Any) -> Tensor:
    """The `x` of ``a x = b``.

    Args:
        a: ``[..., M, M]``.
        b: ``[..., M]`` or ``[..., M, N]``.

    Raises:
        ValueError: a singular matrix, or shapes that do not fit.
    """
    return _tensor(_solved("solve", a, b, lambda matrix: matrix), a, b)


@_host_op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
    """As `solve`, of triangular matrices; the other triangle is not read.

    Args:
        a: ``[..., M, M]``.
        b: ``[..., M]`` or ``[..., M, N]``.
        lower: which triangle of `a` counts.
    """
    triangle = np.tril if lower else np.triu
    return _tensor(_solved("solve_triangular", a, b, triangle), a, b)


def _solved(name: str, a: Any, b: Any, part: Callable[[Any], Any]) -> Any:
    left, right = _same(_array(name, a, square=True), _array(name, b, rank=1))
    column = right.ndim == left.ndim - 1
    if column:
        right = right[..., None]
    if right.ndim < 2 or right.shape[-2] != left.shape[-1]:
        raise ValueError(
            f"{name}: expected b of shape [..., M] or [..., M, N] for a of shape "
            f"{left.shape}, received {lift(b).shape}"
        )
    out = np.linalg.solve(part(left), right)
    return out[..., 0] if column else out


@_host_op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values and vectors: ``x = U diag(S) V^T``.

    Args:
        x: ``[..., M, N]``.
        full_matrices: whether U and V are square; otherwise they have
            ``K = min(M, N)`` columns.
        compute_uv: whether to return ``(U, S, V^T)`` or only S.
    """
    array = _array("svd", x)
    if not compute_uv:
        return _tensor(np.linalg.svd(array, compute_uv=False), x)
    parts = np.linalg.svd(array, full_matrices=full_matrices)
    return tuple(_tensor(part, x) for part in parts)


def _same(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    common = np.result_type(a, b)
    return a.astype(common, copy=False), b.astype(common, copy=False)
