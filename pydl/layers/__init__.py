"""Layers, under Keras's names."""

from typing import (
    Any,
)

from pydl.layers.base import (
    InputSpec,
    Layer,
)
from pydl.layers.core.activation import (
    Activation,
    LeakyReLU,
    ReLU,
    Softmax,
)
from pydl.layers.core.dense import (
    Dense,
)
from pydl.layers.core.dot import (
    Dot,
    dot,
)
from pydl.layers.core.dropout import (
    Dropout,
)
from pydl.layers.core.einsum_dense import (
    EinsumDense,
)
from pydl.layers.core.embedding import (
    Embedding,
)
from pydl.layers.core.input_layer import (
    Input,
    InputLayer,
)
from pydl.layers.core.lambda_layer import Identity, Lambda
from pydl.layers.core.learned_activation import (
    ELU,
    PReLU,
)
from pydl.layers.core.masking import (
    Masking,
)
from pydl.layers.core.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from pydl.layers.core.rescaling import (
    Rescaling,
)
from pydl.layers.core.reshaping import (
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
)
from pydl.layers.core.wrapper import (
    TimeDistributed,
    Wrapper,
)
from pydl.layers.normalization.batch import (
    BatchNormalization,
)
from pydl.layers.normalization.layerwise import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from pydl.layers.normalization.spectral import (
    SpectralNormalization,
)
from pydl.layers.preprocessing.categories import (
    CategoryEncoding,
)
from pydl.layers.preprocessing.hashing import (
    Hashing,
)
from pydl.layers.preprocessing.lookup import (
    IntegerLookup,
    StringLookup,
)
from pydl.layers.preprocessing.numbers import (
    Discretization,
    Normalization,
)
from pydl.layers.regularization.noise import (
    ActivityRegularization,
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from pydl.layers.spatial.pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from pydl.layers.spatial.reshaping import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from pydl.objects.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


def serialize(layer: Layer) -> Any:
    """The JSON form of a layer."""
    return serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer of a JSON form."""
    layer = deserialize_keras_object(config, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(
            f"expected the configuration of a layer, received that of {layer!r}"
        )
    return layer


GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
__all__ = [
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "CategoryEncoding",
    "Concatenate",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "Discretization",
    "Dot",
    "Dropout",
    "ELU",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StringLookup",
    "Subtract",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
