"""Layers, under Keras's names."""

from typing import (
    TYPE_CHECKING,
    Any,
)

from pydl.layers.base import (
    InputSpec,
    Layer,
)
from pydl.lazy import members
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


if TYPE_CHECKING:
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
    from pydl.layers.core.reversible_embedding import (
        ReversibleEmbedding,
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
    from pydl.layers.preprocessing.crossing import (
        HashedCrossing,
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
    from pydl.layers.preprocessing.pipeline import (
        Pipeline,
    )
    from pydl.layers.preprocessing.text import (
        TextVectorization,
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
        GlobalAvgPool1D,
        GlobalAvgPool2D,
        GlobalAvgPool3D,
        GlobalMaxPool1D,
        GlobalMaxPool2D,
        GlobalMaxPool3D,
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

__getattr__ = members(
    __name__,
    {
        "Activation": "pydl.layers.core.activation",
        "ActivityRegularization": "pydl.layers.regularization.noise",
        "Add": "pydl.layers.core.merging",
        "AlphaDropout": "pydl.layers.regularization.noise",
        "Average": "pydl.layers.core.merging",
        "BatchNormalization": "pydl.layers.normalization.batch",
        "CategoryEncoding": "pydl.layers.preprocessing.categories",
        "Concatenate": "pydl.layers.core.merging",
        "Cropping1D": "pydl.layers.spatial.reshaping",
        "Cropping2D": "pydl.layers.spatial.reshaping",
        "Cropping3D": "pydl.layers.spatial.reshaping",
        "Dense": "pydl.layers.core.dense",
        "Discretization": "pydl.layers.preprocessing.numbers",
        "Dot": "pydl.layers.core.dot",
        "Dropout": "pydl.layers.core.dropout",
        "ELU": "pydl.layers.core.learned_activation",
        "EinsumDense": "pydl.layers.core.einsum_dense",
        "Embedding": "pydl.layers.core.embedding",
        "Flatten": "pydl.layers.core.reshaping",
        "GaussianDropout": "pydl.layers.regularization.noise",
        "GaussianNoise": "pydl.layers.regularization.noise",
        "GlobalAveragePooling1D": "pydl.layers.spatial.pooling",
        "GlobalAveragePooling2D": "pydl.layers.spatial.pooling",
        "GlobalAveragePooling3D": "pydl.layers.spatial.pooling",
        "GlobalAvgPool1D": "pydl.layers.spatial.pooling",
        "GlobalAvgPool2D": "pydl.layers.spatial.pooling",
        "GlobalAvgPool3D": "pydl.layers.spatial.pooling",
        "GlobalMaxPool1D": "pydl.layers.spatial.pooling",
        "GlobalMaxPool2D": "pydl.layers.spatial.pooling",
        "GlobalMaxPool3D": "pydl.layers.spatial.pooling",
        "GlobalMaxPooling1D": "pydl.layers.spatial.pooling",
        "GlobalMaxPooling2D": "pydl.layers.spatial.pooling",
        "GlobalMaxPooling3D": "pydl.layers.spatial.pooling",
        "GroupNormalization": "pydl.layers.normalization.layerwise",
        "HashedCrossing": "pydl.layers.preprocessing.crossing",
        "Hashing": "pydl.layers.preprocessing.hashing",
        "Identity": "pydl.layers.core.lambda_layer",
        "Input": "pydl.layers.core.input_layer",
        "InputLayer": "pydl.layers.core.input_layer",
        "IntegerLookup": "pydl.layers.preprocessing.lookup",
        "Lambda": "pydl.layers.core.lambda_layer",
        "LayerNormalization": "pydl.layers.normalization.layerwise",
        "LeakyReLU": "pydl.layers.core.activation",
        "Masking": "pydl.layers.core.masking",
        "Maximum": "pydl.layers.core.merging",
        "Minimum": "pydl.layers.core.merging",
        "Multiply": "pydl.layers.core.merging",
        "Normalization": "pydl.layers.preprocessing.numbers",
        "PReLU": "pydl.layers.core.learned_activation",
        "Permute": "pydl.layers.core.reshaping",
        "RMSNormalization": "pydl.layers.normalization.layerwise",
        "ReLU": "pydl.layers.core.activation",
        "Pipeline": "pydl.layers.preprocessing.pipeline",
        "RepeatVector": "pydl.layers.core.reshaping",
        "Rescaling": "pydl.layers.core.rescaling",
        "Reshape": "pydl.layers.core.reshaping",
        "Softmax": "pydl.layers.core.activation",
        "ReversibleEmbedding": "pydl.layers.core.reversible_embedding",
        "SpatialDropout1D": "pydl.layers.regularization.noise",
        "SpatialDropout2D": "pydl.layers.regularization.noise",
        "SpatialDropout3D": "pydl.layers.regularization.noise",
        "SpectralNormalization": "pydl.layers.normalization.spectral",
        "StringLookup": "pydl.layers.preprocessing.lookup",
        "Subtract": "pydl.layers.core.merging",
        "TextVectorization": "pydl.layers.preprocessing.text",
        "TimeDistributed": "pydl.layers.core.wrapper",
        "UnitNormalization": "pydl.layers.normalization.layerwise",
        "UpSampling1D": "pydl.layers.spatial.reshaping",
        "UpSampling2D": "pydl.layers.spatial.reshaping",
        "UpSampling3D": "pydl.layers.spatial.reshaping",
        "Wrapper": "pydl.layers.core.wrapper",
        "ZeroPadding1D": "pydl.layers.spatial.reshaping",
        "ZeroPadding2D": "pydl.layers.spatial.reshaping",
        "ZeroPadding3D": "pydl.layers.spatial.reshaping",
        "add": "pydl.layers.core.merging",
        "average": "pydl.layers.core.merging",
        "concatenate": "pydl.layers.core.merging",
        "dot": "pydl.layers.core.dot",
        "maximum": "pydl.layers.core.merging",
        "minimum": "pydl.layers.core.merging",
        "multiply": "pydl.layers.core.merging",
        "subtract": "pydl.layers.core.merging",
    },
)

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
    "HashedCrossing",
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
    "Pipeline",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "ReversibleEmbedding",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StringLookup",
    "Subtract",
    "TextVectorization",
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
