"""Which dtype a layer keeps its weights in and which it computes in."""

from __future__ import annotations

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
