"""A bag of settings with names."""

from __future__ import annotations

import json
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any


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

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def get(self, keyname: str, value: Any = None) -> Any:
        """A setting, or `value` if there is none."""
        return self._values.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Take a setting out; a second argument stands for one that is missing."""
        self._check_open()
        return self._values.pop(*args)

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
