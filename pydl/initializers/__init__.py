"""First values of weights, by class or by name (``"glorot_uniform"``)."""

from __future__ import annotations

from typing import Any

from pydl.initializers.initializer import Constant, Identity, Initializer, Ones, Zeros
from pydl.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from pydl.objects.family import Family

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_family = Family(
    "initializer",
    Initializer,
    (
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity,
        LecunNormal, LecunUniform, Ones, Orthogonal, RandomNormal, RandomUniform,
        TruncatedNormal, VarianceScaling, Zeros,
    ),
    {
        "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal,
        "one": Ones, "zero": Zeros, "normal": RandomNormal, "uniform": RandomUniform,
    },
)  # fmt: skip


def get(identifier: Any) -> Any:
    """An initializer from a name, a class, a configuration, an array or itself."""
    if not isinstance(identifier, (str, dict, type, Initializer)) and hasattr(
        identifier, "__array__"
    ):
        return Constant(identifier)
    return _family.get(identifier)


def serialize(initializer: Initializer) -> Any:
    """The JSON form of an initializer."""
    return _family.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a JSON form."""
    return _family.deserialize(config, custom_objects)


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "IdentityInitializer", "Initializer", "LecunNormal", "LecunUniform", "Ones",
    "Orthogonal", "OrthogonalInitializer", "RandomInitializer", "RandomNormal",
    "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros", "constant",
    "deserialize", "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal",
    "random_uniform", "serialize", "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip
