"""Boxes in images: formats, overlaps, and what layers and detectors do with them."""

from pydl.layers.preprocessing.image.boxes.deltas import (
    decode_deltas_to_boxes,
    encode_box_to_deltas,
)
from pydl.layers.preprocessing.image.boxes.formats import convert_format
from pydl.layers.preprocessing.image.boxes.geometry import (
    affine_transform,
    clip_to_image_size,
    crop,
    pad,
)
from pydl.layers.preprocessing.image.boxes.overlap import compute_ciou, compute_iou

__all__ = [
    "affine_transform", "clip_to_image_size", "compute_ciou", "compute_iou",
    "convert_format", "crop", "decode_deltas_to_boxes", "encode_box_to_deltas", "pad",
]  # fmt: skip
