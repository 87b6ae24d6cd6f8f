"""How much boxes have in common."""

from __future__ import annotations

import math
from typing import Any

from pydl import config, ops
from pydl.layers.preprocessing.image.boxes.formats import columns, convert_format


def _corners(name: str, boxes: Any, form: str, image_shape: Any) -> Any:
    if "rel" in form and image_shape is None:
        raise ValueError(
            f"{name}: expected image_shape (height, width, channels) for the relative "
            f"format {form!r}, received None"
        )
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return convert_format(boxes, form, "xyxy", height, width)


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Any:
    """The area that each pair of boxes shares, as a share of what they cover together.

    Args:
        boxes1: ``(M, 4)`` or ``(batch, M, 4)``.
        boxes2: ``(N, 4)`` or ``(batch, N, 4)``.
        bounding_box_format: of both; see `convert_format`.
        use_masking: give `mask_val` for boxes of which all numbers are below 0.
        mask_val: that value.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        ``(M, N)`` or ``(batch, M, N)``.

    Raises:
        ValueError: other shapes, or no image_shape where it is needed.

    >>> a, b = np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 2, 2.0]])
    >>> pydl.utils.bounding_boxes.compute_iou(a, b, "xyxy").numpy().round(3).tolist()
    [[0.5]]
    """
    form = bounding_box_format.lower()
    a = _corners("compute_iou", boxes1, form, image_shape)
    b = _corners("compute_iou", boxes2, form, image_shape)
    if a.ndim not in (2, 3) or b.ndim not in (2, 3):
        raise ValueError(
            "compute_iou: expected boxes of shape (N, 4) or (batch, N, 4), received "
            f"boxes1 {a.shape} and boxes2 {b.shape}"
        )
    a, b = ops.expand_dims(a, -2), ops.expand_dims(b, -3)
    ax1, ay1, ax2, ay2 = columns(a)
    bx1, by1, bx2, by2 = columns(b)
    shared = _length(ax1, ax2, bx1, bx2) * _length(ay1, ay2, by1, by2)
    areas = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1)
    result = ops.squeeze(shared / (areas - shared + config.epsilon()), -1)
    if not use_masking:
        return result
    masked = ops.logical_or(
        ops.less(ops.max(a, axis=-1), 0.0), ops.less(ops.max(b, axis=-1), 0.0)
    )
    return ops.where(masked, ops.cast(mask_val, result.dtype), result)


def _length(a1: Any, a2: Any, b1: Any, b2: Any) -> Any:
    """How long two stretches run together."""
    return ops.maximum(ops.minimum(a2, b2) - ops.maximum(a1, b1), 0.0)


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> Any:
    """`compute_iou` of each box and the one in its place, less a penalty for middles
    that lie apart and for other proportions.

    Z. Zheng et al. (2020), "Distance-IoU Loss".

    Args:
        boxes1: ``(..., 4)``.
        boxes2: ``(..., 4)``.
        bounding_box_format: of both; see `convert_format`.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        ``(...)``: 1 for equal boxes, down to -1 and below.

    Raises:
        ValueError: no image_shape where it is needed.

    >>> box = np.array([[0, 0, 2, 2.0]])
    >>> same = pydl.utils.bounding_boxes.compute_ciou(box, box, "xyxy")
    >>> same.numpy().round(3).tolist()
    [1.0]
    """
    form, tiny = bounding_box_format.lower(), config.epsilon()
    a = _corners("compute_ciou", boxes1, form, image_shape)
    b = _corners("compute_ciou", boxes2, form, image_shape)
    ax1, ay1, ax2, ay2 = columns(a)
    bx1, by1, bx2, by2 = columns(b)
    wide_a, wide_b = ax2 - ax1, bx2 - bx1
    high_a, high_b = ay2 - ay1 + tiny, by2 - by1 + tiny
    shared = _length(ax1, ax2, bx1, bx2) * _length(ay1, ay2, by1, by2)
    covered = wide_a * high_a + wide_b * high_b - shared + tiny
    iou = shared / (covered + tiny)
    hull_x = ops.maximum(ax2, bx2) - ops.minimum(ax1, bx1)
    hull_y = ops.maximum(ay2, by2) - ops.minimum(ay1, by1)
    apart_x, apart_y = (ax1 + ax2 - bx1 - bx2) / 2.0, (ay1 + ay2 - by1 - by2) / 2.0
    apart = apart_x * apart_x + apart_y * apart_y
    diagonal = hull_x * hull_x + hull_y * hull_y + tiny
    turn = ops.arctan(wide_b / high_b) - ops.arctan(wide_a / high_a)
    unlike = turn * turn * (4 / math.pi**2)
    share = unlike / (unlike - iou + (1 + tiny))
    return ops.squeeze(iou - (apart / diagonal + unlike * share), -1)
