"""Images in files and as arrays, by pillow, which loads when it is used."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pydl import config, ops
from pydl.ops.dtypes import standardize_dtype

#: What pillow calls the ways to interpolate.
_FILTERS = {
    "nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC",
    "hamming": "HAMMING", "box": "BOX", "lanczos": "LANCZOS",
}  # fmt: skip
#: The mode an image is converted to, and those that may stay as they are.
_MODES = {
    "grayscale": ("L", ("L", "I;16", "I")),
    "rgb": ("RGB", ("RGB",)),
    "rgba": ("RGBA", ("RGBA",)),
}


def pillow(name: str) -> Any:
    """The module ``PIL.Image``; ImportError names the function that needs it."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            f"{name} reads and writes images by pillow: `pip install pillow`"
        ) from None
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """An image of a file, as pillow has it.

    Args:
        path: of the file, or an open ``io.BytesIO``.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        target_size: ``(height, width)`` wanted; None: as it is.
        interpolation: ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos"``,
            ``"box"`` or ``"hamming"``.
        keep_aspect_ratio: cut the largest box of the right proportions out of the
            middle first.

    Raises:
        ValueError: an unknown color mode or interpolation.
        TypeError: what is no path.
        OSError: a file that is missing or holds no image.

    >>> image = pydl.utils.load_img("cat.png", target_size=(224, 224))
    """
    Image = pillow("load_img")  # noqa: N806
    if color_mode not in _MODES:
        raise ValueError(
            f"color_mode: expected one of {tuple(_MODES)}, received {color_mode!r}"
        )
    if isinstance(path, io.BytesIO):
        image = Image.open(path)
    elif isinstance(path, (str, bytes, os.PathLike)):
        with open(path, "rb") as file:
            image = Image.open(io.BytesIO(file.read()))
    else:
        raise TypeError(
            f"path: expected a path or io.BytesIO, received {type(path).__name__}"
        )
    mode, kept = _MODES[color_mode]
    image = image if image.mode in kept else image.convert(mode)
    if target_size is None or image.size == (target_size[1], target_size[0]):
        image.load()
        return image
    if interpolation not in _FILTERS:
        raise ValueError(
            f"interpolation: expected one of {tuple(_FILTERS)}, received "
            f"{interpolation!r}"
        )
    resample = getattr(Image.Resampling, _FILTERS[interpolation])
    size = (int(target_size[1]), int(target_size[0]))
    box = _middle_box(image.size, size) if keep_aspect_ratio else None
    return image.resize(size, resample, box=box)


def _middle_box(size: Any, target: Any) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the largest box of the target's proportions."""
    (width, height), (new_width, new_height) = size, target
    rows = min(height, width * new_height // new_width)
    columns = min(width, height * new_width // new_height)
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Any:
    """A pillow image as an array.

    Args:
        img: the image.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        dtype: of the array; None: `pydl.config.floatx`.

    Returns:
        ``(height, width, channels)``, or the channels first.

    Raises:
        ValueError: another number of axes than 2 or 3.

    >>> image = pydl.utils.array_to_img(np.ones((4, 5, 3)))
    >>> pydl.utils.img_to_array(image).shape
    (4, 5, 3)
    """
    x = np.asarray(img).astype(standardize_dtype(dtype))
    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3:
        raise ValueError(
            f"img_to_array: expected an image of 2 or 3 axes, received shape {x.shape}"
        )
    first = config.standardize_data_format(data_format) == "channels_first"
    return x.transpose(2, 0, 1) if first else x


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """An array as a pillow image.

    Args:
        x: ``(height, width, channels)``, or the channels first; 1, 3 or 4 of them.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        scale: bring the values to 0 to 255.
        dtype: to compute in; None: `pydl.config.floatx`.

    Raises:
        ValueError: another number of axes or channels.

    >>> pydl.utils.array_to_img(np.zeros((4, 5, 1))).size
    (5, 4)
    """
    Image = pillow("array_to_img")  # noqa: N806
    x = np.asarray(x, dtype=standardize_dtype(dtype))
    if x.ndim != 3:
        raise ValueError(
            f"array_to_img: expected x of 3 axes (one image), received shape {x.shape}"
        )
    if config.standardize_data_format(data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(
            f"array_to_img: expected 1, 3 or 4 channels, received x of shape {x.shape}"
        )
    if scale and x.size:
        x = x - x.min()
        largest = x.max()
        x = x / (largest if largest != 0 else 1) * 255
    if x.shape[2] > 1:
        return Image.fromarray(np.ascontiguousarray(x.astype("uint8")))
    deep = bool(x.size) and x.max() > 255
    return Image.fromarray(x[:, :, 0].astype("int32" if deep else "uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file.

    Args:
        path: of the file, or an open file.
        x: ``(height, width, channels)``, or the channels first.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        file_format: such as ``"png"``; None: what the path ends in.
        scale: bring the values to 0 to 255.
        **kwargs: for pillow's ``Image.save``.

    >>> pydl.utils.save_img("noise.png", np.random.rand(8, 8, 3))
    """
    if file_format is None and isinstance(path, (str, Path)):
        file_format = Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "The JPEG format does not support RGBA images, converting to RGB.",
            stacklevel=2,
        )
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: Any,
    size: Any,
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Images resized without distortion: the largest part in the middle that has the
    right proportions.

    Args:
        x: one image ``(height, width, channels)``, or a batch.
        size: the height and width wanted.
        interpolation: as `ops.image.resize`'s.
        data_format: where the channels are.

    Returns:
        An array if `x` is one, else a tensor.

    Raises:
        TypeError: other keyword arguments.
        ValueError: shapes or sizes that do not fit.

    >>> image = pydl.preprocessing.image
    >>> image.smart_resize(np.ones((340, 500, 3), "float32"), (200, 200)).shape
    (200, 200, 3)
    """
    kwargs.pop("backend_module", None)
    if kwargs:
        raise TypeError(
            f"smart_resize() got unexpected keyword arguments: {list(kwargs)}"
        )
    out = ops.image.resize(
        x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
    return np.asarray(out) if isinstance(x, np.ndarray) else out
