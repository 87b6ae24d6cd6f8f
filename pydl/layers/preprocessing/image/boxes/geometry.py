"""Boxes cut off, moved and turned as their images are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pydl import ops
from pydl.layers.preprocessing.image.boxes.formats import columns, joined


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: Any = None,
    width: Any = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Boxes without what lies outside the image; what is empty then has the label -1.

    Args:
        bounding_boxes: ``"boxes"``: ``(..., 4)``; ``"labels"``, if any: ``(...)``.
        height, width: of the image; needed for ``"xyxy"``.
        bounding_box_format: ``"xyxy"`` or ``"rel_xyxy"``.

    Raises:
        ValueError: sizes missing.
        NotImplementedError: another format.

    >>> boxes = {"boxes": np.array([[-10.0, 0, 50, 60]]), "labels": np.array([3])}
    >>> clip = pydl.utils.bounding_boxes.clip_to_image_size
    >>> clip(boxes, height=40, width=40)["boxes"].tolist()
    [[0.0, 0.0, 40.0, 40.0]]
    """
    _only("clip_to_image_size", bounding_box_format, ("xyxy", "rel_xyxy"))
    if bounding_box_format == "xyxy" and (height is None or width is None):
        raise ValueError(
            "clip_to_image_size: expected height and width for the format 'xyxy', "
            f"received height={height}, width={width}"
        )
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    shares = bounding_box_format == "rel_xyxy"
    far_x, far_y = (1.0, 1.0) if shares else (width, height)
    x1, y1, x2, y2 = columns(boxes)
    x1, x2 = _between(x1, far_x), _between(x2, far_x)
    y1, y2 = _between(y1, far_y), _between(y2, far_y)
    result = {**bounding_boxes, "boxes": joined(x1, y1, x2, y2)}
    labels = bounding_boxes.get("labels")
    if labels is not None:
        labels = ops.convert_to_tensor(labels)
        full = ops.greater((x2 - x1) * (y2 - y1), 0)
        if labels.ndim < boxes.ndim:
            full = ops.squeeze(full, -1)
        result["labels"] = ops.where(full, labels, ops.cast(-1, labels.dtype))
    return result


def _between(x: Any, most: Any) -> Any:
    return ops.minimum(ops.maximum(x, ops.cast(0, x.dtype)), ops.cast(most, x.dtype))


def _only(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise NotImplementedError(
            f"{name}: bounding_box_format: expected one of {known}, received {given!r}"
        )


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """The boxes around boxes that are turned, moved, stretched and sheared.

    Args:
        boxes: ``(batch, boxes, 4)``.
        angle: degrees, ``(batch,)``.
        translate_x, translate_y: shares of the image's size.
        scale: the factor.
        shear_x, shear_y: degrees.
        height, width: of the image.
        center_x, center_y: what stays in its place, as shares; None: the middle.
        bounding_box_format: ``"xyxy"``.

    Raises:
        NotImplementedError: another format.

    >>> one, none = np.ones(1, "float32"), np.zeros(1, "float32")
    >>> around = pydl.utils.bounding_boxes.affine_transform
    >>> boxes = np.array([[[0.0, 0.0, 2.0, 4.0]]], "float32")
    >>> turned = around(boxes, 180 * one, none, none, one, none, none, 5, 5)
    >>> turned.numpy().round().tolist()
    [[[2.0, 0.0, 4.0, 4.0]]]
    """
    _only("affine_transform", bounding_box_format, ("xyxy",))
    center = [0.5 if c is None else c for c in (center_x, center_y)]
    matrix = _inverse_matrix(
        center, angle, (translate_x, translate_y), scale, (shear_x, shear_y),
        height, width,
    )  # fmt: skip
    a0, a1, a2, b0, b1, b2 = (ops.reshape(part, (-1, 1, 1)) for part in matrix)
    boxes = ops.cast(ops.convert_to_tensor(boxes), a0.dtype)
    x1, y1, x2, y2 = columns(boxes)
    xs, ys = joined(x1, x2, x2, x1), joined(y1, y1, y2, y2)
    out_x, out_y = a0 * xs + a1 * ys + a2, b0 * xs + b1 * ys + b2
    least = [ops.min(out, axis=-1, keepdims=True) for out in (out_x, out_y)]
    most = [ops.max(out, axis=-1, keepdims=True) for out in (out_x, out_y)]
    return joined(*least, *most)


def _inverse_matrix(
    center: Any, angle: Any, translation: Any, scale: Any, shear: Any, height: Any,
    width: Any,
) -> list[Any]:  # fmt: skip
    """Of what images go through: boxes move the other way than places looked up."""
    turn, sx, sy = (
        ops.convert_to_tensor(part) * (-math.pi / 180.0)
        for part in (angle, shear[0], shear[1])
    )
    cx, cy = (c * (n - 1) for c, n in zip(center, (width, height), strict=True))
    tx, ty = (
        -ops.convert_to_tensor(t) * (n - 1)
        for t, n in zip(translation, (width, height), strict=True)
    )
    rest = turn - sy
    a = ops.cos(rest) / ops.cos(sy)
    b = a * ops.tan(sx) + ops.sin(turn)
    c = -ops.sin(rest) / ops.cos(sy)
    d = ops.cos(turn) - c * ops.tan(sx)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    from_x, from_y = tx + cx, ty + cy
    return [a0, a1, cx - a0 * from_x - a1 * from_y, b0, b1,
            cy - b0 * from_x - b1 * from_y]  # fmt: skip


def crop(
    boxes: Any,
    top: Any,
    left: Any,
    height: Any,
    width: Any,
    bounding_box_format: str = "xyxy",
) -> Any:
    """Boxes in an image that is cut out of another.

    Args:
        boxes: ``(..., 4)``.
        top, left: where the image was cut.
        height, width: its size.
        bounding_box_format: ``"xyxy"``.

    Raises:
        NotImplementedError: another format.

    >>> boxes = np.array([[10.0, 20.0, 50.0, 60.0]])
    >>> pydl.utils.bounding_boxes.crop(boxes, 10, 20, 40, 30).tolist()
    [[0.0, 10.0, 30.0, 40.0]]
    """
    _only("crop", bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = columns(ops.convert_to_tensor(boxes))
    return joined(
        _between(x1 - left, width), _between(y1 - top, height),
        _between(x2 - left, width), _between(y2 - top, height),
    )  # fmt: skip


def pad(
    boxes: Any,
    top: Any,
    left: Any,
    height: Any = None,
    width: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """Boxes in an image with rows above and columns on the left.

    Args:
        boxes: ``(..., 4)``.
        top, left: how many.
        height, width: accepted; they change nothing.
        bounding_box_format: ``"xyxy"``.

    Raises:
        NotImplementedError: another format.

    >>> pydl.utils.bounding_boxes.pad(np.array([[0.0, 0.0, 5.0, 5.0]]), 2, 3).tolist()
    [[3.0, 2.0, 8.0, 7.0]]
    """
    _only("pad", bounding_box_format, ("xyxy",))
    boxes = ops.convert_to_tensor(boxes)
    return boxes + ops.cast(np.array([left, top, left, top]), boxes.dtype)
