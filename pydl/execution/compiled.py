"""`function`: Python that is traced once for each kind of arguments, then runs as a
compiled program."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from pydl import tree
from pydl.execution.arguments import Arguments, take_outputs
from pydl.execution.block import Block
from pydl.execution.faults import combined_fault, guard_updates
from pydl.graph.trace import Trace, current_trace
from pydl.ops.public import any_symbolic
from pydl.plan.explain import PlanTable
from pydl.runtime import numerics, watchers
from pydl.runtime.cache import ProgramCache
from pydl.runtime.tensor import Tensor


def function(
    func: Callable[..., Any] | None = None,
    *,
    run_eagerly: bool = False,
    limit: int = 32,
) -> Any:
    """Compile a function of tensors. Use it as a decorator, with or without arguments.

    The Python code runs once for each structure, shape and dtype of the tensor
    arguments and for each value of the others (numbers, strings, objects): prints and
    other side effects happen then only. Assignments to variables, of layers, optimizers
    and metrics too, are part of the program and happen at every call. Variables may be
    made when the function is first traced; when one of those it reads changes between
    trainable and not, it is traced again.

    Args:
        func: the function; a method is compiled for each object by itself.
        run_eagerly: run the Python code at every call, to debug it.
        limit: how many programs are kept, those used last.

    Inside, loops and branches of Python work as far as they do not ask for the value of
    a tensor: that raises a TypeError which names the line. Use `ops.cond`, `ops.where`
    and `ops.fori_loop`.

    >>> @pydl.function
    ... def scaled(x, factor):
    ...     return x * factor
    """
    if func is None:
        return functools.partial(function, run_eagerly=run_eagerly, limit=limit)
    return Function(func, run_eagerly=run_eagerly, limit=limit)


@dataclass
class _Traced:
    """One program of a function."""

    block: Block
    put: Callable[[Sequence[Any]], Any]
    #: What the data is expected to be like, if the last output says whether it is.
    expected: str
    objects: list[Any]  # alive as long as their ids are part of a key

    def __call__(self, tensors: Sequence[Tensor]) -> Any:
        results = self.block(tensors)
        if self.expected:
            bad = int(results.pop())
            if bad:
                raise ValueError(
                    f"{self.expected}; the one at flat index {bad - 1} is not. No "
                    "variable was changed."
                )
        return self.put(results)


class Function:
    """What `function` makes; see there."""

    def __init__(
        self, func: Callable[..., Any], *, run_eagerly: bool = False, limit: int = 32
    ) -> None:
        if not callable(func):
            raise TypeError(f"function: expected a callable, received {func!r}")
        functools.update_wrapper(self, func)
        self.python_function = func
        #: Run the Python code at every call.
        self.run_eagerly = bool(run_eagerly)
        #: How often the function was traced.
        self.trace_count = 0
        self._limit = limit
        self._name = getattr(func, "__name__", type(func).__name__)
        self._attribute = ""
        self._signature = inspect.signature(func)
        self._programs: ProgramCache[_Traced] = ProgramCache(limit)
        self._traced_for: set[Hashable] = set()
        self._lock = threading.RLock()

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method: compiled for this object, and kept in it."""
        if instance is None:
            return self
        bound = Function(
            self.python_function.__get__(instance, owner),
            run_eagerly=self.run_eagerly,
            limit=self._limit,
        )
        name = self._attribute or self._name
        if hasattr(instance, "__dict__"):
            object.__setattr__(instance, name, bound)
        return bound

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inside = (
            current_trace() is not None
            or watchers.current_scope() is not None  # which has other variable values
            or any_symbolic(*args, *kwargs.values())
        )
        if self.run_eagerly or inside:
            return self.python_function(*args, **kwargs)
        call = Arguments(self._signature, args, kwargs)
        with self._lock:
            traced = self._programs.get(call.key, lambda: self._trace(call))
            if traced.block.outdated:
                self._programs.forget(call.key)
                traced = self._programs.get(call.key, lambda: self._trace(call))
        if watchers.is_watched() and not traced.block.differentiable:
            return self.python_function(*args, **kwargs)  # the tape looks inside
        if numerics.enabled():
            return self._checked(traced, call, args, kwargs)
        return traced(call.tensors)

    def _checked(self, traced: _Traced, call: Arguments, args: Any, kwargs: Any) -> Any:
        """Run; where that gives NaN or infinities, go back and run op by op, which
        tells where they come from."""
        before = numerics.Snapshot(traced.block.program.info.written)
        result = traced(call.tensors)
        arrays = [x.array for x in tree.flatten(result) if isinstance(x, Tensor)]
        found = before.first_bad(arrays)
        if found:
            before.restore()
            self.python_function(*args, **kwargs)
            raise numerics.not_found_again(self._name, found)
        return result

    # -- tracing ---------------------------------------------------------------------

    def _trace(self, call: Arguments) -> _Traced:
        with watchers.made_variables() as made, Trace(self._name) as trace:
            inputs = [
                trace.input(f"x{i}", tensor.shape, tensor.dtype)
                for i, tensor in enumerate(call.tensors)
            ]
            args, kwargs = call.filled(inputs)
            result = self.python_function(*args, **kwargs)
            self._check_made(call, made)
            outputs, put = take_outputs(result)
            fault, expected = combined_fault(trace)
            if fault is not None:
                outputs = [*outputs, fault]
                guard_updates(trace, fault, outputs)
        block = Block(trace, inputs, outputs, hidden=0 if fault is None else 1)
        self.trace_count += 1
        self._traced_for.add(call.object_key)
        return _Traced(block, put, expected, call.objects)

    def _check_made(self, call: Arguments, made: Sequence[Any]) -> None:
        if made and call.object_key in self._traced_for:
            raise ValueError(
                f"function {self._name!r}: made the variable(s) "
                f"{[v.path for v in made]} when it was traced again, for other "
                "arguments. Make variables once, the first time: before the call, or "
                "kept in an attribute that is None at first."
            )

    # -- looking inside --------------------------------------------------------------

    def explain(self) -> list[PlanTable]:
        """The programs made so far, instruction by instruction."""
        tables = []
        for traced in self._programs.values():
            table = traced.block.program.explain()
            table.notes = [*table.notes, *self._programs.notes]
            tables.append(table)
        return tables

    def clear(self) -> None:
        """Forget all programs: the next calls trace again. Needed only after a change
        that arguments do not show, such as that of a global."""
        with self._lock:
            self._programs.clear()

    def __repr__(self) -> str:
        return f"<Function {self._name}, {len(self._programs)} programs>"
