"""Random graphs with everything placement has to handle: aliases, assignments, guards,
loops, stepped ports, regions, updates in place, outputs of leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl.graph.node import Graph
from pydl.graph.trace import Trace, TraceTensor
from pydl.runtime.variable import Variable

_UNARY = ("neg", "abs", "square", "tanh", "relu", "sigmoid")
_BINARY = ("add", "sub", "mul", "maximum", "minimum")
#: Axes of length 1 make shapes alike that mean something else.
_MATRICES = ((4, 6), (4, 6), (1, 6), (4, 1), (1, 1), (3, 3))


class Writer:
    """Writes one random graph."""

    def __init__(self, seed: int, size: int = 30, dtype: str = "float32") -> None:
        self.rng = np.random.default_rng(seed)
        self.size = size
        self.dtype = dtype
        self.trace = Trace(f"random_{seed}")
        self.matrix = rows, columns = _MATRICES[seed % len(_MATRICES)]
        self.flat, self.row = (rows * columns,), (columns,)
        self.shapes = {self.matrix, self.flat, self.row, (1, columns), (rows, 1), ()}
        self.variables = [
            Variable(self.rng.normal(size=shape).astype(dtype), name=f"v{i}")
            for i, shape in enumerate(
                [self.matrix, self.matrix, self.row, self.row, self.flat]
            )
        ]
        weight = self.rng.normal(size=(columns, columns)).astype(dtype)
        self.weight = Variable(weight, name="weight")
        self.loop = bool(self.rng.integers(2))
        self.passes = int(self.rng.integers(0, 4)) if self.loop else 1
        self.pool: list[TraceTensor] = []

    def write(self) -> Graph:
        with self.trace as trace:
            if self.loop:
                trace.loop(trace.input("count", (1,), "int64"))
            self.pool += [trace.read(v) for v in self.variables]
            self.pool.append(trace.input("x", self.matrix, self.dtype, step=self.loop))
            self.pool.append(trace.input("y", self.row, self.dtype))
            for number in (self.rng.normal(size=self.row), 0.5, 1.0, 0.0):
                self.pool.append(trace.constant(np.asarray(number, self.dtype)))
            for _ in range(self.size):
                self.pool += self._grow()
                if self.rng.random() < 0.2:
                    self._assign(self.pool)
            if self.rng.random() < 0.6:
                self._update()
            if self.rng.random() < 0.6:
                self._guarded()
            self._ends()
        return trace.graph

    def inputs(self) -> dict[str, np.ndarray]:
        """Arrays for every input."""
        shape = (self.passes, *self.matrix) if self.loop else self.matrix
        inputs = {
            "x": self.rng.normal(size=shape).astype(self.dtype),
            "y": self.rng.normal(size=self.row).astype(self.dtype),
        }
        if self.loop:
            inputs["count"] = np.array([self.passes])
        return inputs

    def _pick(self, pool: list[TraceTensor], shape: Any = None) -> TraceTensor | None:
        fits = [t for t in pool if shape is None or t.shape == shape]
        return fits[self.rng.integers(len(fits))] if fits else None

    def _grow(self) -> list[TraceTensor]:
        x = self._pick(self.pool)
        assert x is not None
        kind = self.rng.random()
        add = self.trace.add
        if kind < 0.1:
            return self._compare(x)
        if kind < 0.35:
            return list(add(str(self.rng.choice(_UNARY)), (x,), {}))
        if kind < 0.65:
            for _ in range(10):
                other = self._pick(self.pool)
                assert other is not None
                try:
                    shape = np.broadcast_shapes(x.shape, other.shape)
                except ValueError:
                    continue
                if shape in self.shapes:
                    return list(add(str(self.rng.choice(_BINARY)), (x, other), {}))
        if kind < 0.8:
            count = int(np.prod(x.shape))
            shapes = sorted(s for s in self.shapes if int(np.prod(s)) == count)
            if not shapes:  # rows that a loop has stacked
                return []
            shape = shapes[self.rng.integers(len(shapes))]
            return list(add("reshape", (x,), {"shape": list(shape)}))
        if x.shape != self.matrix:
            return []
        if kind < 0.9:
            axes = [[0], [1], [0, 1]][self.rng.integers(3)]
            keep = int(axes == [1] or self.rng.random() < 0.3)
            total = add("reduce_sum", (x,), {"axes": axes, "keepdims": keep})[0]
            return [total] if total.shape in self.shapes else []
        if kind < 0.96:
            weight = self.trace.read(self.weight)
            return list(
                add("matmul", (x, weight), {"transpose_a": 0, "transpose_b": 0})
            )
        product = add("matmul", (x, x), {"transpose_a": 0, "transpose_b": 1})[0]
        return [*add("matmul", (product, x), {"transpose_a": 0, "transpose_b": 0})]

    def _compare(self, x: TraceTensor) -> list[TraceTensor]:
        """A `where` on a comparison of x, or a comparison as a number."""
        add = self.trace.add
        other = self._pick(self.pool, x.shape)
        assert other is not None
        flag = add("less", (x, other), {})[0]
        if self.rng.random() < 0.3:
            flag = add("logical_and", (flag, add("isfinite", (other,), {})[0]), {})[0]
        if self.rng.random() < 0.3:
            return list(add("cast", (flag,), {"dtype": self.dtype}))
        chosen = add("where", (flag, other, x), {})[0]
        if self.rng.random() < 0.3:
            return [chosen, add("where", (flag, x, chosen), {})[0]]
        return [chosen]

    def _assign(self, pool: list[TraceTensor]) -> None:
        variable = self.variables[self.rng.integers(len(self.variables))]
        value = self._pick(pool, variable.shape)
        if value is not None:
            self.trace.assign(variable, value)
            self.pool.append(self.trace.read(variable))

    def _update(self) -> None:
        """One Adam step over the two matrices, with the vectors as more slots."""
        trace = self.trace
        lr = trace.constant(np.float32(0.1))
        chosen = [
            Variable(np.ones(self.matrix, self.dtype), name=f"adam{i}")
            for i in range(6)
        ]
        operands = [lr]
        for group in (chosen[:3], chosen[3:]):
            var, *slots = group
            grad = self._pick(self.pool, self.matrix)
            assert grad is not None
            operands += [trace.read(var), grad, *(trace.read(s) for s in slots)]
        attrs = {"n": 2, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-7, "amsgrad": 0}
        for variable, value in zip(
            chosen, trace.add("adam_update", operands, attrs), strict=True
        ):
            trace.assign(variable, value)
        self.variables += chosen

    def _guarded(self) -> None:
        trace = self.trace
        flag = trace.constant(np.array([self.rng.integers(2)]))
        with trace.skip_if(flag):
            inside = list(self.pool)
            for _ in range(4):
                x = self._pick(inside, self.matrix)
                assert x is not None
                inside.append(trace.add("tanh", (x,), {})[0])
            outer = self._pick(self.pool, self.matrix)
            assert outer is not None
            alias = trace.add("reshape", (outer,), {"shape": list(self.matrix)})[0]
            trace.assign(self.variables[0], inside[-1])
            trace.assign(self.variables[1], alias if self.rng.random() < 0.5 else outer)

    def _ends(self) -> None:
        trace = self.trace
        free = [t for t in self.pool if t.value.node.guard is None]
        for i in range(4):
            value = self._pick(free)
            assert value is not None
            trace.output(f"out{i}", value, step=self.loop and bool(i % 2))
        region = [self._pick(free, self.matrix) for _ in range(3)]
        trace.graph.regions.append([t.value for t in region if t is not None])


class ChoosingWriter(Writer):
    """Writes graphs with choices by scalar flags, one inside the other."""

    def _grow(self) -> list[TraceTensor]:
        return self._choose(self.pool) if self.rng.random() < 0.25 else super()._grow()

    def _choose(self, outer: list[TraceTensor], depth: int = 0) -> list[TraceTensor]:
        """One or two choices by one flag, now and then an update as well."""
        flag = self._flag(outer)
        sides = [self._side(outer, depth) for _ in range(2)]
        chosen = []
        for _ in range(1 + self.rng.integers(2)):
            a = self._pick(sides[0])
            assert a is not None
            b = self._pick(sides[1], a.shape)
            if b is not None:
                chosen += self.trace.add("where", (flag, a, b), {})
        if depth == 0 and self.rng.random() < 0.3:
            variable = self.variables[self.rng.integers(5)]
            new = self._pick(sides[0], variable.shape)
            if new is not None and len(flag.shape) <= len(new.shape):
                operands = (flag, new, self.trace.read(variable))
                self.trace.assign(variable, self.trace.add("where", operands, {})[0])
        return chosen

    def _flag(self, pool: list[TraceTensor]) -> TraceTensor:
        """A number or a vector of one, greater than 0 or not; or one used before."""
        known = getattr(self, "flags", [])
        if known and self.rng.random() < 0.3:
            return known[self.rng.integers(len(known))]
        x = self._pick(pool)
        assert x is not None
        if x.shape:
            attrs = {"axes": list(range(len(x.shape))), "keepdims": 0}
            (x,) = self.trace.add("reduce_sum", (x,), attrs)
        if self.rng.random() < 0.3:
            (x,) = self.trace.add("reshape", (x,), {"shape": [1, 1]})
        zero = self.trace.constant(np.zeros((), self.dtype))
        flag = self.trace.add("less", (zero, x), {})[0]
        if pool is self.pool:
            self.flags = [*known, flag]
        return flag

    def _side(self, outer: list[TraceTensor], depth: int) -> list[TraceTensor]:
        held, self.pool = self.pool, list(outer)
        try:
            for _ in range(self.rng.integers(1, 6)):
                if depth < 2 and self.rng.random() < 0.2:
                    self.pool += self._choose(self.pool, depth + 1)
                else:
                    self.pool += super()._grow()
            return self.pool[-4:] if self.rng.random() < 0.8 else self.pool
        finally:
            self.pool = held


class LoopingWriter(ChoosingWriter):
    """Writes graphs with loops as well, one inside the other and inside branches."""

    depth = 0

    def _grow(self) -> list[TraceTensor]:
        if self.depth < 2 and self.rng.random() < 0.15:
            return self._loop()
        return super()._grow()

    def _loop(self) -> list[TraceTensor]:
        trace, held, flags = self.trace, self.pool, list(getattr(self, "flags", []))
        most = int(self.rng.integers(1, 5))
        count = trace.constant(np.array([most]))
        init = [
            x
            for _ in range(self.rng.integers(0, 4))
            if (x := self._pick(held)) is not None
        ]
        token, carried = trace.begin_loop(count, init, most)
        self.pool, self.depth = [*held, *carried, *carried], self.depth + 1
        rows = [x for x in held if x.shape and x.shape[0] == most]
        for x in rows[:3]:
            self.pool.append(trace.row(token, x, bool(self.rng.integers(2))))
        try:
            for _ in range(self.rng.integers(1, 8)):
                self.pool += self._grow()
            following = [self._next(x, held) for x in carried]
            stacked = [self._pick(self.pool) for _ in range(self.rng.integers(0, 3))]
        finally:
            inner, self.pool, self.depth = self.pool, held, self.depth - 1
            self.flags = flags
        if not following and not stacked:
            stacked = [inner[-1]]
        reverse = bool(self.rng.integers(2))
        finals, stacks = trace.end_loop(token, following, stacked, reverse=reverse)
        return [*finals, *stacks]

    def _next(self, x: TraceTensor, outer: list[TraceTensor]) -> TraceTensor:
        own = self.pool[len(outer) :]
        fitting = self._pick(own if self.rng.random() < 0.8 else self.pool, x.shape)
        return x if fitting is None else fitting


def state_of(writer: Writer) -> dict[Any, np.ndarray]:
    """A copy of the content of every variable."""
    variables = [*writer.variables, writer.weight]
    return {variable: variable.numpy() for variable in variables}
