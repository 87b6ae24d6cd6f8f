"""Which dtype a layer keeps its weights in and which it computes in."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any, Self

from pydl import config
from pydl.objects.serialization import deserialize_keras_object, serialize_keras_object

_SUPPORTED = (
    "float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16",
)  # fmt: skip


class DTypePolicy:
    """A named policy. A float dtype's name: for weights and computation alike;
    ``"mixed_float16"`` and ``"mixed_bfloat16"``: weights in float32, which are cast to
    the 16-bit dtype where a layer computes with them.

    Args:
        name: the policy's name; None is `config.floatx()`.
    """

    _keras_module = "keras"

    def __init__(self, name: str | None = None) -> None:
        name = config.floatx() if name is None else name
        if not isinstance(name, str):
            raise TypeError(
                "DTypePolicy: expected `name` to be a string such as 'float32', "
                f"received {name!r} (of type {type(name).__name__})"
            )
        if name not in _SUPPORTED:
            raise ValueError(
                f"dtype policy {name!r} is unknown: expected one of {_SUPPORTED}"
            )
        self._name = name

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of inputs, activations and outputs."""
        return self._name.removeprefix("mixed_")

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return "float32" if self._name.startswith("mixed_") else self._name

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The policy of a `get_config` dict."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the paths of layers.

    A path gets the policy of its own entry, else of the one entry that matches all of
    it as a regular expression, else the default.

    Args:
        default_policy: of paths without an entry; None: the one of `config`.
        policy_map: ``{path: policy}``.

    Raises:
        TypeError: `policy_map` is no dict.
        ValueError: a path that several entries match, when it is asked for; an entry
            that is there already.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("float16")})
    >>> policies["encoder/dense"].name, policies["decoder"].name
    ('float16', 'float32')
    """

    _keras_module = "keras.dtype_policies"

    def __init__(
        self,
        default_policy: Any = None,
        policy_map: dict[str, DTypePolicy] | None = None,
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                "If specified, `policy_map` must be a dict. Received: "
                f"policy_map={policy_map} of type {type(policy_map)}"
            )
        self._given = default_policy
        self._policy_map = dict(policy_map or {})

    @property
    def name(self) -> str:
        """``map_`` and the default's name."""
        return f"map_{self.default_policy.name}"

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths without an entry."""
        return get(self._given)

    @property
    def compute_dtype(self) -> str:
        """The default's."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The default's."""
        return self.default_policy.variable_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policy_map:
            return self._policy_map[key]
        found = [pattern for pattern in self._policy_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: "
                f"{found}. Please make sure each path only matches at most one dtype "
                "policy specification key in the DTypePolicyMap."
            )
        return self._policy_map[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policy_map:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap with value "
                f"{self._policy_map[key]}. Please make sure to not use duplicated keys."
            )
        self._policy_map[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policy_map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policy_map

    def __len__(self) -> int:
        return len(self._policy_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy_map)

    def get_config(self) -> dict[str, Any]:
        return {
            "default_policy": serialize_keras_object(self._given),
            "policy_map": serialize_keras_object(self._policy_map),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The map of a `get_config` dict."""
        parts = deserialize_keras_object(dict(config), custom_objects)
        return cls(**parts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DTypePolicyMap)
            and other.default_policy == self.default_policy
            and other._policy_map == self._policy_map
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        pairs = [(key, policy.name) for key, policy in self._policy_map.items()]
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, {pairs}>"


FloatDTypePolicy = DTypePolicy

_default: DTypePolicy | None = None


def default_policy() -> DTypePolicy:
    """The policy of layers that are given none: `config.floatx()` unless one is set."""
    return DTypePolicy() if _default is None else _default


def set_default_policy(policy: Any) -> None:
    """Set the policy of layers that are given none; None takes it back."""
    global _default
    _default = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """A policy from None, a name, a dtype, a configuration or itself."""
    if identifier is None:
        return default_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        policy = deserialize_keras_object(identifier)
        if isinstance(policy, DTypePolicy):
            return policy
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    name = getattr(identifier, "name", None) or getattr(identifier, "__name__", None)
    if isinstance(name, str):
        return DTypePolicy(name)
    raise TypeError(
        f"cannot interpret dtype={identifier!r}: expected a name such as 'float32' or "
        "a DTypePolicy"
    )


def serialize(dtype_policy: DTypePolicy) -> Any:
    """The JSON form of a policy."""
    return serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The policy of a JSON form."""
    return deserialize_keras_object(config, custom_objects)
