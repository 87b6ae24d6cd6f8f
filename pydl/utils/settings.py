"""A bag of settings with names, and data sets in two parts."""

from __future__ import annotations

import json
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

import numpy as np

from pydl import tree


class Config:
    """Settings as attributes and items, which can be frozen.

    >>> settings = Config(lr=0.1)
    >>> settings.epochs = 3
    >>> settings.as_dict()
    {'lr': 0.1, 'epochs': 3}
    """

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    _values: dict[str, Any]
    _frozen: bool

    def __getattr__(self, name: str) -> Any:
        values: dict[str, Any] = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"Config has no setting {name!r}; it has {sorted(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        self._check_open()
        self._values[name] = value

    def __delattr__(self, name: str) -> None:
        self._check_open()
        if name not in self._values:
            raise AttributeError(f"Config has no setting {name!r}")
        del self._values[name]

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __delitem__(self, name: str) -> None:
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and other._values == self._values

    def __hash__(self) -> int:
        return id(self)

    def _check_open(self) -> None:
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen.")

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or `default` if there is none."""
        return self._values.get(name, default)

    def pop(self, name: str) -> Any:
        """Take a setting out."""
        self._check_open()
        return self._values.pop(name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several."""
        self._check_open()
        self._values.update(*args, **kwargs)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """The settings."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and settings."""
        return self._values.items()

    def as_dict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return dict(self._values)

    def to_json(self) -> str:
        """The settings as JSON text."""
        return json.dumps(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Arrays in two parts along their first axis.

    Args:
        dataset: an array, or a list, tuple or dict of arrays of one length.
        left_size: rows of the first part: their number, or their share in (0, 1).
        right_size: the same of the second part; None: what is left.
        shuffle: whether rows are drawn in a random order.
        seed: of that order.
        preferred_backend: must be None; the parts are NumPy arrays like `dataset`.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> left.tolist(), right.tolist()
    ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])
    """
    if preferred_backend is not None:
        raise ValueError(
            f"preferred_backend: expected None, received {preferred_backend!r}"
        )
    arrays = [np.asarray(x) for x in tree.flatten(dataset)]
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1:
        raise ValueError(
            f"split_dataset: expected arrays of one length, received {sorted(lengths)}"
        )
    (rows,) = lengths
    left, right = _sizes(rows, left_size, right_size)
    order = np.arange(rows)
    if shuffle:
        np.random.default_rng(seed).shuffle(order)
    parts = (order[:left], order[left : left + right])
    first, second = (
        tree.pack_sequence_as(dataset, [array[part] for array in arrays])
        for part in parts
    )
    return first, second


def _sizes(rows: int, left: float | None, right: float | None) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError(
            "At least one of `left_size` or `right_size` must be specified"
        )
    counts = [_count(name, size, rows) for name, size in
              (("left_size", left), ("right_size", right))]  # fmt: skip
    first = rows - (counts[1] or 0) if counts[0] is None else counts[0]
    second = rows - first if counts[1] is None else counts[1]
    if first + second > rows:
        raise ValueError(
            f"The sum of left_size and right_size ({first} + {second}) must not exceed "
            f"the number of rows {rows}"
        )
    return first, second


def _count(name: str, size: float | None, rows: int) -> int | None:
    if size is None:
        return None
    whole = isinstance(size, int) and not isinstance(size, bool)
    if not (0 < size <= rows if whole else isinstance(size, float) and 0 < size < 1):
        raise ValueError(
            f"{name}: expected a number of rows up to {rows} or a share in (0, 1), "
            f"received {size!r}"
        )
    return int(size) if whole else round(size * rows)
