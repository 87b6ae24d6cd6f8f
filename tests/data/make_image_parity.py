"""Writes ``image_parity.json``: images and boxes as Keras computes them.

    KERAS_BACKEND=jax python tests/data/make_image_parity.py

Needs keras 3.15; floats have seven digits. ``"$PIXELS"`` in arguments stands for an
array of the file. Layers get the transformation that the file holds, or factors that
leave nothing to chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from make_library_parity import numbers

OUT = Path(__file__).with_name("image_parity.json")
random = np.random.RandomState(11)  # its stream never changes


def turned(degrees: float) -> list[float]:
    """A rotation about the pixel (3, 2)."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return [cos, -sin, 3 - 3 * cos + 2 * sin, sin, cos, 2 - 3 * sin - 2 * cos, 0, 0]


ARRAYS: dict[str, np.ndarray] = {
    "UNIT": random.uniform(size=(2, 5, 7, 3)).astype("float32"),
    "PIXELS": (random.uniform(size=(2, 5, 7, 3)) * 255).astype("float32"),
    "ONE": random.uniform(size=(6, 4, 3)).astype("float32"),
    "BYTES": random.randint(0, 256, (2, 5, 7, 3)).astype("uint8"),
    "FIRST": random.uniform(size=(2, 3, 5, 7)).astype("float32"),
    "GRAY": (random.uniform(size=(2, 13, 12, 1)) * 255).astype("float32"),
    "LARGE": random.uniform(size=(2, 14, 13, 3)).astype("float32"),
    "OTHER": random.uniform(size=(2, 14, 13, 3)).astype("float32"),
    "VOLUME": random.uniform(size=(2, 4, 5, 6, 2)).astype("float32"),
    "LINE": random.randint(-50, 50, (5,)).astype("int32"),
    "AT_LINE": random.uniform(-9, 13, (1, 40)).astype("float32"),
    "AT_ONE": np.stack([random.uniform(-9, 12, (8, 6)), random.uniform(-9, 12, (8, 6)),
                        random.uniform(-5, 8, (8, 6))]).astype("float32"),
    "HALVES": np.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 4.5]], "float32"),
    "TRANSFORMS": np.array(
        [turned(25), [1.5, 0.2, -1, -0.3, 0.7, 0.5, 0, 0]], "float32"
    ),
    "MOVE": np.array([1, 0, -1.25, 0, 1, 0.75, 0, 0], "float32"),
    "START": np.array([[[0, 0], [6, 0], [0, 4], [6, 4]]] * 2, "float32"),
    "END": np.array(
        [[[0.5, 0.2], [5.5, 0.5], [-0.4, 4.4], [6.3, 3.1]],
         [[1, -1], [7, 0.4], [0.3, 3.3], [5.2, 4.9]]], "float32"
    ),
    "SCALE": np.array([1.7, 0.6], "float32"),
    "SHIFT": np.array([-0.4, 1.3], "float32"),
    "BOXES": np.array(
        [[[0, 0, 3, 2], [1, 1, 6, 4]], [[2, 0, 5, 5], [4, 3, 7, 5]]], "float32"
    ),
    "BOXES2": np.array([[1, 0, 4, 3], [5, 4, 7, 5], [-3, -2, -1, -1]], "float32"),
    "BOX_LABELS": np.array([[1, 2], [3, 0]], "int32"),
    "LABELS": np.array([[1, 0, 0], [0, 1, 0]], "float32"),
    "MASKS": random.randint(0, 4, (2, 5, 7, 1)).astype("float32"),
    "ORDER": np.array([1, 0], "int32"),
    "SHARES": np.array([0.3, 0.8], "float32"),
    "FACTORS": np.array([0.2, -0.3], "float32"),
    "HIGH": np.array([0.3, 2.0], "float32"),
    "DELTAS": np.array([20.0, -30.0], "float32").reshape(2, 1, 1, 1),
    "FOUR": np.array([0.4, 1.3], "float32").reshape(2, 1, 1, 1),
    "TONES": np.array([40.0, 0.0], "float32").reshape(2, 1, 1, 1),
    "LIMITS": np.array([100.0, 180.0], "float32").reshape(2, 1, 1, 1),
    "CHOSEN": np.array([True, False]),
    "FLIPS": np.array([True, False]).reshape(2, 1, 1, 1),
    "BITS": np.array([3, 6], "uint8"),
    "SIGMA": np.array([0.7, 1.2], "float32"),
    "INSIDE": random.uniform(size=(2, 5, 7, 3)) > 0.6,
    "NOISE": (random.uniform(size=(2, 5, 7, 3)) * 255).astype("float32"),
    "SHEAR": np.array([[0.2, -0.1], [-0.3, 0.25]], "float32"),
}  # fmt: skip
METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
Add = Callable[..., None]
#: Corners, and what is a share of 7 by 5 pixels.
FORMATS = ("xyxy yxyx xywh center_xywh center_yxhw rel_xyxy rel_yxyx rel_xywh "
           "rel_center_xywh").split()  # fmt: skip


def resizing(add: Add) -> None:
    """Sizes."""
    for method in METHODS:
        for size in ([8, 9], [3, 2], [5, 3], [10, 14]):
            add("resize", "$UNIT", size, interpolation=method)
            add("resize", "$UNIT", size, interpolation=method, antialias=True)
        add("resize", "$BYTES", [4, 9], interpolation=method)
        add("resize", "$ONE", [4, 6], interpolation=method)
        add("resize", "$FIRST", [4, 9], interpolation=method,
            data_format="channels_first")  # fmt: skip
    for size in ([4, 4], [6, 3], [3, 9]):
        add("resize", "$UNIT", size, crop_to_aspect_ratio=True)
        add("resize", "$UNIT", size, pad_to_aspect_ratio=True, fill_value=0.5)
        add("resize", "$ONE", size, pad_to_aspect_ratio=True)
        add("resize", "$FIRST", size, crop_to_aspect_ratio=True,
            data_format="channels_first")  # fmt: skip
    for method in ("linear", "bicubic", "lanczos3", "lanczos5"):
        for antialias in (False, True):
            add("scale_and_translate", "$ONE", [9, 5, 3], "$SCALE", "$SHIFT", [0, 1],
                method, antialias=antialias)  # fmt: skip


def sampling(add: Add) -> None:
    """Warps."""
    for order in (0, 1):
        for mode in MODES:
            add("map_coordinates", "$ONE", "$AT_ONE", order, fill_mode=mode)
            add("map_coordinates", "$LINE", "$AT_LINE", order, fill_mode=mode)
            add("map_coordinates", "$LINE", "$HALVES", order, fill_mode=mode)
        add("map_coordinates", "$ONE", "$AT_ONE", order, fill_value=3.0)
    for method in ("nearest", "bilinear"):
        for mode in MODES:
            add("affine_transform", "$UNIT", "$TRANSFORMS", method, mode, 0.5)
        add("affine_transform", "$ONE", "$MOVE", method)
        add("affine_transform", "$BYTES", "$TRANSFORMS", method)
        add("affine_transform", "$FIRST", "$TRANSFORMS", method, "reflect",
            data_format="channels_first")  # fmt: skip
        add("perspective_transform", "$UNIT", "$START", "$END", method)
        add("perspective_transform", "$UNIT", "$END", "$START", method, 0.5)
        add("perspective_transform", "$FIRST", "$START", "$END", method,
            data_format="channels_first")  # fmt: skip


def filters(add: Add) -> None:
    """Windows and colors."""
    last, first = {"data_format": "channels_last"}, {"data_format": "channels_first"}
    add("gaussian_blur", "$UNIT", **last)
    add("gaussian_blur", "$FIRST", [3, 5], [0.8, 2.0], **first)
    add("gaussian_blur", "$ONE", [11, 4], [3.0, 1.0], **last)
    for layout in (last, first):
        images = "$FIRST" if layout is first else "$UNIT"
        for name in ("rgb_to_hsv", "hsv_to_rgb", "rgb_to_grayscale", "sobel_edges"):
            add(name, images, **layout)
    add("rgb_to_grayscale", "$BYTES")
    add("rgb_to_hsv", "$ONE")
    add("ssim", "$LARGE", "$OTHER")
    add("ssim", "$LARGE", "$OTHER", max_val=2.0, filter_size=5, filter_sigma=1.0)
    for size in (2, [3, 2], [2, 2, 3]):
        images = "$VOLUME" if size == [2, 2, 3] else "$UNIT"
        add("extract_patches", images, size)
        for padding in ("valid", "same"):
            add("extract_patches", images, size, 1, padding=padding)
    add("extract_patches", "$UNIT", [2, 3], [2, 1])
    add("extract_patches", "$UNIT", 2, 1, 2)
    add("extract_patches", "$ONE", 3, 2, padding="same")
    add("extract_patches", "$FIRST", [3, 2], **first)
    add("extract_patches_3d", "$VOLUME", 2, [1, 2, 2], padding="same")
    add("crop_images", "$UNIT", 1, 2, 1, target_width=3)
    add("crop_images", "$FIRST", 0, 1, target_height=2, target_width=4, **first)
    add("pad_images", "$UNIT", 1, 2, target_height=8, target_width=12)
    add("pad_images", "$FIRST", None, 1, 2, 3, target_height=9, **first)


Case = tuple[str, dict[str, Any], Any, str]


def colored() -> list[Case]:
    """Layers that change values, their arguments, a transformation, and the images."""
    unit, first = {"value_range": [0, 1]}, {"data_format": "channels_first"}
    return [
        ("RandomBrightness", {"factor": 0.2}, {"rgb_delta": "$DELTAS"}, "$PIXELS"),
        ("RandomContrast", {"factor": 0.2}, {"contrast_factor": "$FOUR"}, "$PIXELS"),
        ("RandomContrast", {"factor": 0.2, **unit}, {"contrast_factor": "$FOUR"},
         "$UNIT"),
        ("RandomSaturation", {"factor": 0.2}, {"factor": "$HIGH"}, "$PIXELS"),
        ("RandomSaturation", {"factor": 0.2, **first}, {"factor": "$SHARES"}, "$FIRST"),
        ("RandomHue", {"factor": 0.2, **unit}, {"factor": "$FACTORS"}, "$UNIT"),
        ("RandomHue", {"factor": 0.2}, {"factor": "$FACTORS"}, "$PIXELS"),
        ("RandomHue", {"factor": 0.2, **unit, **first}, {"factor": "$FACTORS"},
         "$FIRST"),
        ("RandomColorDegeneration", {"factor": 0.2}, {"factor": "$FOUR"}, "$PIXELS"),
        ("RandomInvert", {}, {"apply_inversion": "$CHOSEN"}, "$PIXELS"),
        ("RandomGrayscale", {}, "$FLIPS", "$PIXELS"),
        ("RandomPosterization", {"factor": 4}, {"shift_factor": "$BITS"}, "$PIXELS"),
        ("RandomPosterization", {"factor": 4, **unit}, {"shift_factor": "$BITS"},
         "$UNIT"),
        ("Solarization", {}, {"additions": "$TONES", "thresholds": "$LIMITS"},
         "$PIXELS"),
        ("Solarization", unit, {"additions": "$TONES", "thresholds": "$LIMITS"},
         "$UNIT"),
    ]  # fmt: skip


def toned() -> list[Case]:
    """Layers that count and filter values."""
    unit, first = {"value_range": [0, 1]}, {"data_format": "channels_first"}
    return [
        ("AutoContrast", {}, None, "$PIXELS"),
        ("AutoContrast", unit, None, "$UNIT"),
        ("Equalization", {}, None, "$GRAY"),
        ("Equalization", {}, None, "$PIXELS"),
        ("Equalization", {"bins": 32, **unit}, None, "$UNIT"),
        ("Equalization", {**unit, **first}, None, "$FIRST"),
        ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": [2, 3]},
         None, "$GRAY"),
        ("ContrastLimitedAdaptiveHistogramEqualization",
         {"tile_grid_size": [2, 2], "clip_limit": 1.5, **unit}, None, "$UNIT"),
        ("RandomGaussianBlur", {},
         {"should_apply_blur": "$CHOSEN", "blur_factor": "$SIGMA"}, "$PIXELS"),
        ("RandomGaussianBlur", {"kernel_size": [5, 3]},
         {"should_apply_blur": "$CHOSEN", "blur_factor": "$SIGMA"}, "$PIXELS"),
        ("RandomSharpness", {"factor": 0.5}, {"factor": "$SHARES"}, "$PIXELS"),
    ]  # fmt: skip


def moved() -> list[Case]:
    """Layers that move and mix pixels."""
    first = {"data_format": "channels_first"}
    return [
        ("RandomErasing", {}, {"apply_erasing": "$CHOSEN", "batch_masks": "$INSIDE",
         "fill_value": "$NOISE"}, "$PIXELS"),
        ("RandomShear", {"x_factor": 0.3, "y_factor": 0.3},
         {"shear_factor": "$SHEAR", "input_shape": [2, 5, 7, 3]}, "$PIXELS"),
        ("RandomFlip", {}, {"flips": "$FLIPS"}, "$PIXELS"),
        ("RandomFlip", {"mode": "vertical", **first}, {"flips": "$FLIPS"}, "$FIRST"),
        ("CutMix", {}, {"permutation_order": "$ORDER", "batch_masks": "$INSIDE"},
         "$PIXELS"),
        ("MixUp", {}, {"permutation_order": "$ORDER", "mix_weight": "$SHARES"},
         "$PIXELS"),
        ("RandomPerspective", {}, {
            "apply_perspective": "$CHOSEN", "start_points": "$START",
            "end_points": "$END", "input_shape": [2, 5, 7, 3]}, "$PIXELS"),
        ("RandomCrop", {"height": 3, "width": 4}, [1, 2], "$PIXELS"),
        ("RandomCrop", {"height": 6, "width": 4}, [0, 1], "$PIXELS"),
    ]  # fmt: skip


def fixed() -> list[tuple[str, dict[str, Any], str]]:
    """Layers that leave nothing to chance, and the images."""
    modes: list[tuple[str, dict[str, Any], str]] = []
    for mode in ("constant", "nearest", "wrap", "reflect"):
        more = {"fill_mode": mode, "fill_value": 7.0}
        modes += [
            ("RandomRotation", {"factor": [0.1, 0.1], **more}, "$PIXELS"),
            ("RandomTranslation", {
                "height_factor": [0.2, 0.2], "width_factor": [-0.3, -0.3], **more},
             "$PIXELS"),
            ("RandomZoom", {
                "height_factor": [0.3, 0.3], "width_factor": [-0.4, -0.4], **more},
             "$PIXELS"),
        ]  # fmt: skip
    first = {"data_format": "channels_first"}
    return [
        *modes,
        ("RandomRotation", {"factor": [-0.2, -0.2], **first}, "$FIRST"),
        ("RandomRotation", {"factor": [0.3, 0.3], "interpolation": "nearest"},
         "$PIXELS"),
        ("RandomZoom", {"height_factor": [0.3, 0.3]}, "$ONE"),
        ("RandomBrightness", {"factor": [0.1, 0.1]}, "$PIXELS"),
        ("RandomSaturation", {"factor": [0.7, 0.7]}, "$PIXELS"),
        ("RandomColorDegeneration", {"factor": [0.4, 0.4]}, "$PIXELS"),
        ("RandomSharpness", {"factor": [0.9, 0.9]}, "$PIXELS"),
        ("RandomInvert", {"factor": [1.0, 1.0]}, "$PIXELS"),
        ("RandomPosterization", {"factor": [3, 3]}, "$PIXELS"),
        ("RandomGaussianBlur", {"factor": [1.0, 1.0], "sigma": [0.7, 0.7]}, "$PIXELS"),
        ("RandomColorJitter", {
            "brightness_factor": [0.1, 0.1], "saturation_factor": [0.6, 0.6]},
         "$PIXELS"),
    ]  # fmt: skip


def sized() -> list[tuple[str, dict[str, Any], str]]:
    """Layers that bring images to a size."""
    first, sides = {"data_format": "channels_first"}, {"height": 4, "width": 3}
    return [
        ("Resizing", sides, "$UNIT"),
        ("Resizing", {**sides, "interpolation": "bicubic", "antialias": True}, "$UNIT"),
        ("Resizing", {**sides, "crop_to_aspect_ratio": True}, "$UNIT"),
        ("Resizing", {**sides, "pad_to_aspect_ratio": True, "fill_value": 0.5},
         "$UNIT"),
        ("Resizing", {**sides, **first}, "$FIRST"),
        ("Resizing", sides, "$ONE"),
        ("Resizing", sides, "$BYTES"),
        ("CenterCrop", sides, "$UNIT"),
        ("CenterCrop", {"height": 6, "width": 5}, "$UNIT"),
        ("CenterCrop", {**sides, **first}, "$FIRST"),
        ("CenterCrop", {"height": 3, "width": 2}, "$ONE"),
        ("UpSampling2D", {"size": [2, 3], "interpolation": "bilinear"}, "$UNIT"),
        ("UpSampling2D", {"interpolation": "bicubic"}, "$UNIT"),
    ]  # fmt: skip


def boxed() -> list[tuple[str, dict[str, Any], Any]]:
    """Layers, arguments, and a transformation (None: drawn) for boxes in the images of
    7 by 5 pixels."""
    shape = [2, 5, 7, 3]
    sides = {"height": 4, "width": 3}
    perspective = {
        "apply_perspective": "$CHOSEN", "start_points": "$START", "end_points": "$END",
        "input_shape": shape,
    }  # fmt: skip
    return [
        ("Resizing", sides, None),
        ("Resizing", {**sides, "crop_to_aspect_ratio": True}, None),
        ("Resizing", {**sides, "pad_to_aspect_ratio": True}, None),
        ("CenterCrop", sides, None),
        ("CenterCrop", {"height": 6, "width": 5}, None),
        ("RandomRotation", {"factor": [0.1, 0.1]}, None),
        ("RandomTranslation", {
            "height_factor": [0.2, 0.2], "width_factor": [-0.3, -0.3]}, None),
        ("RandomZoom", {"height_factor": [0.3, 0.3], "width_factor": [-0.4, -0.4]},
         None),
        ("RandomShear", {"x_factor": 0.3, "y_factor": 0.3},
         {"shear_factor": "$SHEAR", "input_shape": shape}),
        ("RandomFlip", {}, {"flips": "$FLIPS", "input_shape": shape}),
        ("RandomFlip", {"mode": "horizontal"},
         {"flips": "$FLIPS", "input_shape": shape}),
        ("RandomPerspective", {}, perspective),
        ("MaxNumBoundingBoxes", {"max_number": 3}, None),
        ("MaxNumBoundingBoxes", {"max_number": 1}, None),
    ]  # fmt: skip


def box_functions(add: Add) -> None:
    """What `keras.utils.bounding_boxes` has."""
    size = {"height": 5, "width": 7}
    for source in FORMATS:
        for target in FORMATS:
            add("convert_format", "$BOXES", source, target, **size)
    add("compute_iou", "$BOXES", "$BOXES2", "xyxy")
    add("compute_iou", "$BOXES2", "$BOXES2", "xywh")
    add("compute_iou", "$BOXES2", "$BOXES2", "yxyx", use_masking=True, mask_val=-2)
    add("compute_ciou", "$BOXES", "$BOXES", "xyxy")
    add("compute_ciou", "$BOXES2", "$BOXES2", "center_xywh")
    add("crop", "$BOXES", 1, 2, 3, 3)
    add("pad", "$BOXES", 1, 2)
    for form in ("center_yxhw", "center_xywh"):
        for name, last in (
            ("encode_box_to_deltas", "encoding_format"),
            ("decode_deltas_to_boxes", "encoded_format"),
        ):
            add(name, "$BOXES2", "$BOXES2", "xyxy", "xywh", **{last: form})
            add(name, "$BOXES2", "$BOXES2", "xywh", "xyxy",
                variance=[0.1, 0.1, 0.2, 0.2], **{last: form})  # fmt: skip


def short(array: Any) -> Any:
    """A result, with seven digits."""
    stored = numbers(array)
    if "float" in stored["dtype"]:
        stored["values"] = [float(f"{v:.7g}") for v in stored["values"]]
    return stored


def filled(value: Any) -> Any:
    """Arguments with their arrays."""
    if isinstance(value, dict):
        return {key: filled(part) for key, part in value.items()}
    if isinstance(value, list):
        return tuple(filled(part) for part in value)
    if isinstance(value, str) and value.startswith("$"):
        return keras.ops.convert_to_tensor(ARRAYS[value[1:]])
    return value


def functions(module: Any, *sections: Callable[[Add], None]) -> list[Any]:
    """Names, arguments and results."""
    rows: list[Any] = []

    def add(name: str, *args: Any, **kwargs: Any) -> None:
        result = getattr(module, name)(*map(filled, args), **filled(kwargs))
        case = {"name": name, "args": list(args), "kwargs": kwargs}
        rows.append({**case, "result": short(result)})

    for section in sections:
        section(add)
    return rows


def layer(name: str, arguments: dict[str, Any], **more: Any) -> Any:
    """A layer of Keras."""
    return getattr(keras.layers, name)(**filled(arguments), **more)


def layers() -> list[Any]:
    """Images that go through layers, and the layers' configurations."""
    rows: list[Any] = []
    for name, arguments, transformation, images in [*colored(), *toned(), *moved()]:
        made = layer(name, arguments)
        out = made.transform_images(filled(images), filled(transformation))
        case = {"cls": name, "arguments": arguments, "images": images}
        rows.append({**case, "transformation": transformation, "given": True,
                     "config": made.get_config(), "result": short(out)})  # fmt: skip
    for name, arguments, images in [*fixed(), *sized()]:
        made = layer(name, arguments)
        more = {} if name == "UpSampling2D" else {"training": True}
        out = made(filled(images), **more)
        case = {"cls": name, "arguments": arguments, "images": images}
        rows.append({**case, "given": False, "config": made.get_config(),
                     "result": short(out)})  # fmt: skip
    return rows


def boxes() -> list[Any]:
    """Boxes that go through layers."""
    rows = []
    for name, arguments, transformation in boxed():
        made = layer(name, arguments, bounding_box_format="xyxy")
        found = {"boxes": filled("$BOXES"), "labels": filled("$BOX_LABELS")}
        if transformation is None:
            data = {"images": filled("$UNIT"), "bounding_boxes": found}
            out = made(data, training=True)["bounding_boxes"]
        else:
            out = made.transform_bounding_boxes(found, filled(transformation))
        case = {"cls": name, "arguments": arguments, "transformation": transformation}
        rows.append({**case, "boxes": short(out["boxes"]),
                     "labels": short(out["labels"])})  # fmt: skip
    return rows


def labels() -> list[Any]:
    """Labels that are mixed."""
    rows = []
    for name in ("CutMix", "MixUp"):
        drawn = {"permutation_order": "$ORDER", "mix_weight": "$SHARES"}
        out = layer(name, {}).transform_labels(filled("$LABELS"), filled(drawn))
        rows.append({"cls": name, "transformation": drawn, "result": short(out)})
    return rows


def main() -> None:
    """Write the file."""
    file = {
        "keras": keras.__version__,
        "arrays": {name: numbers(array) for name, array in ARRAYS.items()},
        "functions": functions(keras.ops.image, resizing, sampling, filters),
        "boxes": functions(keras.utils.bounding_boxes, box_functions),
        "layers": layers(),
        "boxed": boxes(),
        "labels": labels(),
    }
    OUT.write_text(json.dumps(file, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
