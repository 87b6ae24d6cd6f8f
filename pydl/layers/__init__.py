"""Layers, under Keras's names."""

from typing import TYPE_CHECKING, Any

from pydl.layers.base import InputSpec, Layer
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

#: Module -> its layers, loaded when one is asked for.
_MODULES = {
    "convolutional.conv": (
        "Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D",
    ),
    "convolutional.depthwise": ("DepthwiseConv1D", "DepthwiseConv2D"),
    "convolutional.separable": (
        "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D",
        "SeparableConvolution2D",
    ),
    "convolutional.transpose": (
        "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
        "Convolution1DTranspose", "Convolution2DTranspose", "Convolution3DTranspose",
    ),
    "core.activation": ("Activation", "LeakyReLU", "ReLU", "Softmax"),
    "core.dense": ("Dense",),
    "core.dot": ("Dot", "dot"),
    "core.dropout": ("Dropout",),
    "core.einsum_dense": ("EinsumDense",),
    "core.embedding": ("Embedding",),
    "core.input_layer": ("Input", "InputLayer"),
    "core.lambda_layer": ("Identity", "Lambda"),
    "core.learned_activation": ("ELU", "PReLU"),
    "core.masking": ("Masking",),
    "core.merging": (
        "Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract",
        "add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract",
    ),
    "core.rescaling": ("Rescaling",),
    "core.reshaping": ("Flatten", "Permute", "RepeatVector", "Reshape"),
    "core.reversible_embedding": ("ReversibleEmbedding",),
    "core.wrapper": ("TimeDistributed", "Wrapper"),
    "normalization.batch": ("BatchNormalization",),
    "normalization.layerwise": (
        "GroupNormalization", "LayerNormalization", "RMSNormalization",
        "UnitNormalization",
    ),
    "normalization.spectral": ("SpectralNormalization",),
    "preprocessing.categories": ("CategoryEncoding",),
    "preprocessing.crossing": ("HashedCrossing",),
    "preprocessing.hashing": ("Hashing",),
    "preprocessing.image.affine": ("RandomRotation", "RandomTranslation"),
    "preprocessing.image.blurring": ("RandomGaussianBlur", "RandomSharpness"),
    "preprocessing.image.box_count": ("MaxNumBoundingBoxes",),
    "preprocessing.image.color": (
        "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
        "RandomContrast", "RandomGrayscale", "RandomHue", "RandomInvert",
        "RandomSaturation",
    ),
    "preprocessing.image.flipping": ("RandomFlip",),
    "preprocessing.image.mixing": ("CutMix", "MixUp", "RandomErasing"),
    "preprocessing.image.policies": ("AugMix", "RandAugment"),
    "preprocessing.image.sizing": ("CenterCrop", "RandomCrop", "Resizing"),
    "preprocessing.image.stretching": ("RandomShear", "RandomZoom"),
    "preprocessing.image.tones": (
        "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization",
        "RandomPosterization", "Solarization",
    ),
    "preprocessing.image.warping": ("RandomElasticTransform", "RandomPerspective"),
    "preprocessing.lookup": ("IntegerLookup", "StringLookup"),
    "preprocessing.numbers": ("Discretization", "Normalization"),
    "preprocessing.pipeline": ("Pipeline",),
    "preprocessing.text": ("TextVectorization",),
    "regularization.noise": (
        "ActivityRegularization", "AlphaDropout", "GaussianDropout", "GaussianNoise",
        "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    ),
    "spatial.adaptive": (
        "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
        "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
        "AdaptiveMaxPooling3D",
    ),
    "spatial.pooling": (
        "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
        "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D",
        "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D",
        "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    ),
    "spatial.reshaping": (
        "Cropping1D", "Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D",
        "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
    ),
    "spatial.windows": (
        "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "AvgPool1D",
        "AvgPool2D", "AvgPool3D", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D",
        "MaxPooling2D", "MaxPooling3D",
    ),
}  # fmt: skip

__getattr__ = members(
    __name__,
    {
        name: f"pydl.layers.{module}"
        for module, names in _MODULES.items()
        for name in names
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
