"""Architectures for images, under Keras's names; weights in Keras's files fit.

VGG, ResNet, Inception, Xception, MobileNet, DenseNet, NASNet, EfficientNet and ConvNeXt
have Keras's layers and weights by name and shape. LeNet-5, AlexNet, GoogLeNet and the
ResNets for CIFAR are ours; there are no published weights of them.

All take these arguments, in Keras's order:

* `include_top`: with the layers that classify.
* `weights`: None for random ones, ``"imagenet"`` for the published ones (downloaded
  once, to ``~/.pydl/models``, and checked where a checksum is known), or the path of a
  file.
* `input_tensor`: a symbolic tensor to start from.
* `input_shape`: of one image, rows and columns None where they may vary (without
  `include_top`); None: the usual one.
* `pooling`: without `include_top`, what is returned: None: the last images of features,
  ``"avg"`` or ``"max"``: their mean or largest value.
* `classes`: how many, with `include_top`.
* `classifier_activation`: of the last layer; None: the logits.
* `name`: the model's.

They return a `pydl.Model`, and raise ValueError for arguments that do not go together,
OSError where weights cannot be downloaded: the message says where to put the file.

Each family's module has its `preprocess_input`, which brings pixels of 0 to 255 to what
its published weights expect, and `decode_predictions`, which names ImageNet's classes.

Fine-tuning: freeze, train a new head, unfreeze, train on with a low rate.

>>> base = pydl.applications.MobileNetV2(
...     (32, 32, 3), include_top=False, pooling="avg", weights=None)
>>> base.trainable = False
>>> model = pydl.Sequential([base, pydl.layers.Dense(2, activation="softmax")])
>>> model.build((None, 32, 32, 3))
>>> len(model.trainable_variables)
2
"""

from typing import TYPE_CHECKING

from pydl.lazy import members

if TYPE_CHECKING:
    from pydl.applications import convnext as convnext
    from pydl.applications import densenet as densenet
    from pydl.applications import efficientnet as efficientnet
    from pydl.applications import efficientnet_v2 as efficientnet_v2
    from pydl.applications import imagenet_utils as imagenet_utils
    from pydl.applications import inception_resnet_v2 as inception_resnet_v2
    from pydl.applications import inception_v3 as inception_v3
    from pydl.applications import mobilenet as mobilenet
    from pydl.applications import mobilenet_v2 as mobilenet_v2
    from pydl.applications import mobilenet_v3 as mobilenet_v3
    from pydl.applications import nasnet as nasnet
    from pydl.applications import resnet as resnet
    from pydl.applications import resnet50 as resnet50
    from pydl.applications import resnet_v2 as resnet_v2
    from pydl.applications import vgg16 as vgg16
    from pydl.applications import vgg19 as vgg19
    from pydl.applications import xception as xception
    from pydl.applications.alexnet import AlexNet
    from pydl.applications.convnext import (
        ConvNeXtBase,
        ConvNeXtLarge,
        ConvNeXtSmall,
        ConvNeXtTiny,
        ConvNeXtXLarge,
    )
    from pydl.applications.convnext_layers import LayerScale
    from pydl.applications.densenet import DenseNet121, DenseNet169, DenseNet201
    from pydl.applications.efficientnet import (
        EfficientNetB0,
        EfficientNetB1,
        EfficientNetB2,
        EfficientNetB3,
        EfficientNetB4,
        EfficientNetB5,
        EfficientNetB6,
        EfficientNetB7,
    )
    from pydl.applications.efficientnet_v2 import (
        EfficientNetV2B0,
        EfficientNetV2B1,
        EfficientNetV2B2,
        EfficientNetV2B3,
        EfficientNetV2L,
        EfficientNetV2M,
        EfficientNetV2S,
    )
    from pydl.applications.googlenet import GoogLeNet
    from pydl.applications.inception_resnet_v2 import (
        CustomScaleLayer,
        InceptionResNetV2,
    )
    from pydl.applications.inception_v3 import InceptionV3
    from pydl.applications.lenet import LeNet5
    from pydl.applications.local_response import LocalResponseNormalization
    from pydl.applications.mobilenet import MobileNet
    from pydl.applications.mobilenet_v2 import MobileNetV2
    from pydl.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
    from pydl.applications.nasnet import NASNetLarge, NASNetMobile
    from pydl.applications.resnet import ResNet50, ResNet101, ResNet152
    from pydl.applications.resnet_cifar import ResNet20, ResNet32, ResNet56, ResNet110
    from pydl.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
    from pydl.applications.vgg16 import VGG16
    from pydl.applications.vgg19 import VGG19
    from pydl.applications.xception import Xception

__getattr__ = members(
    __name__,
    {
        "AlexNet": "pydl.applications.alexnet",
        "ConvNeXtBase": "pydl.applications.convnext",
        "ConvNeXtLarge": "pydl.applications.convnext",
        "ConvNeXtSmall": "pydl.applications.convnext",
        "ConvNeXtTiny": "pydl.applications.convnext",
        "ConvNeXtXLarge": "pydl.applications.convnext",
        "CustomScaleLayer": "pydl.applications.inception_resnet_v2",
        "DenseNet121": "pydl.applications.densenet",
        "DenseNet169": "pydl.applications.densenet",
        "DenseNet201": "pydl.applications.densenet",
        "EfficientNetB0": "pydl.applications.efficientnet",
        "EfficientNetB1": "pydl.applications.efficientnet",
        "EfficientNetB2": "pydl.applications.efficientnet",
        "EfficientNetB3": "pydl.applications.efficientnet",
        "EfficientNetB4": "pydl.applications.efficientnet",
        "EfficientNetB5": "pydl.applications.efficientnet",
        "EfficientNetB6": "pydl.applications.efficientnet",
        "EfficientNetB7": "pydl.applications.efficientnet",
        "EfficientNetV2B0": "pydl.applications.efficientnet_v2",
        "EfficientNetV2B1": "pydl.applications.efficientnet_v2",
        "EfficientNetV2B2": "pydl.applications.efficientnet_v2",
        "EfficientNetV2B3": "pydl.applications.efficientnet_v2",
        "EfficientNetV2L": "pydl.applications.efficientnet_v2",
        "EfficientNetV2M": "pydl.applications.efficientnet_v2",
        "EfficientNetV2S": "pydl.applications.efficientnet_v2",
        "GoogLeNet": "pydl.applications.googlenet",
        "InceptionResNetV2": "pydl.applications.inception_resnet_v2",
        "InceptionV3": "pydl.applications.inception_v3",
        "LayerScale": "pydl.applications.convnext_layers",
        "LeNet5": "pydl.applications.lenet",
        "LocalResponseNormalization": "pydl.applications.local_response",
        "MobileNet": "pydl.applications.mobilenet",
        "MobileNetV2": "pydl.applications.mobilenet_v2",
        "MobileNetV3Large": "pydl.applications.mobilenet_v3",
        "MobileNetV3Small": "pydl.applications.mobilenet_v3",
        "NASNetLarge": "pydl.applications.nasnet",
        "NASNetMobile": "pydl.applications.nasnet",
        "ResNet101": "pydl.applications.resnet",
        "ResNet101V2": "pydl.applications.resnet_v2",
        "ResNet110": "pydl.applications.resnet_cifar",
        "ResNet152": "pydl.applications.resnet",
        "ResNet152V2": "pydl.applications.resnet_v2",
        "ResNet20": "pydl.applications.resnet_cifar",
        "ResNet32": "pydl.applications.resnet_cifar",
        "ResNet50": "pydl.applications.resnet",
        "ResNet50V2": "pydl.applications.resnet_v2",
        "ResNet56": "pydl.applications.resnet_cifar",
        "VGG16": "pydl.applications.vgg16",
        "VGG19": "pydl.applications.vgg19",
        "Xception": "pydl.applications.xception",
        "convnext": "pydl.applications.convnext",
        "densenet": "pydl.applications.densenet",
        "efficientnet": "pydl.applications.efficientnet",
        "efficientnet_v2": "pydl.applications.efficientnet_v2",
        "imagenet_utils": "pydl.applications.imagenet_utils",
        "inception_resnet_v2": "pydl.applications.inception_resnet_v2",
        "inception_v3": "pydl.applications.inception_v3",
        "mobilenet": "pydl.applications.mobilenet",
        "mobilenet_v2": "pydl.applications.mobilenet_v2",
        "mobilenet_v3": "pydl.applications.mobilenet_v3",
        "nasnet": "pydl.applications.nasnet",
        "resnet": "pydl.applications.resnet",
        "resnet50": "pydl.applications.resnet50",
        "resnet_v2": "pydl.applications.resnet_v2",
        "vgg16": "pydl.applications.vgg16",
        "vgg19": "pydl.applications.vgg19",
        "xception": "pydl.applications.xception",
    },
)

__all__ = [
    "AlexNet",
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "CustomScaleLayer",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "GoogLeNet",
    "InceptionResNetV2",
    "InceptionV3",
    "LayerScale",
    "LeNet5",
    "LocalResponseNormalization",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetLarge",
    "NASNetMobile",
    "ResNet101",
    "ResNet101V2",
    "ResNet110",
    "ResNet152",
    "ResNet152V2",
    "ResNet20",
    "ResNet32",
    "ResNet50",
    "ResNet50V2",
    "ResNet56",
    "VGG16",
    "VGG19",
    "Xception",
    "convnext",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "imagenet_utils",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
    "xception",
]
