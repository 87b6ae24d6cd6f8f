"""The ways to write down a box, and from one to another."""

from __future__ import annotations

from typing import Any

from pydl import ops

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw",
    "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip


def columns(boxes: Any) -> list[Any]:
    """The four numbers of boxes, each with a last axis of 1."""
    return [boxes[..., i : i + 1] for i in range(4)]


def joined(*parts: Any) -> Any:
    """Undoes `columns`."""
    return ops.concatenate(list(parts), axis=-1)


def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: Any = None,
    width: Any = None,
    dtype: str = "float32",
) -> Any:
    """Boxes in another format.

    ``"xyxy"``: left, top, right, bottom; ``"yxyx"``: top, left, bottom, right;
    ``"xywh"``: left, top, width, height; ``"center_xywh"``: the middle's x and y,
    width, height; ``"center_yxhw"``: the same, y and height first. ``"rel_xyxy"``,
    ``"rel_yxyx"``, ``"rel_xywh"`` and ``"rel_center_xywh"`` are shares of the image's
    width and height.

    Args:
        boxes: ``(..., 4)``, or a dict of ``"boxes"`` and ``"labels"``.
        source: the format they have.
        target: the format wanted.
        height, width: of the image; needed from or to shares.
        dtype: of the result.

    Returns:
        Boxes of the same shape, or a dict with them.

    Raises:
        ValueError: an unknown format, another last axis than 4, or sizes missing.

    >>> convert = pydl.utils.bounding_boxes.convert_format
    >>> convert([[10, 20, 30, 50]], "xyxy", "xywh").tolist()
    [[10.0, 20.0, 20.0, 30.0]]
    """
    if isinstance(boxes, dict):
        found = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": found}
    boxes = ops.convert_to_tensor(boxes)
    source, target = source.lower(), target.lower()
    _check(boxes, source, target, height, width)
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    shares = source.startswith("rel_"), target.startswith("rel_")
    size = None
    if shares[0] != shares[1]:
        w, h = ops.cast(width, dtype), ops.cast(height, dtype)
        size = (h, w, h, w) if _is_turned(source) else (w, h, w, h)
    parts = columns(boxes)
    if shares[0] and size is not None:
        parts = [part * n for part, n in zip(parts, size, strict=True)]
    parts = _from_corners(_to_corners(parts, source), target)
    if shares[1] and size is not None:
        size = (h, w, h, w) if _is_turned(target) else (w, h, w, h)
        parts = [part / n for part, n in zip(parts, size, strict=True)]
    return joined(*parts)


def _check(boxes: Any, source: str, target: str, height: Any, width: Any) -> None:
    if boxes.ndim == 0 or boxes.shape[-1] != 4:
        raise ValueError(
            "convert_format: expected boxes with a last axis of 4, received shape "
            f"{boxes.shape}"
        )
    for name, given in (("source", source), ("target", target)):
        if given not in FORMATS:
            raise ValueError(
                f"convert_format: {name}: expected one of {FORMATS}, received {given!r}"
            )
    shares = source.startswith("rel_") or target.startswith("rel_")
    if shares and (height is None or width is None):
        raise ValueError(
            f"convert_format: expected height and width for {source!r} to {target!r}, "
            f"received height={height}, width={width}"
        )


def _is_turned(name: str) -> bool:
    """Whether y stands before x."""
    return name.removeprefix("rel_").removeprefix("center_").startswith("yx")


def _to_corners(parts: list[Any], name: str) -> list[Any]:
    a, b, c, d = parts
    if _is_turned(name):
        a, b, c, d = b, a, d, c
    if "center" in name:
        return [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0]
    return [a, b, a + c, b + d] if name.endswith("wh") else [a, b, c, d]


def _from_corners(parts: list[Any], name: str) -> list[Any]:
    x1, y1, x2, y2 = parts
    a, b, c, d = x1, y1, x2, y2
    if name.endswith(("wh", "hw")):
        c, d = x2 - x1, y2 - y1
    if "center" in name:
        a, b = x1 + c / 2.0, y1 + d / 2.0
    return [b, a, d, c] if _is_turned(name) else [a, b, c, d]
