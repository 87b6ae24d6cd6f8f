"""Cross-entropies. Each opcode also gives the gradient, made in the same pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl.config import epsilon
from pydl.graph.registry import GradientRule, OpCall, define
from pydl.ops.apply import apply, emit, lift, promote_float
from pydl.ops.arithmetic import clip
from pydl.ops.axes import one_axis
from pydl.ops.dtypes import is_float, is_int
from pydl.ops.gather import note_fault
from pydl.ops.public import public_op
from pydl.ops.rules import pull_back, total
from pydl.ops.shape import move_to_last
from pydl.ops.softmax import row_sum

__all__ = [
    "binary_crossentropy", "categorical_crossentropy",
    "sparse_categorical_crossentropy",
]  # fmt: skip

#: What the opcodes clip probabilities with.
_EPSILON = 1e-7


def _column(x: Any) -> Any:
    return emit("reshape", x, shape=[*x.shape, 1])


def _rows_rule(
    grad_rows: Callable[[Any, Any], Any], grad_targets: Callable[[Any, Any], Any] | None
) -> GradientRule:
    """The rule of a loss of ``(rows, targets)``.

    The gradient of the loss is at hand, as the second result. That result's own
    gradient is found by differentiating ``grad_rows``, the formula it stands for.
    """

    def rule(call: OpCall, grads: Sequence[Any]) -> list[Any]:
        x, targets = call.inputs
        grad, above = grads[0], grads[1]

        def back_to_rows() -> Any:
            first = None if grad is None else _column(grad) * call.outputs[1]
            if above is None:
                return first
            return total(first, pull_back(grad_rows, call.inputs, 0, above))

        def back_to_targets() -> Any:
            assert grad_targets is not None
            first = None if grad is None else _column(grad) * grad_targets(x, targets)
            if above is None:
                return first
            return total(first, pull_back(grad_rows, call.inputs, 1, above))

        return [back_to_rows, back_to_targets if grad_targets else None]

    return rule


def _hot(x: Any, labels: Any) -> Any:
    return emit("one_hot", labels, depth=x.shape[-1], dtype=x.dtype)


def _softmax_form(x: Any, targets: Any) -> Any:
    return emit("softmax", x) * row_sum(targets) - targets


def _clipped(p: Any) -> Any:
    low, high = lift(_EPSILON, p.dtype), lift(1 - _EPSILON, p.dtype)
    return emit("minimum", emit("maximum", p, low), high)


def _share_form(x: Any, targets: Any) -> Any:
    """The derivative of ``-sum(t log clip(q))``, ``q = x / sum(x)``, where ``q`` is
    clipped the derivative is 0."""
    whole = row_sum(x)
    share = x / whole
    pull = _where_inside(share, -(targets / _clipped(share)))
    return (pull - row_sum(pull * share)) / whole


def _where_inside(p: Any, x: Any) -> Any:
    return emit("where", emit("equal", p, _clipped(p)), x, lift(0.0, x.dtype))


def _sparse_form(x: Any, labels: Any) -> Any:
    return _share_form(x, _hot(x, labels))


define(
    "softmax_cross_entropy",
    _rows_rule(_softmax_form, lambda x, t: -emit("log_softmax", x)),
    "``-sum(t * log_softmax(x))`` of rows of logits.",
)
define(
    "sparse_softmax_cross_entropy",
    _rows_rule(lambda x, labels: _softmax_form(x, _hot(x, labels)), None),
    "``-log_softmax(x)[label]`` of rows of logits.",
)
define(
    "cross_entropy",
    _rows_rule(_share_form, lambda x, t: -emit("log", _clipped(x / row_sum(x)))),
    "``-sum(t * log p)`` of rows of probabilities, scaled to sum to 1 and clipped.",
)
define(
    "sparse_cross_entropy",
    _rows_rule(_sparse_form, None),
    "``-log p[label]`` of rows of probabilities, clipped.",
)


def _mismatch(name: str, target: Any, output: Any, expected: str) -> ValueError:
    return ValueError(
        f"{name}: expected {expected}, received target of shape {target.shape} and "
        f"output of shape {output.shape}"
    )


def _agree(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether shapes are equal where they are known."""
    pairs = zip(a, b, strict=True) if len(a) == len(b) else [(0, 1)]
    return all(m == n or -1 in (m, n) for m, n in pairs)


def _same_shape(name: str, target: Any, output: Any) -> None:
    if output.ndim < 1 and name.startswith("categorical"):
        raise _mismatch(name, target, output, "one or more axes")
    if not _agree(target.shape, output.shape):
        raise _mismatch(name, target, output, "target and output of the same shape")


@public_op
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """``-sum(target * log(output))`` along `axis`, for one-hot or soft targets."""
    output = promote_float(output)[0]
    target = lift(target, output.dtype)
    _same_shape("categorical_crossentropy", target, output)
    place = one_axis("categorical_crossentropy", axis, output.ndim)
    op = "softmax_cross_entropy" if from_logits else "cross_entropy"
    return emit(op, move_to_last(output, place), move_to_last(target, place))


@public_op
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """``-log(output[target])`` along `axis`, for integer targets.

    Targets outside ``[0, classes)`` raise ValueError.
    """
    name = "sparse_categorical_crossentropy"
    output, target = promote_float(output)[0], lift(target)
    place = one_axis(name, axis, output.ndim)
    rows = move_to_last(output, place)
    if is_float(target.dtype):  # a NaN is no label
        number = emit("equal", target, target)
        target = emit("where", number, target, lift(-1.0, target.dtype))
    if target.dtype not in ("int32", "int64"):
        fits = is_int(target.dtype) and target.dtype != "uint32"
        target = lift(target, "int32" if fits else "int64")
    if target.ndim == rows.ndim and target.shape[-1] == 1:
        target = emit("reshape", target, shape=list(target.shape[:-1]))
    if not _agree(target.shape, rows.shape[:-1]):
        raise _mismatch(name, target, output, f"target of shape {rows.shape[:-1]}")
    op = "sparse_softmax_cross_entropy" if from_logits else "sparse_cross_entropy"
    loss, _, fault = apply(op, (rows, target), {})
    note_fault(fault, f"{name}: expected labels between 0 and {rows.shape[-1] - 1}")
    return loss


@public_op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """``-(t log p + (1 - t) log(1 - p))`` of each element."""
    output = promote_float(output)[0]
    target = lift(target, output.dtype)
    _same_shape("binary_crossentropy", target, output)
    if from_logits:  # exact also where sigmoid(output) rounds to 0 or 1
        positive = target * emit("softplus", -output)
        return positive + (1.0 - target) * emit("softplus", output)
    p = clip(output, epsilon(), 1.0 - epsilon())
    return -(target * emit("log", p) + (1.0 - target) * emit("log", 1.0 - p))
