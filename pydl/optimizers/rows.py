"""Updates of tables by rows: what no gradient reaches is neither read nor written.

A variable that is only looked up (an `Embedding`) has a gradient that is zero but for
the rows of the batch. Where a rule leaves a row without a gradient as it is (gradient
descent without momentum, Adagrad; LazyAdam by decision), the update of the rows is the
update of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydl import ops
from pydl.graph.trace import current_trace
from pydl.ops.apply import apply, emit
from pydl.ops.rows import RowGradient, row_gradient
from pydl.runtime.variable import Variable

if TYPE_CHECKING:
    from pydl.optimizers.optimizer import Optimizer

#: The gradient of a variable as a whole, or of its rows.
Gradient = Any


def by_rows(
    optimizer: Optimizer, grads: Sequence[Any], variables: Sequence[Variable]
) -> list[Gradient]:
    """The gradients, in the variables' dtypes; a `RowGradient` where rows will do."""
    notes = _Notes()
    return [
        _choose(optimizer, g, v, notes) for g, v in zip(grads, variables, strict=True)
    ]


def _choose(
    optimizer: Optimizer, grad: Any, variable: Variable, notes: _Notes
) -> Gradient:
    reason = optimizer.moves_all_rows(variable)
    if not reason:
        found = row_gradient(grad)
        if found is not None:
            return found._replace(rows=ops.cast(found.rows, variable.dtype))
        reason = f"its gradient is not of lookups alone ({_maker(grad)})"
        if optimizer.gradient_accumulation_steps is not None:
            reason = "its gradients are added up over steps"
    notes.add(variable, reason)
    return ops.cast(ops.convert_to_tensor(grad), variable.dtype)


def update_rows(
    optimizer: Optimizer, variable: Variable, grad: RowGradient, rate: Any, scale: Any
) -> None:
    """Update the rows of one table. `rate`: the rule's step size; `scale`: of the
    gradient, float32 [1] or None."""
    operands = [rate]
    attrs = optimizer.row_attributes()
    if scale is not None:
        attrs["has_scale"] = 1
        operands.append(scale)
    if optimizer.clipvalue is not None:
        attrs["clip_value"] = float(optimizer.clipvalue)
    group = [variable, *optimizer.slots_of(variable)]
    operands += [grad.rows, grad.indices, *map(ops.convert_to_tensor, group)]
    results = apply(optimizer.row_opcode, operands, attrs)
    for target, value in zip(group, results, strict=True):
        target.assign(value)


def summed(grad: Gradient, variable: Variable) -> Gradient:
    """A gradient whose square sum is that of the whole: rows are added up."""
    if isinstance(grad, RowGradient):
        return grad.summed(variable.shape[0])
    return grad


def elements(grad: Gradient) -> Any:
    """All elements of a gradient that may differ from zero."""
    return grad.rows if isinstance(grad, RowGradient) else grad


def compact(grad: Any) -> Any:
    """A tensor with all elements of a gradient that may differ from zero."""
    found = row_gradient(grad)
    if found is None or 0 in found.rows.shape:
        return ops.convert_to_tensor(grad)
    return found.summed(grad.shape[0]).rows


def part_of(scale: Any, places: Sequence[int]) -> Any:
    """The factors of some gradients; `places` follow each other."""
    if scale is None or len(places) == scale.shape[0]:
        return scale
    begin, end = places[0], places[-1] + 1
    return emit("slice", scale, begin=[begin], end=[end], stride=[1])


# -- what explain tells ----------------------------------------------------------------


def note_whole_tables(optimizer: Optimizer, variables: Sequence[Variable]) -> None:
    """Tell for each variable that is looked up why it is updated as a whole."""
    notes = _Notes()
    for variable in variables:
        reason = optimizer.moves_all_rows(variable)
        notes.add(variable, reason or "the optimizer has an update_step of its own")


class _Notes:
    """Notes of the running trace about variables that are looked up in it."""

    def __init__(self) -> None:
        trace = current_trace()
        self._trace = None if trace is None or trace.computes else trace
        nodes = self._trace.graph.nodes if self._trace is not None else ()
        self._tables = {node.inputs[0] for node in nodes if node.op == "take"}

    def add(self, variable: Variable, reason: str) -> None:
        """Note why the variable is updated as a whole, if it is looked up."""
        if not self._tables or self._trace is None:
            return
        if self._trace.first_values().get(variable) in self._tables:
            name = variable.path or variable.name
            note = f"{name}: updated as a whole, not by rows: {reason}"
            self._trace.graph.notes.append(note)


def _maker(grad: Any) -> str:
    """The op that made a gradient; of a sum, one that is not a lookup's."""
    value = getattr(grad, "value", None)
    if value is None:
        return "made outside the trace"
    node = value.node
    while node.op == "add":
        node = next(
            (v.node for v in reversed(node.inputs) if v.node.op != "take_grad"),
            node.inputs[0].node,
        )
    return f"{node.op!r}" + (f" of {node.layer}" if node.layer else "")
