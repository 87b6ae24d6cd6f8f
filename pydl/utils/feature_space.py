"""Tables of mixed features as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import numpy as np

from pydl import layers, ops
from pydl.objects.registration import custom_object_scope
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from pydl.training.adapters.tensors import to_numpy
from pydl.utils.features import (
    OF_KERAS,
    Cross,
    Feature,
    FeatureKinds,
    cardinality,
    learns,
)

#: Scalars that are adapted to at once.
_ROWS = 32


class FeatureSpace(FeatureKinds):
    """A table of mixed features as one vector per row, or as a dict of encodings.

    Works on the host: call it on a dict of arrays before the model.

    Args:
        features: ``{name: kind}``; a kind is a name such as ``"float_normalized"``,
            or what a constructor such as `FeatureSpace.float_normalized()` gives:
            `float`, `float_rescaled`, `float_normalized`, `float_discretized`,
            `integer_categorical`, `string_categorical`, `integer_hashed`,
            `string_hashed`, `feature` (a layer of your own).
        output_mode: ``"concat"``: one array ``(batch, size)``, features in the order of
            their names, then crosses; ``"dict"``: an array per feature.
        crosses: tuples of names to combine, or what `FeatureSpace.cross` gives.
        crossing_dim: buckets of a combination.
        hashing_dim: buckets of the kinds ``"integer_hashed"`` and ``"string_hashed"``.
        num_discretization_bins: bins of the kind ``"float_discretized"``.

    Raises:
        ValueError: an unknown kind or feature; a call before `adapt`; features that
            cannot be joined because they are not encoded.

    >>> space = pydl.utils.FeatureSpace({"x": "float", "word": "string_categorical"})
    >>> space.adapt({"x": [0.5, 1.5], "word": ["a", "b"]})
    >>> space({"x": [2.0], "word": ["b"]}).tolist()
    [[0.0, 1.0, 0.0, 2.0]]
    """

    _keras_module: ClassVar[str] = "keras.utils"

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        if output_mode not in ("concat", "dict"):
            raise ValueError(
                "Invalid value for argument `output_mode`. Expected one of {'concat', "
                f"'dict'}}. Received: output_mode={output_mode}"
            )
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {key: self._feature(key, v) for key, v in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.preprocessors = {k: f.preprocessor for k, f in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self.inputs = {
            key: layers.Input(shape=(1,), dtype=feature.dtype, name=key)
            for key, feature in self.features.items()
        }
        self.encoded_features: Any = None
        self._is_adapted = not self._adaptable()
        self._convert_input_args = False
        self.built = self._is_adapted

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, dict):
            made: Feature = deserialize_keras_object(value)
            return made
        sizes = {
            "float_discretized": self.num_discretization_bins,
            "integer_hashed": self.hashing_dim,
            "string_hashed": self.hashing_dim,
        }
        if value in sizes:
            return getattr(self, value)(sizes[value], name=name)  # type: ignore[no-any-return]
        if value not in ("float", "float_normalized", "float_rescaled",
                         "integer_categorical", "string_categorical"):  # fmt: skip
            raise ValueError(f"Invalid feature type: {value}")
        return getattr(self, value)(name=name)  # type: ignore[no-any-return]

    def _cross(self, value: Any) -> Cross:
        if isinstance(value, dict):
            value = deserialize_keras_object(value)
        if isinstance(value, Cross):
            return value
        if not self.crossing_dim:
            raise ValueError(
                "When specifying `crosses`, the argument `crossing_dim` "
                "(dimensionality of the crossing space) should be specified as well."
            )
        if not set(value) <= set(self.features):
            raise ValueError(
                "All features referenced in the `crosses` argument should be present "
                f"in the `features` dict. Received unknown features: {value}"
            )
        return Cross(value, self.crossing_dim)

    # -- learning -------------------------------------------------------------------

    def _adaptable(self) -> list[str]:
        return [k for k, layer in self.preprocessors.items() if learns(layer)]

    def adapt(self, dataset: Any) -> None:
        """Let every layer that learns see its feature.

        Args:
            dataset: a dict of arrays or lists, or an iterable of dicts: of samples or
                of batches.
        """
        if not isinstance(dataset, (dict, Iterable)):
            raise ValueError(
                "`adapt()` can only be called on a dict of arrays/lists or an iterable "
                f"of dicts. Received instead: {dataset} (of type {type(dataset)})"
            )
        kept = dataset if isinstance(dataset, dict) else list(dataset)
        for name in self._adaptable():
            self.preprocessors[name].adapt(_batches(kept, name))
        self._is_adapted = True
        self.built = True

    def _check_adapted(self) -> None:
        if not self._is_adapted:
            raise ValueError(
                "You need to call `.adapt(dataset)` on the FeatureSpace before you can "
                "start using it."
            )

    # -- encoding -------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Any]:
        """Symbolic inputs of the features, by name."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic encoding of `get_inputs()`: the input of a model that is trained
        on encoded rows."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encode(self.inputs)
        return self.encoded_features

    def __call__(self, data: dict[str, Any]) -> Any:
        """Encode a dict of arrays ``(batch,)`` or ``(batch, 1)``, or of scalars."""
        self._check_adapted()
        if not isinstance(data, dict):
            raise ValueError(
                "A FeatureSpace can only be called with a dict. Received: "
                f"data={data} (of type {type(data)})"
            )
        arrays = {key: np.asarray(to_numpy(value)) for key, value in data.items()}
        single = any(array.ndim == 0 for array in arrays.values())
        columns = {
            key: array.reshape(-1, 1) if array.ndim < 2 else array
            for key, array in arrays.items()
        }
        out = self._encode(columns)
        if not single:
            return out
        if isinstance(out, dict):
            return {key: value[0] for key, value in out.items()}
        return out[0]

    def _encode(self, data: dict[str, Any]) -> Any:
        found = {key: self.preprocessors[key](data[key]) for key in data}
        crossed = {
            cross.name: self.crossers[cross.name](
                [found[key] for key in cross.feature_names]
            )
            for cross in self.crosses
        }
        specs: dict[str, Any] = {cross.name: cross for cross in self.crosses}
        specs |= self.features
        both = {**found, **crossed}
        encoded = {
            name: self._one_hot(name, both[name])
            if specs[name].output_mode == "one_hot"
            else both[name]
            for name in [*sorted(found), *sorted(crossed)]
        }
        return encoded if self.output_mode == "dict" else _concatenated(encoded)

    def _one_hot(self, name: str, feature: Any) -> Any:
        if not str(feature.dtype).startswith("int"):
            raise ValueError(
                f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor "
                f"should return an integer dtype. Instead it returns a {feature.dtype} "
                "dtype."
            )
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers.get(name)
            self.one_hot_encoders[name] = layers.CategoryEncoding(
                num_tokens=cardinality(name, layer), output_mode="multi_hot"
            )
        return self.one_hot_encoders[name](feature)

    # -- files ----------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            "features": serialize_keras_object(self.features),
            "output_mode": self.output_mode,
            "crosses": serialize_keras_object(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object of a `get_config` dict."""
        with custom_object_scope(OF_KERAS):
            return cls(**config)

    def get_build_config(self) -> dict[str, Any]:
        """What the preprocessing layers were built with."""
        return {
            name: feature.preprocessor.get_build_config()
            for name, feature in self.features.items()
        }

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the preprocessing layers: their state comes from a file."""
        for name, own in config.items():
            layer = self.features[name].preprocessor
            if not layer.built and own is not None:
                layer.build_from_config(own)
        self._is_adapted = True
        self.built = True

    def save(self, filepath: Any) -> None:
        """Write to a ``.keras`` file, which `pydl.models.load_model` reads."""
        from pydl.saving.keras_file import save_model

        save_model(self, filepath)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Nothing: the layers have the state."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: the layers have the state."""


def _batches(data: Any, name: str) -> Iterator[np.ndarray]:
    """One feature in batches with a last axis: scalars by `_ROWS`."""
    column = data[name] if isinstance(data, dict) else [item[name] for item in data]
    parts = [np.asarray(to_numpy(part)) for part in column]
    if parts and parts[0].ndim == 0:
        parts = [np.array(parts[at : at + _ROWS]) for at in range(0, len(parts), _ROWS)]
    for part in parts:
        yield part[:, None] if part.ndim == 1 else part


def _concatenated(encoded: dict[str, Any]) -> Any:
    for name, feature in encoded.items():
        if str(feature.dtype).startswith(("int", "str", "<U", "object")):
            raise ValueError(
                f"Cannot concatenate features because feature '{name}' has not been "
                f"encoded (it has dtype {feature.dtype}). Consider using "
                "`output_mode='dict'`."
            )
    return ops.concatenate(list(encoded.values()), axis=-1)
