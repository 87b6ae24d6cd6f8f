"""Boxes written as what they differ by from anchors: what detectors learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import config, ops
from pydl.layers.preprocessing.image.boxes.formats import convert_format


def _checked(name: str, form: str, variance: Any, image_shape: Any) -> Any:
    """The variance as a tensor, and the image's height and width."""
    if form not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"{name}: expected 'center_xywh' or 'center_yxhw' as the format of deltas, "
            f"received {form!r}"
        )
    if variance is not None and np.shape(variance)[-1:] != (4,):
        raise ValueError(
            f"{name}: variance: expected four numbers, received {variance!r}"
        )
    if variance is not None:
        variance = ops.convert_to_tensor(variance, "float32")
    size = (None, None) if image_shape is None else tuple(image_shape[:2])
    return variance, size


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Boxes as distances from anchors in units of these, and logarithms of sizes.

    Args:
        anchors: ``(N, 4)``.
        boxes: ``(N, 4)`` or ``(batch, N, 4)``.
        anchor_format, box_format: see `convert_format`.
        encoding_format: ``"center_yxhw"`` or ``"center_xywh"``: the order of deltas.
        variance: four numbers that deltas are divided by.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        Deltas of the shape of the boxes.

    Raises:
        ValueError: another encoding format, or no four variances.

    >>> box = np.array([[0, 0, 2, 2.0]])
    >>> encode = pydl.utils.bounding_boxes.encode_box_to_deltas
    >>> encode(box, box, "xyxy", "xyxy").tolist()
    [[0.0, 0.0, 0.0, 0.0]]
    """
    name = "encode_box_to_deltas"
    variance, size = _checked(name, encoding_format, variance, image_shape)
    anchor = convert_format(anchors, anchor_format, encoding_format, *size)
    box = convert_format(boxes, box_format, encoding_format, *size)
    unit = ops.maximum(anchor[..., 2:], config.epsilon())
    extent = ops.maximum(box[..., 2:], config.epsilon())
    parts = [(box[..., :2] - anchor[..., :2]) / unit, ops.log(extent / unit)]
    deltas = ops.concatenate(parts, axis=-1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """The boxes of deltas; undoes `encode_box_to_deltas`.

    Args:
        anchors: ``(N, 4)``, or a dict of such.
        boxes_delta: ``(N, 4)`` or ``(batch, N, 4)``, or a dict with the same names.
        anchor_format, box_format: see `convert_format`.
        encoded_format: ``"center_yxhw"`` or ``"center_xywh"``: the order of deltas.
        variance: four numbers that deltas are multiplied by.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        Boxes of the shape of the deltas, or a dict of them.

    Raises:
        ValueError: another encoded format, or no four variances.

    >>> box, none = np.array([[0, 0, 2, 2.0]]), np.zeros((1, 4))
    >>> decode = pydl.utils.bounding_boxes.decode_deltas_to_boxes
    >>> decode(box, none, "xyxy", "xyxy").tolist()
    [[0.0, 0.0, 2.0, 2.0]]
    """
    name = "decode_deltas_to_boxes"
    variance, size = _checked(name, encoded_format, variance, image_shape)

    def decode(given: Any, delta: Any) -> Any:
        anchor = convert_format(given, anchor_format, encoded_format, *size)
        delta = ops.cast(ops.convert_to_tensor(delta), "float32")
        delta = delta if variance is None else delta * variance
        extent = anchor[..., 2:]
        middle = delta[..., :2] * extent + anchor[..., :2]
        box = ops.concatenate([middle, ops.exp(delta[..., 2:]) * extent], axis=-1)
        return convert_format(box, encoded_format, box_format, *size)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {key: decode(part, boxes_delta[key]) for key, part in anchors.items()}
    return decode(anchors, boxes_delta)
