"""A bounded store of compiled programs, the least recently used leaving first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ProgramCache(Generic[T]):
    """Programs by key. Another shape is another key; see design notes on cache keys.

    >>> cache = ProgramCache(limit=2)
    >>> cache.get("a", lambda: 1), cache.get("b", lambda: 2), cache.get("c", lambda: 3)
    (1, 2, 3)
    >>> cache.notes
    ["evicted 'a' (limit 2)"]
    """

    def __init__(self, limit: int = 32) -> None:
        if limit < 1:
            raise ValueError(f"limit: expected at least 1, received {limit}")
        self.limit = limit
        #: What was thrown out, latest last; shown by `explain`. At most 100 lines.
        self.notes: list[str] = []
        self._items: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The program under `key`, made now if it is not there."""
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
            return found
        made = self._items[key] = make()
        while len(self._items) > self.limit:
            oldest, _ = self._items.popitem(last=False)
            self.notes.append(f"evicted {oldest!r} (limit {self.limit})")
            del self.notes[:-100]
        return made

    def forget(self, key: Hashable) -> None:
        """Drop the program under `key`, if it is there."""
        self._items.pop(key, None)

    def values(self) -> list[T]:
        """The programs, the least recently used first."""
        return list(self._items.values())

    def clear(self) -> None:
        """Forget all programs."""
        self._items.clear()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._items
