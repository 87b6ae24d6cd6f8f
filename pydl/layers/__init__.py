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
    from pydl.layers.convolutional.conv import (
        Conv1D,
        Conv2D,
        Conv3D,
        Convolution1D,
        Convolution2D,
        Convolution3D,
    )
    from pydl.layers.convolutional.depthwise import (
        DepthwiseConv1D,
        DepthwiseConv2D,
    )
    from pydl.layers.convolutional.separable import (
        SeparableConv1D,
        SeparableConv2D,
        SeparableConvolution1D,
        SeparableConvolution2D,
    )
    from pydl.layers.convolutional.transpose import (
        Conv1DTranspose,
        Conv2DTranspose,
        Conv3DTranspose,
        Convolution1DTranspose,
        Convolution2DTranspose,
        Convolution3DTranspose,
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
    from pydl.layers.preprocessing.image.affine import (
        RandomRotation,
        RandomTranslation,
    )
    from pydl.layers.preprocessing.image.blurring import (
        RandomGaussianBlur,
        RandomSharpness,
    )
    from pydl.layers.preprocessing.image.box_count import (
        MaxNumBoundingBoxes,
    )
    from pydl.layers.preprocessing.image.color import (
        RandomBrightness,
        RandomColorDegeneration,
        RandomColorJitter,
        RandomContrast,
        RandomGrayscale,
        RandomHue,
        RandomInvert,
        RandomSaturation,
    )
    from pydl.layers.preprocessing.image.flipping import (
        RandomFlip,
    )
    from pydl.layers.preprocessing.image.mixing import (
        CutMix,
        MixUp,
        RandomErasing,
    )
    from pydl.layers.preprocessing.image.policies import (
        AugMix,
        RandAugment,
    )
    from pydl.layers.preprocessing.image.sizing import (
        CenterCrop,
        RandomCrop,
        Resizing,
    )
    from pydl.layers.preprocessing.image.stretching import (
        RandomShear,
        RandomZoom,
    )
    from pydl.layers.preprocessing.image.tones import (
        AutoContrast,
        ContrastLimitedAdaptiveHistogramEqualization,
        Equalization,
        RandomPosterization,
        Solarization,
    )
    from pydl.layers.preprocessing.image.warping import (
        RandomElasticTransform,
        RandomPerspective,
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
    from pydl.layers.spatial.adaptive import (
        AdaptiveAveragePooling1D,
        AdaptiveAveragePooling2D,
        AdaptiveAveragePooling3D,
        AdaptiveMaxPooling1D,
        AdaptiveMaxPooling2D,
        AdaptiveMaxPooling3D,
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
    from pydl.layers.spatial.windows import (
        AveragePooling1D,
        AveragePooling2D,
        AveragePooling3D,
        AvgPool1D,
        AvgPool2D,
        AvgPool3D,
        MaxPool1D,
        MaxPool2D,
        MaxPool3D,
        MaxPooling1D,
        MaxPooling2D,
        MaxPooling3D,
    )

_IMAGE = "pydl.layers.preprocessing.image"

__getattr__ = members(
    __name__,
    {
        "Activation": "pydl.layers.core.activation",
        "ActivityRegularization": "pydl.layers.regularization.noise",
        "AdaptiveAveragePooling1D": "pydl.layers.spatial.adaptive",
        "AdaptiveAveragePooling2D": "pydl.layers.spatial.adaptive",
        "AdaptiveAveragePooling3D": "pydl.layers.spatial.adaptive",
        "AdaptiveMaxPooling1D": "pydl.layers.spatial.adaptive",
        "AdaptiveMaxPooling2D": "pydl.layers.spatial.adaptive",
        "AdaptiveMaxPooling3D": "pydl.layers.spatial.adaptive",
        "Add": "pydl.layers.core.merging",
        "AlphaDropout": "pydl.layers.regularization.noise",
        "AugMix": f"{_IMAGE}.policies",
        "AutoContrast": f"{_IMAGE}.tones",
        "Average": "pydl.layers.core.merging",
        "AveragePooling1D": "pydl.layers.spatial.windows",
        "AveragePooling2D": "pydl.layers.spatial.windows",
        "AveragePooling3D": "pydl.layers.spatial.windows",
        "AvgPool1D": "pydl.layers.spatial.windows",
        "AvgPool2D": "pydl.layers.spatial.windows",
        "AvgPool3D": "pydl.layers.spatial.windows",
        "BatchNormalization": "pydl.layers.normalization.batch",
        "CategoryEncoding": "pydl.layers.preprocessing.categories",
        "CenterCrop": f"{_IMAGE}.sizing",
        "Concatenate": "pydl.layers.core.merging",
        "ContrastLimitedAdaptiveHistogramEqualization": f"{_IMAGE}.tones",
        "Conv1D": "pydl.layers.convolutional.conv",
        "Conv1DTranspose": "pydl.layers.convolutional.transpose",
        "Conv2D": "pydl.layers.convolutional.conv",
        "Conv2DTranspose": "pydl.layers.convolutional.transpose",
        "Conv3D": "pydl.layers.convolutional.conv",
        "Conv3DTranspose": "pydl.layers.convolutional.transpose",
        "Convolution1D": "pydl.layers.convolutional.conv",
        "Convolution1DTranspose": "pydl.layers.convolutional.transpose",
        "Convolution2D": "pydl.layers.convolutional.conv",
        "Convolution2DTranspose": "pydl.layers.convolutional.transpose",
        "Convolution3D": "pydl.layers.convolutional.conv",
        "Convolution3DTranspose": "pydl.layers.convolutional.transpose",
        "Cropping1D": "pydl.layers.spatial.reshaping",
        "Cropping2D": "pydl.layers.spatial.reshaping",
        "Cropping3D": "pydl.layers.spatial.reshaping",
        "CutMix": f"{_IMAGE}.mixing",
        "Dense": "pydl.layers.core.dense",
        "DepthwiseConv1D": "pydl.layers.convolutional.depthwise",
        "DepthwiseConv2D": "pydl.layers.convolutional.depthwise",
        "Discretization": "pydl.layers.preprocessing.numbers",
        "Dot": "pydl.layers.core.dot",
        "Dropout": "pydl.layers.core.dropout",
        "ELU": "pydl.layers.core.learned_activation",
        "EinsumDense": "pydl.layers.core.einsum_dense",
        "Embedding": "pydl.layers.core.embedding",
        "Equalization": f"{_IMAGE}.tones",
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
        "MaxNumBoundingBoxes": f"{_IMAGE}.box_count",
        "MaxPool1D": "pydl.layers.spatial.windows",
        "MaxPool2D": "pydl.layers.spatial.windows",
        "MaxPool3D": "pydl.layers.spatial.windows",
        "MaxPooling1D": "pydl.layers.spatial.windows",
        "MaxPooling2D": "pydl.layers.spatial.windows",
        "MaxPooling3D": "pydl.layers.spatial.windows",
        "Maximum": "pydl.layers.core.merging",
        "Minimum": "pydl.layers.core.merging",
        "MixUp": f"{_IMAGE}.mixing",
        "Multiply": "pydl.layers.core.merging",
        "Normalization": "pydl.layers.preprocessing.numbers",
        "PReLU": "pydl.layers.core.learned_activation",
        "Permute": "pydl.layers.core.reshaping",
        "Pipeline": "pydl.layers.preprocessing.pipeline",
        "RMSNormalization": "pydl.layers.normalization.layerwise",
        "RandAugment": f"{_IMAGE}.policies",
        "RandomBrightness": f"{_IMAGE}.color",
        "RandomColorDegeneration": f"{_IMAGE}.color",
        "RandomColorJitter": f"{_IMAGE}.color",
        "RandomContrast": f"{_IMAGE}.color",
        "RandomCrop": f"{_IMAGE}.sizing",
        "RandomElasticTransform": f"{_IMAGE}.warping",
        "RandomErasing": f"{_IMAGE}.mixing",
        "RandomFlip": f"{_IMAGE}.flipping",
        "RandomGaussianBlur": f"{_IMAGE}.blurring",
        "RandomGrayscale": f"{_IMAGE}.color",
        "RandomHue": f"{_IMAGE}.color",
        "RandomInvert": f"{_IMAGE}.color",
        "RandomPerspective": f"{_IMAGE}.warping",
        "RandomPosterization": f"{_IMAGE}.tones",
        "RandomRotation": f"{_IMAGE}.affine",
        "RandomSaturation": f"{_IMAGE}.color",
        "RandomSharpness": f"{_IMAGE}.blurring",
        "RandomShear": f"{_IMAGE}.stretching",
        "RandomTranslation": f"{_IMAGE}.affine",
        "RandomZoom": f"{_IMAGE}.stretching",
        "ReLU": "pydl.layers.core.activation",
        "RepeatVector": "pydl.layers.core.reshaping",
        "Rescaling": "pydl.layers.core.rescaling",
        "Reshape": "pydl.layers.core.reshaping",
        "Resizing": f"{_IMAGE}.sizing",
        "ReversibleEmbedding": "pydl.layers.core.reversible_embedding",
        "SeparableConv1D": "pydl.layers.convolutional.separable",
        "SeparableConv2D": "pydl.layers.convolutional.separable",
        "SeparableConvolution1D": "pydl.layers.convolutional.separable",
        "SeparableConvolution2D": "pydl.layers.convolutional.separable",
        "Softmax": "pydl.layers.core.activation",
        "Solarization": f"{_IMAGE}.tones",
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
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add", "AlphaDropout", "AugMix",
    "AutoContrast", "Average", "AveragePooling1D", "AveragePooling2D",
    "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "BatchNormalization",
    "CategoryEncoding", "CenterCrop", "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization", "Conv1D", "Conv1DTranspose",
    "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Convolution1D",
    "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose",
    "Convolution3D", "Convolution3DTranspose", "Cropping1D", "Cropping2D", "Cropping3D",
    "CutMix", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Discretization", "Dot",
    "Dropout", "ELU", "EinsumDense", "Embedding", "Equalization", "Flatten",
    "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
    "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D",
    "GlobalMaxPool3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "GroupNormalization", "HashedCrossing", "Hashing", "Identity", "Input",
    "InputLayer", "InputSpec", "IntegerLookup", "Lambda", "Layer", "LayerNormalization",
    "LeakyReLU", "Masking", "MaxNumBoundingBoxes", "MaxPool1D", "MaxPool2D",
    "MaxPool3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum",
    "MixUp", "Multiply", "Normalization", "PReLU", "Permute", "Pipeline",
    "RMSNormalization", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation",
    "RandomZoom", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing",
    "ReversibleEmbedding", "SeparableConv1D", "SeparableConv2D",
    "SeparableConvolution1D", "SeparableConvolution2D", "Softmax", "Solarization",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization",
    "StringLookup", "Subtract", "TextVectorization", "TimeDistributed",
    "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "Wrapper",
    "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "add", "average", "concatenate",
    "deserialize", "dot", "maximum", "minimum", "multiply", "serialize", "subtract",
]  # fmt: skip
