"""What every architecture is asked for, checked, and the ends of its graph."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis
from pydl.datasets.files import RemoteFile
from pydl.layers.base import is_keras_tensor
from pydl.models import Model
from pydl.utils import get_source_inputs

#: The classes of ImageNet, for which weights are published.
CLASSES = 1000

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Request:
    """The arguments that all architectures share; `pydl.applications` explains them."""

    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str | None
    #: Whether there are published weights.
    published: bool = True

    def __post_init__(self) -> None:
        self._check_weights()
        if self.pooling not in (None, "avg", "max"):
            raise ValueError(
                "`pooling` should be None, 'avg' or 'max'. Received: "
                f"pooling={self.pooling!r}"
            )
        if self.pretrained and self.include_top and self.classes != CLASSES:
            raise ValueError(
                "If using `weights='imagenet'` with `include_top=True`, `classes` "
                f"should be {CLASSES}. Received: classes={self.classes}"
            )

    def _check_weights(self) -> None:
        weights = self.weights
        if weights is None or (self.pretrained and self.published):
            return
        if isinstance(weights, (str, os.PathLike)) and os.path.exists(weights):
            return
        known = "None, 'imagenet'" if self.published else "None"
        raise ValueError(
            f"The `weights` argument should be {known}, or the path of an existing "
            f"file of weights. Received: weights={weights!r}"
        )

    @property
    def pretrained(self) -> bool:
        """Whether the published weights are asked for."""
        return isinstance(self.weights, str) and self.weights == "imagenet"

    # -- the beginning --------------------------------------------------------------

    def image(
        self, default: int, least: int, fixed: bool | None = None, channels: int = 3
    ) -> Any:
        """The symbolic batch of images the network starts from.

        Args:
            default: rows and columns where none are given.
            least: how many rows and columns there have to be.
            fixed: whether their number has to be known; None: with a classifier.
            channels: how many channels where none are given.
        """
        fixed = self.include_top if fixed is None else fixed
        shape = self._shape(default, least, fixed, channels)
        if self.input_tensor is None:
            return layers.Input(shape)
        if is_keras_tensor(self.input_tensor):
            return self.input_tensor
        raise ValueError(
            "`input_tensor` should be a symbolic tensor, such as `pydl.Input(...)` "
            f"gives. Received: input_tensor={self.input_tensor!r}"
        )

    def _shape(self, default: int, least: int, fixed: bool, channels: int) -> Shape:
        """The shape of one image."""
        if self.input_shape is None:
            side = default if fixed else None
            return image_shape(side, side, channels)
        shape = tuple(self.input_shape)
        rows, columns, found = self._parts(shape)
        if self.pretrained:
            self._check_pretrained(shape, default, fixed, found)
        elif found not in (1, 3):
            warnings.warn(
                "This model usually expects 1 or 3 input channels. However, it was "
                f"passed an input_shape with {found} input channels.",
                stacklevel=5,
            )
        if any(side is not None and side < least for side in (rows, columns)):
            raise ValueError(
                f"Input size must be at least {least}x{least}. Received: "
                f"input_shape={shape}"
            )
        if fixed and None in shape:
            raise ValueError(
                "If `include_top` is True, you should specify a static `input_shape`. "
                f"Received: input_shape={shape}"
            )
        return shape

    def _parts(self, shape: Shape) -> tuple[int | None, int | None, int]:
        """Rows, columns and channels."""
        if len(shape) != 3:
            raise ValueError(
                "`input_shape` must be a tuple of three integers. Received: "
                f"input_shape={shape}"
            )
        *sides, found = shape if channel_axis() == 3 else (*shape[1:], shape[0])
        if found is None:
            raise ValueError(
                "`input_shape` must have a known number of channels. Received: "
                f"input_shape={shape}"
            )
        return sides[0], sides[1], found

    def _check_pretrained(
        self, shape: Shape, default: int, fixed: bool, found: int
    ) -> None:
        if found != 3:
            raise ValueError(
                "The input must have 3 channels with `weights='imagenet'`. Received: "
                f"input_shape={shape}"
            )
        expected = image_shape(default, default, 3)
        if fixed and shape != expected:
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, "
                f"`input_shape` should be {expected}. Received: input_shape={shape}"
            )

    # -- the end --------------------------------------------------------------------

    def classified(
        self, x: Any, dropout: float = 0.0, named: bool = True, **kwargs: Any
    ) -> Any:
        """With a classifier: mean over the image, then one layer. Else `pooled`.

        Args:
            x: images of features.
            dropout: share of the features to drop in training.
            named: whether the layer that pools has a name without a classifier too.
            kwargs: more arguments of `scores`.
        """
        if not self.include_top:
            return self.pooled(x, *(("avg_pool", "max_pool") if named else ()))
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout > 0:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return self.scores(x, **kwargs)

    def scores(self, x: Any, **kwargs: Any) -> Any:
        """The layer that gives each class its score; `kwargs` go to `Dense`."""
        self.check_activation()
        kwargs.setdefault("name", "predictions")
        return layers.Dense(
            self.classes, activation=self.classifier_activation, **kwargs
        )(x)

    def check_activation(self) -> None:
        """ValueError where the weights are for another activation."""
        allowed = self.classifier_activation in ("softmax", None)
        if self.weights is not None and not allowed:
            raise ValueError(
                "Only 'softmax' and None activations are allowed for the "
                "`classifier_activation` argument when using pretrained weights, with "
                "`include_top=True`. Received: classifier_activation="
                f"{self.classifier_activation!r}"
            )

    def pooled(
        self, x: Any, avg_name: str | None = None, max_name: str | None = None
    ) -> Any:
        """The features of a network without classifier, as `pooling` says.

        Args:
            x: images of features.
            avg_name, max_name: names of the layers.
        """
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name=avg_name)(x)
        if self.pooling == "max":
            return layers.GlobalMaxPooling2D(name=max_name)(x)
        return x

    def model(
        self,
        image: Any,
        outputs: Any,
        files: Mapping[bool, RemoteFile] | None = None,
        name: str | None = None,
    ) -> Any:
        """The model, with its weights.

        Args:
            image: what `image` gave.
            outputs: the network's.
            files: published weights, with a classifier (True) and without.
            name: the model's name where the caller gave none.
        """
        if self.input_tensor is not None:
            image = get_source_inputs(self.input_tensor)
        model = Model(image, outputs, name=self.name or name)
        if self.pretrained and files is not None:
            file = files[bool(self.include_top)]
            model.load_weights(file.locate(file.name))
        elif self.weights is not None:
            model.load_weights(self.weights)
        return model


def image_shape(rows: int | None, columns: int | None, channels: int) -> Shape:
    """The shape of one image, its channels where the configuration has them."""
    if channel_axis() == 3:
        return rows, columns, channels
    return channels, rows, columns


def published(
    address: str, hashes: tuple[str, str] | None, bare: str = "_notop"
) -> dict[bool, RemoteFile]:
    """The files of weights with a classifier (True) and without.

    Args:
        address: of the first, without its ``.h5``.
        hashes: MD5 or SHA-256 of both; None where none are published.
        bare: what stands before ``.h5`` in the address of the second.
    """
    root = "https://storage.googleapis.com/"
    found = {}
    for top, ending in ((True, ""), (False, bare)):
        url = f"{root}{address}{ending}.h5"
        digest = hashes[0 if top else 1] if hashes else None
        kind = "sha256" if digest and len(digest) == 64 else "md5"
        name = url.rpartition("/")[2]
        found[top] = RemoteFile(name, url, folder="models", **{kind: digest})
    return found
