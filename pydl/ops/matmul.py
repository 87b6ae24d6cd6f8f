"""Matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import dtype_of, emit, lift, promote
from pydl.ops.dtypes import is_float, result_type
from pydl.ops.public import public_op
from pydl.ops.rules import simple

__all__ = ["dot", "inner", "kron", "matmul", "outer", "tensordot"]


def product(a: Any, b: Any, transpose_a: int = 0, transpose_b: int = 0) -> Any:
    """The product of two matrices, or of as many pairs of them (rank 3)."""
    op = "matmul" if a.ndim == 2 else "batch_matmul"
    return emit(op, a, b, transpose_a=transpose_a, transpose_b=transpose_b)


def _product_rule(call: OpCall, g: Any) -> list[Any]:
    """With ``C = op(A) op(B)``: ``d op(A) = G op(B)^T`` and ``d op(B) = op(A)^T G``,
    the operands exchanged where A or B itself is transposed."""
    a, b = call.inputs
    ta, tb = call.attrs.get("transpose_a", 0), call.attrs.get("transpose_b", 0)
    return [
        lambda: product(b, g, tb, 1) if ta else product(g, b, 0, 1 - tb),
        lambda: product(g, a, 1, ta) if tb else product(a, g, 1 - ta, 0),
    ]


define(
    "matmul", simple(_product_rule), "The product of two matrices, either transposed."
)
define(
    "batch_matmul",
    simple(_product_rule),
    "The products of pairs of matrices, either side transposed.",
)
define(
    "gemm",
    None,
    "A matmul with an epilogue. Made by fusion, which runs after gradients.",
)


def as_floats(*operands: Any, int8_sums: str = "int32") -> tuple[list[Any], str]:
    """The operands as floats of one dtype, and the dtype of a product of them.

    Integers and bools are computed in float64, which is exact up to 2**53. Products of
    int8 give `int8_sums`.
    """
    dtype = result_type(*[dtype_of(x) for x in operands])
    computed = dtype if is_float(dtype) else "float64"
    return [
        lift(x, computed) for x in operands
    ], int8_sums if dtype == "int8" else dtype


@public_op
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product over the last two axes, the axes before them broadcast.

    An operand of one axis is a row on the left, a column on the right; that axis is
    not in the result. Integers are computed in float64 (exact up to 2**53).

    Args:
        x1: ``[..., M, K]`` or ``[K]``.
        x2: ``[..., K, N]`` or ``[K]``.

    Returns:
        ``[..., M, N]``, without M or N where that operand has one axis.

    Raises:
        ValueError: an operand without axes, or shapes that do not fit.

    >>> pydl.ops.matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (5, 2, 4)
    """
    (a, b), dtype = as_floats(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(
            "matmul: expected operands of at least one axis, received shapes "
            f"{a.shape} and {b.shape}"
        )
    return lift(_matmul(a, b), dtype)


def _matmul(a: Any, b: Any) -> Any:
    inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
    if a.shape[-1] != inner and -1 not in (a.shape[-1], inner):
        raise ValueError(
            "matmul: expected the last axis of x1 to be as long as the "
            f"{'first' if b.ndim < 3 else 'second to last'} of x2, received shapes "
            f"{a.shape} and {b.shape}"
        )
    if b.ndim <= 2:
        return _rows_times_matrix(a, b, inner)
    if a.ndim > 1:
        return _batches(a, b)
    out = _batches(emit("reshape", a, shape=[1, inner]), b)
    return emit("reshape", out, shape=[*b.shape[:-2], b.shape[-1]])


def _rows_times_matrix(a: Any, b: Any, inner: int) -> Any:
    """All rows of `a` at once: one product of two matrices."""
    rows = a
    if a.ndim != 2:
        lead = -1 if -1 in a.shape else math.prod(a.shape[:-1])
        rows = emit("reshape", a, shape=[lead, inner])
    columns = b if b.ndim == 2 else emit("reshape", b, shape=[b.shape[0], 1])
    out = product(rows, columns)
    shape = (*a.shape[:-1], *b.shape[1:])
    return out if out.shape == shape else emit("reshape", out, shape=list(shape))


def _batches(a: Any, b: Any) -> Any:
    """Products of stacks of matrices whose leading axes broadcast."""
    if -1 in (*a.shape, *b.shape):
        raise ValueError(
            "matmul: expected known sizes for a stack of matrices on the right, "
            f"received shapes {a.shape} and {b.shape}"
        )
    lead = broadcast_shapes("matmul", a.shape[:-2], b.shape[:-2])
    out = product(_stack(a, lead), _stack(b, lead))
    return emit("reshape", out, shape=[*lead, a.shape[-2], b.shape[-1]])


def broadcast_shapes(name: str, *shapes: Sequence[int]) -> list[int]:
    """The shape NumPy broadcasts these to."""
    result = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for i, size in enumerate(shape, len(result) - len(shape)):
            if result[i] != size and 1 not in (result[i], size):
                raise ValueError(
                    f"{name}: expected leading axes that broadcast, received "
                    f"{' and '.join(str(tuple(s)) for s in shapes)}"
                )
            result[i] = size if result[i] == 1 else result[i]
    return result


def _stack(x: Any, lead: Sequence[int]) -> Any:
    """The matrices of `x`, repeated to leading axes `lead`, in a row."""
    matrix = list(x.shape[-2:])
    if list(x.shape[:-2]) != list(lead):
        x = emit("broadcast_to", x, shape=[*lead, *matrix])
    return emit("reshape", x, shape=[math.prod(lead), *matrix])


@public_op
def dot(x1: Any, x2: Any) -> Any:
    """The dot product of NumPy: over the last axis of `x1` and the second to last (or
    only) one of `x2`. A plain product where an operand has no axes.

    >>> pydl.ops.dot(np.ones((2, 3)), np.ones((4, 3, 5))).shape
    (2, 4, 5)
    """
    x1, x2 = promote(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    if x2.ndim <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, ([-1], [-2]))


@public_op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum of products over pairs of axes; what is left of `x1`, then of `x2`.

    Args:
        x1: a tensor.
        x2: a tensor.
        axes: a number n (the last n axes of `x1` with the first n of `x2`), or two
            lists (or numbers) of axes to pair.

    Raises:
        ValueError: axes that do not exist, repeat or differ in length.
    """
    (a, b), dtype = as_floats(x1, x2, int8_sums="int8")
    left, right = _paired_axes(axes, a, b)
    keep_a = [i for i in range(a.ndim) if i not in left]
    keep_b = [i for i in range(b.ndim) if i not in right]
    shape = [*(a.shape[i] for i in keep_a), *(b.shape[i] for i in keep_b)]
    out = product(as_matrix(a, keep_a, left), as_matrix(b, right, keep_b))
    return lift(emit("reshape", out, shape=shape), dtype)


def as_matrix(x: Any, rows: Sequence[int], columns: Sequence[int]) -> Any:
    """A matrix: some axes merged into its rows, the others into its columns."""
    order = [*rows, *columns]
    sizes = [math.prod(x.shape[i] for i in axes) for axes in (rows, columns)]
    if order != list(range(x.ndim)):
        x = emit("transpose", x, perm=order)
    return emit("reshape", x, shape=sizes)


def _paired_axes(axes: Any, a: Any, b: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ValueError(
                f"tensordot: expected axes between 0 and {min(a.ndim, b.ndim)} for "
                f"shapes {a.shape} and {b.shape}, received axes={axes}"
            )
        return list(range(a.ndim - axes, a.ndim)), list(range(axes))
    first, second = axes
    left = _checked(axes, first, a)
    right = _checked(axes, second, b)
    sizes_a, sizes_b = [a.shape[i] for i in left], [b.shape[i] for i in right]
    if sizes_a != sizes_b:
        raise ValueError(
            "tensordot: expected paired axes of equal length, received axes="
            f"{axes} of shapes {a.shape} and {b.shape}"
        )
    return left, right


def _checked(axes: Any, given: Any, x: Any) -> list[int]:
    listed = [given] if isinstance(given, int) else [int(i) for i in given]
    if any(not -x.ndim <= i < x.ndim for i in listed) or len(
        {i % x.ndim for i in listed}
    ) != len(listed):
        raise ValueError(
            f"tensordot: expected different axes of shape {x.shape}, received "
            f"axes={axes}"
        )
    return [i % x.ndim for i in listed]


@public_op
def inner(x1: Any, x2: Any) -> Any:
    """The sum of products over the last axis of both; a plain product where an operand
    has no axes."""
    x1, x2 = promote(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    return tensordot(x1, x2, ([-1], [-1]))


@public_op
def outer(x1: Any, x2: Any) -> Any:
    """``x1[i] * x2[j]`` of all elements, flattened: ``[size of x1, size of x2]``."""
    x1, x2 = promote(x1, x2)
    column = emit("reshape", x1, shape=[-1, 1] if x1.ndim else [1, 1])
    row = emit("reshape", x2, shape=[1, -1] if x2.ndim else [1, 1])
    return column * row


@public_op
def kron(x1: Any, x2: Any) -> Any:
    """The Kronecker product: `x2` times each element of `x1`, laid out as blocks."""
    x1, x2 = promote(x1, x2)
    rank = max(x1.ndim, x2.ndim)
    outside = [1] * (rank - x1.ndim) + list(x1.shape)
    inside = [1] * (rank - x2.ndim) + list(x2.shape)
    blocks = emit("reshape", x1, shape=[n for size in outside for n in (size, 1)])
    block = emit("reshape", x2, shape=[n for size in inside for n in (1, size)])
    shape = [p * q for p, q in zip(outside, inside, strict=True)]
    return emit("reshape", blocks * block, shape=shape)
