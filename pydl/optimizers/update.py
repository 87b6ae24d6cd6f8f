"""How an optimizer changes variables: all in one instruction, or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydl import ops
from pydl.graph.trace import current_trace
from pydl.ops.apply import apply
from pydl.ops.rows import RowGradient
from pydl.optimizers import rows
from pydl.optimizers.clipping import gradient_scale
from pydl.runtime.variable import Variable

if TYPE_CHECKING:
    from pydl.optimizers.optimizer import Optimizer


def update_all(
    optimizer: Optimizer, grads: Sequence[Any], variables: Sequence[Variable]
) -> None:
    """One instruction of the optimizer's opcode for all variables, and one for each
    table that is updated by rows."""
    pairs = list(zip(rows.by_rows(optimizer, grads, variables), variables, strict=True))
    pairs.sort(key=lambda pair: isinstance(pair[0], RowGradient))
    if optimizer.clipnorm is not None or optimizer.global_clipnorm is not None:
        pairs = [(rows.summed(grad, v), v) for grad, v in pairs]
    rate = ops.cast(ops.convert_to_tensor(optimizer.learning_rate), "float32")
    scale = gradient_scale(
        [rows.elements(grad) for grad, _ in pairs],
        optimizer.clipnorm,
        optimizer.global_clipnorm,
        optimizer.loss_scale_factor,
    )
    whole = [pair for pair in pairs if not isinstance(pair[0], RowGradient)]
    size = optimizer.step_size(rate)
    if whole:
        part = rows.part_of(scale, range(len(whole)))
        _update_whole(optimizer, whole, rate, size, part)
    for place, (grad, variable) in enumerate(pairs[len(whole) :], len(whole)):
        part = rows.part_of(scale, [place])
        rows.update_rows(optimizer, variable, grad, size, part)


def _update_whole(
    optimizer: Optimizer, pairs: Sequence[tuple[Any, Variable]], rate: Any, size: Any,
    scale: Any,
) -> None:  # fmt: skip
    """One instruction. `size`: what steps are multiplied by; `scale`: of gradients."""
    operands = [size]
    attrs = {"n": len(pairs), **optimizer.attributes()}
    if scale is not None:
        attrs["has_scale"] = 1
        operands.append(scale)
    if optimizer.clipvalue is not None:
        attrs["clip_value"] = float(optimizer.clipvalue)
    mask = [int(optimizer.decays(v)) for _, v in pairs]
    if any(mask):
        attrs["has_decay"] = 1
        attrs["decay_mask"] = mask
        operands.append(ops.multiply(rate, float(optimizer.weight_decay or 0.0)))
    targets: list[Variable] = []
    for grad, variable in pairs:
        group = [variable, *optimizer.slots_of(variable)]
        tensors = [ops.convert_to_tensor(t) for t in group]
        operands += [tensors[0], grad, *tensors[1:]]
        targets += group
    results = apply(optimizer.opcode, operands, attrs)
    for variable, value in zip(targets, results, strict=True):
        variable.assign(value)


@contextmanager
def _labelled(optimizer: Optimizer) -> Iterator[None]:
    """Instructions made inside say in `explain` that the rule is composed of them."""
    trace = current_trace()
    if trace is None:
        yield
        return
    trace.layers.append(f"{optimizer.name} (composed)")
    try:
        yield
    finally:
        trace.layers.pop()


def update_each(
    optimizer: Optimizer, grads: Sequence[Any], variables: Sequence[Variable]
) -> None:
    """Clip, decay and call ``update_step(gradient, variable, learning_rate)``."""
    with _labelled(optimizer):
        _update_each(optimizer, grads, variables)


def _update_each(
    optimizer: Optimizer, grads: Sequence[Any], variables: Sequence[Variable]
) -> None:
    rate = ops.cast(ops.convert_to_tensor(optimizer.learning_rate), "float32")
    scale = gradient_scale(
        grads,
        optimizer.clipnorm,
        optimizer.global_clipnorm,
        optimizer.loss_scale_factor,
    )
    optimizer.begin_update()
    for index, (grad, variable) in enumerate(zip(grads, variables, strict=True)):
        grad = ops.cast(ops.convert_to_tensor(grad), variable.dtype)
        if scale is not None:
            grad = ops.multiply(grad, ops.cast(scale[index], variable.dtype))
        if optimizer.clipvalue is not None:
            limit = float(optimizer.clipvalue)
            grad = ops.minimum(ops.maximum(grad, -limit), limit)
        if optimizer.decays(variable):
            share = ops.multiply(rate, optimizer.decay_of(variable))
            weight = ops.convert_to_tensor(variable)
            lost = ops.multiply(weight, ops.cast(share, variable.dtype))
            variable.assign(ops.subtract(weight, lost))
        optimizer.update_step(grad, variable, ops.cast(rate, variable.dtype))
