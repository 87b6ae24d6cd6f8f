"""How single features of a table are encoded."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydl import layers
from pydl.layers.base import Layer
from pydl.objects.naming import auto_name
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

_KERAS_MODULE = "keras.src.layers.preprocessing.feature_space"


class Cross:
    """Features to combine, and into how many buckets; see `FeatureSpace.cross`."""

    _keras_module: ClassVar[str] = _KERAS_MODULE

    def __init__(
        self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"
    ) -> None:
        _check_mode(output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined by ``_X_``."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this object again."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object of a `get_config` dict."""
        return cls(**config)


class Feature:
    """How one feature is encoded; see `FeatureSpace.feature`."""

    _keras_module: ClassVar[str] = _KERAS_MODULE

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        _check_mode(output_mode, ("int", "one_hot", "float"))
        self.dtype = dtype
        if isinstance(preprocessor, dict):
            preprocessor = deserialize_keras_object(preprocessor)
        self.preprocessor = preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this object again."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object of a `get_config` dict."""
        return cls(**config)


#: Classes that Keras's files name, but do not make public.
OF_KERAS = {"Feature": Feature, "Cross": Cross, "TFDIdentity": layers.Identity}


def _check_mode(output_mode: str, allowed: tuple[str, ...]) -> None:
    if output_mode not in allowed:
        raise ValueError(
            "Invalid value for argument `output_mode`. Expected one of "
            f"{set(allowed)}. Received: output_mode={output_mode}"
        )


class FeatureKinds(Layer):
    """The constructors of features; `name` names their preprocessing layers."""

    @classmethod
    def cross(
        cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """Features combined into `crossing_dim` buckets."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature with a layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        layer = layers.Identity(dtype="float32", name=_layer_name("float", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers times `scale` plus `offset`."""
        name = _layer_name("float_rescaled", name)
        layer = layers.Rescaling(scale=scale, offset=offset, name=name)
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers brought to mean 0 and variance 1."""
        name = _layer_name("float_normalized", name)
        return Feature("float32", layers.Normalization(axis=-1, name=name), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int | None, bin_boundaries: Any = None,
        output_mode: str = "one_hot", name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Numbers sorted into bins."""
        layer = layers.Discretization(
            num_bins=num_bins, bin_boundaries=bin_boundaries,
            name=_layer_name("float_discretized", name),
        )  # fmt: skip
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1,
        output_mode: str = "one_hot", name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Integers as places in a vocabulary."""
        layer = layers.IntegerLookup(
            name=_layer_name("integer_categorical", name), max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )  # fmt: skip
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1,
        output_mode: str = "one_hot", name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Strings as places in a vocabulary."""
        layer = layers.StringLookup(
            name=_layer_name("string_categorical", name), max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )  # fmt: skip
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Strings as numbers of buckets."""
        name = _layer_name("string_hashed", name)
        return Feature("string", layers.Hashing(num_bins, name=name), output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers as numbers of buckets."""
        name = _layer_name("integer_hashed", name)
        return Feature("int32", layers.Hashing(num_bins, name=name), output_mode)


def _layer_name(kind: str, name: str | None) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def learns(layer: Any) -> bool:
    """Whether a layer has an `adapt` and was not given what it would learn."""
    if isinstance(layer, layers.Normalization):
        return layer.input_mean is None
    if isinstance(layer, layers.Discretization):
        return layer.num_bins is not None
    given: bool = getattr(layer, "has_input_vocabulary", False)
    return hasattr(layer, "adapt") and not given


def cardinality(name: str, layer: Any) -> int:
    """How many integers a layer can give; ValueError where that is not known."""
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, layers.Discretization):
        return layer.num_bins or len(layer.bin_boundaries or ()) + 1
    if isinstance(layer, (layers.HashedCrossing, layers.Hashing)):
        return layer.num_bins
    raise ValueError(
        f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard "
        "feature and the dimensionality of its output space is not known, thus it "
        "cannot be one-hot encoded. Try using `output_mode='int'`."
    )
