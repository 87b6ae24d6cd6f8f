"""The IR: primitives with static shapes, in the order they were traced.

A `Graph` is a list of nodes. Nodes make `Value`s and use the values of earlier nodes.
Three kinds of leaf stand for memory that exists before the program runs: ``input``
(given at each run), ``variable`` (a `Variable`'s buffer) and ``constant`` (a NumPy
array owned by the graph). Every other node is an opcode of ``docs/opcodes.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes  # noqa: F401  (names bfloat16 to NumPy)
import numpy as np

Shape = tuple[int, ...]
Attr = int | float | str | list[int] | list[float]

#: Node kinds that stand for memory rather than for an opcode.
LEAVES = frozenset({"input", "variable", "constant"})

#: The node that stands for whichever of its operands was computed: each is made under
#: a guard of its own, all on the same memory. Like ``reshape`` it is no instruction.
JOIN = "join"


#: The nodes of a loop. BEGIN takes the count (int64 [1]) and the first values of what
#: is carried; it gives the loop's *token*, which guards what is inside, and the carried
#: values as they are in a pass. ROW takes the token and an array, and gives the row of
#: the pass. END takes the token, the next values of what is carried, and what is
#: stacked; it gives the last carried values, and arrays of one row for each pass. They
#: are no opcodes: ``plan/lower.py`` makes one ``loop`` of them.
BEGIN, ROW, END = "begin", "row", "end"

#: Node kinds that are no instructions.
NO_STEPS = frozenset({"reshape", JOIN, BEGIN, ROW, END})

#: The most passes of a loop that ends when a flag says so.
ENDLESS = 2**62


class Value:
    """One result of a node: a dense row-major array of known shape and dtype."""

    __slots__ = ("dtype", "index", "node", "shape")

    def __init__(self, node: Node, index: int, shape: Shape, dtype: str) -> None:
        self.node = node
        self.index = index
        self.shape = shape
        self.dtype = dtype

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * dtype_size(self.dtype)

    def __repr__(self) -> str:
        return f"<Value {self.node.op}.{self.index} {self.dtype} {self.shape}>"


class Node:
    """One op call. `layer` and `source` say where the user wrote it."""

    __slots__ = (
        "attrs",
        "guard",
        "inputs",
        "layer",
        "op",
        "outputs",
        "payload",
        "source",
    )

    def __init__(
        self,
        op: str,
        inputs: tuple[Value, ...],
        attrs: dict[str, Attr],
        specs: list[tuple[str, Shape]],
        *,
        layer: str = "",
        source: str = "",
        guard: Value | None = None,
        payload: Any = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.outputs = tuple(
            Value(self, i, shape, dtype) for i, (dtype, shape) in enumerate(specs)
        )
        self.layer = layer
        self.source = source
        #: int64 [1]; the node is left out when it is not 0 (see ``Trace.skip_if``), and
        #: when the guard's own node is. Its results are read under it, or by a join.
        self.guard = guard
        #: The `InputPort`, `Variable` or NumPy array behind a leaf; of a node that is
        #: computed again, the object that sets it apart from its original.
        self.payload = payload

    def integer(self, name: str) -> int:
        """An attribute that is a number."""
        value = self.attrs[name]
        assert isinstance(value, int)
        return value

    def integers(self, name: str) -> list[int]:
        """An attribute that is a list of numbers, of axes say."""
        values = self.attrs[name]
        assert isinstance(values, list)
        return [int(value) for value in values]

    def __repr__(self) -> str:
        return f"<Node {self.op} -> {[v.shape for v in self.outputs]}>"


def guards_of(node: Node) -> list[Value]:
    """The guards a node is under, the innermost first."""
    found = []
    guard = node.guard
    while guard is not None:
        found.append(guard)
        guard = guard.node.guard
    return found


def is_token(guard: Value) -> bool:
    """Whether a guard is a loop's token."""
    return guard.node.op == BEGIN and guard.index == 0


def scope_of(value: Value) -> Value | None:
    """What a value is made under: only there, and further inside, it may be read."""
    node = value.node
    return node.outputs[0] if node.op == BEGIN and value.index else node.guard


def is_inside(guard: Value | None, outer: Value | None) -> bool:
    """Whether what runs under `guard` runs only when what is under `outer` does."""
    while guard is not outer:
        if guard is None:
            return False
        guard = guard.node.guard
    return True


def unshaped(value: Value) -> Value:
    """The value that others are reshapes of."""
    while value.node.op == "reshape":
        value = value.node.inputs[0]
    return value


@dataclass(frozen=True)
class InputPort:
    """A named input. A stepped one moves on by its own size at each loop pass."""

    name: str
    step: bool = False


@dataclass
class Output:
    """A named result, copied to the caller's memory. Stepped: one per loop pass."""

    name: str
    value: Value
    step: bool = False


@dataclass
class Loop:
    """The whole graph repeats `count` times (an int64 [1] input), or until `stop`
    (a variable's value, int64 [1]) is not 0 after a pass."""

    count: Value
    stop: Any = None  # a Variable


@dataclass
class Graph:
    """Nodes in execution order, and what the program leaves behind."""

    name: str
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    #: Variable -> the value it holds when a pass ends, in order of first assignment.
    assigns: dict[Any, Value] = field(default_factory=dict)
    loop: Loop | None = None
    #: Groups of values to be placed side by side, in this order (gradients).
    regions: list[list[Value]] = field(default_factory=list)
    #: What `explain` should tell of how the graph was traced.
    notes: list[str] = field(default_factory=list)

    def leaves(self, op: str) -> Iterator[Node]:
        """The leaf nodes of one kind, in order."""
        return (node for node in self.nodes if node.op == op)


_SIZES = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2,
    "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "uint8": 1, "uint16": 2, "uint32": 4, "bool": 1,
}  # fmt: skip


def dtype_size(dtype: str) -> int:
    """Bytes of one element of the named dtype."""
    return _SIZES[dtype]


class _Names(dict[Any, str]):
    """``dtype.name`` of NumPy's dtypes, remembered: NumPy makes it anew each time."""

    def __missing__(self, dtype: np.dtype[Any]) -> str:
        self[dtype] = dtype.name
        return self[dtype]


#: The name of a NumPy dtype.
DTYPE_NAMES = _Names()
