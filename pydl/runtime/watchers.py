"""Who looks on while ops run eagerly and variables are read: tapes, scopes, checks.

`active` is 0 nearly always, so that an eager op pays one comparison. A tape looks on in
its own thread only; a check set for the process looks on in all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from pydl.graph.trace import user_line
from pydl.runtime import gpu

#: How many tapes, scopes and checks there are, in all threads together.
active = 0

_lock = threading.Lock()


class Watcher(Protocol):
    """What a tape is told. Tensors are eager ones, by identity."""

    def on_op(
        self, op: str, inputs: Sequence[Any], attrs: dict[str, Any], results: Any
    ) -> None:
        """A primitive ran."""

    def on_call(self, inputs: Sequence[Any], results: Any, back: Any) -> None:
        """A function with a gradient of its own ran: ``back(grads) -> grads``."""

    def on_read(self, variable: Any, tensor: Any) -> None:
        """A variable was read, as this tensor."""


class Scope(Protocol):
    """What stands in for the values of variables."""

    def get_current_value(self, variable: Any) -> Any:
        """The value of a variable, None where the scope knows none."""

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Keep the new value of a variable."""


#: ``check(op, operands, results, layer, line)`` raises on bad results; arrays.
Check = Callable[[str, Sequence[Any], Sequence[Any], str, str], None]


class _Local(threading.local):
    def __init__(self) -> None:
        self.watchers: list[Watcher] = []
        self.scopes: list[Scope] = []
        self.made: list[Any] | None = None


_local = _Local()
_check: Check | None = None  # of all threads
#: The path of the layer that is being called, "" outside layers; set by `pydl.layers`.
layer_path: Callable[[], str] = str
#: What a call depends on beside its arguments, such as `training` of the layer that
#: makes it; hashable; set by `pydl.layers`.
surroundings: Callable[[], Any] = tuple


def _count(change: int) -> None:
    global active
    with _lock:
        active += change


@contextmanager
def _entered(items: list[Any], item: Any) -> Iterator[None]:
    items.append(item)
    _count(1)
    try:
        yield
    finally:
        # By identity, the innermost: tapes may end in any order.
        at = next(i for i in reversed(range(len(items))) if items[i] is item)
        del items[at]
        _count(-1)


def watching(watcher: Watcher) -> Any:
    """A context in which a watcher is told of the ops of this thread."""
    return _entered(_local.watchers, watcher)


def scoped(scope: Scope) -> Any:
    """A context in which variables of this thread have the scope's values."""
    return _entered(_local.scopes, scope)


def set_check(check: Check | None) -> None:
    """Check the results of all ops that run eagerly from now on, in all threads."""
    global _check
    _count((check is not None) - (_check is not None))
    _check = check


def current_check() -> Check | None:
    """The check of results, if there is one."""
    return _check


@contextmanager
def unwatched() -> Iterator[None]:
    """A context whose ops no tape that is open now is told of."""
    outer, _local.watchers = _local.watchers, []
    try:
        yield
    finally:
        _local.watchers = outer


def is_watched() -> bool:
    """Whether a tape looks on in this thread."""
    return bool(_local.watchers)


def note_op(
    op: str, inputs: Sequence[Any], attrs: dict[str, Any], results: Any
) -> None:
    """Tell of a primitive that ran; raises what a check finds."""
    for watcher in _local.watchers:
        watcher.on_op(op, inputs, attrs, results)
    if _check is not None:
        operands = [gpu.to_host(x.array) for x in inputs]
        made = [gpu.to_host(x.array) for x in results]
        _check(op, operands, made, layer_path(), user_line())


def note_call(inputs: Sequence[Any], results: Any, back: Any) -> None:
    """Tell of a function with a gradient of its own."""
    for watcher in _local.watchers:
        watcher.on_call(inputs, results, back)


def note_read(variable: Any, tensor: Any) -> None:
    """Tell of a variable that was read."""
    for watcher in _local.watchers:
        watcher.on_read(variable, tensor)


def current_scope() -> Scope | None:
    """The innermost scope of this thread."""
    return _local.scopes[-1] if _local.scopes else None


def scoped_value(variable: Any) -> Any:
    """The value the innermost scope that knows the variable has for it, else None."""
    for scope in reversed(_local.scopes):
        value = scope.get_current_value(variable)
        if value is not None:
            return value
    return None


@contextmanager
def made_variables() -> Iterator[list[Any]]:
    """A context that gives the list of the variables made in it by this thread."""
    outer, _local.made = _local.made, []
    try:
        yield _local.made
    finally:
        if outer is not None:
            outer.extend(_local.made)
        _local.made = outer


def note_made(variable: Any) -> None:
    """Tell of a new variable."""
    if _local.made is not None:
        _local.made.append(variable)
