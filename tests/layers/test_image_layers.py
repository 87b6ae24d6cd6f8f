"""Image layers: Keras's numbers, data of all forms, chance, models, configurations."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pydl
from image_parity import ARRAYS, STORED, array, filled, label
from pydl import layers, ops

CLAHE = "ContrastLimitedAdaptiveHistogramEqualization"
#: Every layer with arguments that make it act strongly.
LAYERS: dict[str, dict[str, Any]] = {
    "AugMix": {"factor": 0.5},
    "AutoContrast": {},
    "CenterCrop": {"height": 4, "width": 6},
    CLAHE: {"tile_grid_size": (2, 2)},
    "CutMix": {},
    "Equalization": {},
    "MixUp": {"alpha": 0.9},
    "RandAugment": {"num_ops": 3},
    "RandomBrightness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.8},
    "RandomColorJitter": {
        "brightness_factor": 0.3, "contrast_factor": 0.3, "saturation_factor": 0.3,
        "hue_factor": 0.3},
    "RandomContrast": {"factor": 0.5},
    "RandomCrop": {"height": 4, "width": 6},
    "RandomElasticTransform": {"factor": (1.0, 1.0), "scale": (0.8, 1.0)},
    "RandomErasing": {"factor": (1.0, 1.0), "scale": (0.2, 0.4)},
    "RandomFlip": {},
    "RandomGaussianBlur": {"factor": (1.0, 1.0)},
    "RandomGrayscale": {"factor": 0.7},
    "RandomHue": {"factor": 0.8},
    "RandomInvert": {},
    "RandomPerspective": {"factor": (1.0, 1.0), "scale": 0.5},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.3},
    "RandomSaturation": {"factor": 0.8},
    "RandomSharpness": {"factor": 0.9},
    "RandomShear": {"x_factor": 0.5, "y_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.4, "width_factor": 0.3},
    "RandomZoom": {"height_factor": 0.4, "width_factor": 0.2},
    "Resizing": {"height": 4, "width": 6},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.4},
}  # fmt: skip
#: Those that act without chance, in training or not.
FIXED = {"AutoContrast", "CenterCrop", CLAHE, "Resizing"}
RANDOM = sorted(set(LAYERS) - FIXED - {"Equalization"})
BATCH = (np.random.default_rng(5).random((4, 8, 9, 3)) * 255).astype("float32")


def make(name: str, **more: Any) -> Any:
    if name not in RANDOM:
        more.pop("seed", None)
    return getattr(layers, name)(**LAYERS[name], **more)


def written(config: Any) -> Any:
    return json.loads(json.dumps(config))


# -- Keras's numbers ------------------------------------------------------------------


@pytest.mark.parametrize("case", STORED["layers"], ids=label)
def test_as_keras(case: dict[str, Any]) -> None:
    layer = getattr(layers, case["cls"])(**filled(case["arguments"]))
    images = filled(case["images"])
    if case["given"]:
        transformation = filled(case["transformation"])
        out = layer.transform_images(images, transformation)
    else:
        more = {} if case["cls"] == "UpSampling2D" else {"training": True}
        out = layer(images, **more)
    expected = array(case["result"])
    got = np.asarray(out)
    assert got.shape == expected.shape and got.dtype == expected.dtype
    if expected.dtype == "uint8":  # a tie may be rounded either way
        assert np.abs(got.astype(int) - expected).max() <= 1
        return
    scale = max(float(np.abs(expected.astype("float64")).max()), 1.0)
    off = np.abs(got.astype("float64") - expected) > 3e-5 * scale
    # Steps (bits, bins, thresholds) may fall on either side of a value.
    assert off.mean() <= (0.005 if case["cls"] in STEPPED else 0.0), got[off][:5]


STEPPED = {
    "RandomPosterization", "Solarization", "Equalization", CLAHE, "RandomRotation",
    "RandomPerspective",
}  # fmt: skip


@pytest.mark.parametrize("case", STORED["layers"], ids=label)
def test_configuration_is_written_as_keras_does(case: dict[str, Any]) -> None:
    layer = getattr(layers, case["cls"])(**filled(case["arguments"]))
    config, expected = written(layer.get_config()), dict(case["config"])
    expected.pop("name"), expected.pop("quantization_config", None)
    for key, value in expected.items():
        if key == "seed" and case["cls"] == "RandomCrop":
            continue  # Keras writes down one that it draws and does not use
        assert config[key] == written(value), key


@pytest.mark.parametrize("case", STORED["boxed"], ids=label)
def test_boxes_as_keras(case: dict[str, Any]) -> None:
    arguments = filled(case["arguments"])
    layer = getattr(layers, case["cls"])(**arguments, bounding_box_format="xyxy")
    boxes = {"boxes": ARRAYS["BOXES"], "labels": ARRAYS["BOX_LABELS"]}
    if case["transformation"] is None:
        data = {"images": ARRAYS["UNIT"], "bounding_boxes": boxes}
        out = layer(data, training=True)["bounding_boxes"]
    else:
        drawn = filled(case["transformation"])
        tensors = {key: ops.convert_to_tensor(value) for key, value in boxes.items()}
        out = layer.transform_bounding_boxes(tensors, drawn)
    np.testing.assert_allclose(out["boxes"], array(case["boxes"]), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(out["labels"], array(case["labels"]))


@pytest.mark.parametrize("case", STORED["labels"], ids=label)
def test_labels_as_keras(case: dict[str, Any]) -> None:
    layer = getattr(layers, case["cls"])()
    drawn = {
        k: ops.convert_to_tensor(v) for k, v in filled(case["transformation"]).items()
    }
    out = layer.transform_labels(ops.convert_to_tensor(ARRAYS["LABELS"]), drawn)
    np.testing.assert_allclose(out, array(case["result"]), rtol=1e-6)


# -- chance ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", RANDOM)
def test_same_seed_same_result(name: str) -> None:
    first, again, other = (make(name, seed=seed) for seed in (7, 7, 8))
    draws = [np.asarray(first(BATCH)) for _ in range(4)]
    for draw in draws:
        np.testing.assert_array_equal(again(BATCH), draw)
    others = [np.asarray(other(BATCH)) for _ in range(4)]
    assert any((a != b).any() for a, b in zip(draws, others, strict=True))
    assert any((draws[0] != draw).any() for draw in draws[1:])


@pytest.mark.parametrize("name", sorted(set(LAYERS) - FIXED - {"RandomCrop"}))
def test_nothing_happens_outside_training(name: str) -> None:
    np.testing.assert_array_equal(make(name)(BATCH, training=False), BATCH)


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"RandomSaturation"}))
def test_values_stay_in_range(name: str) -> None:
    """Also of images of [0, 1], where a layer is told so. (Keras clips saturations to
    the range of values: those above 1 lead out of it.)"""
    out = np.asarray(make(name)(BATCH))
    assert out.min() >= -1e-3 and out.max() <= 255.001 and np.isfinite(out).all()
    if "value_range" in make(name).get_config():
        out = np.asarray(make(name, value_range=(0, 1))(BATCH / 255))
        assert out.min() >= -1e-5 and out.max() <= 1.00001 and np.isfinite(out).all()


@pytest.mark.parametrize("name", sorted(LAYERS))
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64"])
def test_other_dtypes_become_the_layers(name: str, dtype: str) -> None:
    out = make(name)(BATCH.astype(dtype))
    kept = name == "Resizing" and dtype != "float64"
    assert out.dtype == (dtype if kept else "float32")
    half = make(name, dtype="float16")(BATCH[:1])
    assert half.dtype == "float16" and np.isfinite(np.asarray(half)).all()


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_one_image_and_channels_first(name: str) -> None:
    one = make(name, seed=1)(BATCH[0])
    batch = make(name, seed=1)(BATCH[:1])
    np.testing.assert_array_equal(one, batch[0])
    turned = make(name, seed=1, data_format="channels_first")(
        np.ascontiguousarray(BATCH.transpose(0, 3, 1, 2))
    )
    last = np.asarray(make(name, seed=1)(BATCH))
    found = np.asarray(turned).transpose(0, 2, 3, 1)
    if name == "RandomErasing":  # noise is drawn in the layout of the images
        assert found.shape == last.shape
        return
    np.testing.assert_allclose(found, last, rtol=1e-4, atol=2e-3)


# -- dicts ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_dicts(name: str) -> None:
    """All parts come back, in their shapes; what was given is left as it was."""
    layer = make(name, seed=3, bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[1, 1, 5, 4], [0, 2, 8, 8]]] * 4, "float32"),
             "labels": np.array([[0, 1]] * 4, "int32")}  # fmt: skip
    data = {"images": BATCH, "labels": np.eye(4, dtype="float32"),
            "segmentation_masks": (BATCH[..., :1] > 99).astype("int32")}  # fmt: skip
    if name != "CutMix":
        data["bounding_boxes"] = boxes
    before = BATCH.copy()
    out = layer(data)
    assert set(out) == set(data) and data["images"] is BATCH
    np.testing.assert_array_equal(BATCH, before)
    size = out["images"].shape[1:3]
    assert out["segmentation_masks"].shape == (4, *size, 1)
    assert out["labels"].shape == (4, 4)
    np.testing.assert_allclose(np.asarray(out["labels"]).sum(1), 1.0, rtol=1e-5)
    mixes = name in ("AugMix", "MixUp", "CutMix")
    if not mixes:
        assert set(np.unique(out["segmentation_masks"])) <= {0, 1}
    if name == "CutMix":
        return
    found = np.asarray(out["bounding_boxes"]["boxes"])
    assert found.shape == (4, 4 if name == "MixUp" else 2, 4)
    if name != "RandomCrop":
        assert (found >= -1e-4).all() and (found[..., 2] <= size[1] + 1e-3).all()


WARPS = ("RandomFlip RandomRotation RandomZoom RandomShear RandomTranslation "
         "RandomPerspective RandomElasticTransform").split()  # fmt: skip


@pytest.mark.parametrize("name", WARPS)
def test_masks_go_with_their_images(name: str) -> None:
    layer = make(name, seed=3)
    images = (BATCH[..., :1] > 99).astype("float32") * 255
    arguments = dict(LAYERS[name])
    if name != "RandomFlip":
        arguments["interpolation"] = "nearest"
    layer = getattr(layers, name)(**arguments, seed=3)
    out = layer({"images": images, "segmentation_masks": images})
    np.testing.assert_array_equal(out["images"], out["segmentation_masks"])


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomTranslation",
                                  "RandomZoom", "RandomPerspective",
                                  "RandomCrop"])  # fmt: skip
def test_boxes_go_with_their_images(name: str) -> None:
    """A box drawn into an image stays around what was drawn."""
    images = np.zeros((6, 40, 50, 1), "float32")
    images[:, 12:25, 14:32] = 255.0
    arguments: dict[str, Any] = {
        "RandomRotation": {"factor": 0.1, "fill_mode": "constant"},
        "RandomTranslation": {
            "height_factor": 0.2, "width_factor": 0.2, "fill_mode": "constant"},
        "RandomZoom": {"height_factor": 0.3, "fill_mode": "constant"},
        "RandomPerspective": {"scale": 0.3},
        "RandomCrop": {"height": 36, "width": 44},
    }.get(name, {})  # fmt: skip
    layer = getattr(layers, name)(**arguments, seed=2, bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[14, 12, 32, 25]]] * 6, "float32"),
             "labels": np.zeros((6, 1), "int32")}  # fmt: skip
    out = layer({"images": images, "bounding_boxes": boxes})
    for image, box in zip(out["images"], out["bounding_boxes"]["boxes"], strict=True):
        rows, columns = np.nonzero(np.asarray(image)[..., 0] > 120)
        drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(np.asarray(box)[0], drawn, atol=2.0)


def test_dicts_that_do_not_fit() -> None:
    layer = layers.RandomFlip()
    with pytest.raises(ValueError, match="key 'images'"):
        layer({"labels": np.ones(2)})
    boxes = {"boxes": np.ones((4, 2, 4)), "labels": np.ones((4, 2))}
    with pytest.raises(ValueError, match="bounding_box_format"):
        layer({"images": BATCH, "bounding_boxes": boxes})
    layer = layers.RandomFlip(bounding_box_format="xyxy")
    with pytest.raises(ValueError, match="'boxes' and 'labels'"):
        layer({"images": BATCH, "bounding_boxes": np.ones((4, 2, 4))})
    with pytest.raises(ValueError, match="a label for each"):
        layer({"images": BATCH, "bounding_boxes": {**boxes, "labels": np.ones(4)}})
    with pytest.raises(ValueError, match="rank 3"):
        layer(BATCH[0, 0])


# -- models ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_in_a_model(name: str) -> None:
    """Traced: on in `fit`, off in `predict`, other draws in every step."""
    layer = make(name, seed=1)
    model = pydl.Sequential([pydl.Input((8, 9, 3)), layer, layers.Rescaling(1 / 255)])
    assert model.output_shape[-1] == 3
    expected = np.asarray(layer(BATCH, training=False)) / 255
    found = model.predict(BATCH, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    state = [v.numpy().copy() for v in layer.variables]
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(2))
    model.compile("sgd", "mse")
    model.fit(BATCH, np.ones((4, 2)), batch_size=2, epochs=1, verbose=0)
    moved = any(
        (v.numpy() != s).any() for v, s in zip(layer.variables, state, strict=True)
    )
    assert moved == (name in RANDOM)
    assert np.isfinite(model.get_weights()[-1]).all()


@pytest.mark.parametrize("name", ["RandAugment", "RandomCrop", "RandomRotation",
                                  "RandomElasticTransform", "CutMix",
                                  "Equalization"])  # fmt: skip
def test_traced_as_eager(name: str) -> None:
    eager, traced = make(name, seed=5), make(name, seed=5)
    function = pydl.function(lambda x: traced(x, training=True))
    for _ in range(3):
        np.testing.assert_allclose(function(BATCH), eager(BATCH), rtol=1e-4, atol=5e-3)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_configuration_round_trip(name: str) -> None:
    layer = make(name, **({"seed": 3} if name in RANDOM else {}))
    stored = written(layers.serialize(layer))
    assert stored["module"] == "keras.layers"
    again = layers.deserialize(stored)
    assert written(again.get_config()) == written(layer.get_config())
    np.testing.assert_array_equal(again(BATCH), layer(BATCH))


def test_a_pipeline_over_arrays() -> None:
    """As it maps over the batches of a data set."""
    pipe = layers.Pipeline([
        layers.Resizing(6, 6), layers.RandomFlip(seed=1),
        layers.RandomBrightness(0.2, seed=2), layers.Rescaling(1 / 255),
    ])  # fmt: skip
    out = [np.asarray(pipe(batch)) for batch in (BATCH[:2], BATCH[2:])]
    assert all(batch.shape == (2, 6, 6, 3) and batch.max() <= 1 for batch in out)
    again = layers.deserialize(written(layers.serialize(pipe)))
    np.testing.assert_array_equal(again(BATCH[:2]), out[0])


def test_random_crop() -> None:
    x = np.arange(10 * 12, dtype="float32").reshape(1, 10, 12, 1)
    layer = layers.RandomCrop(4, 5, seed=1)
    corners = set()
    for _ in range(40):
        out = np.asarray(layer(x))[0, :, :, 0]
        top, left = divmod(int(out[0, 0]), 12)
        np.testing.assert_array_equal(out, x[0, top : top + 4, left : left + 5, 0])
        corners.add((top, left))
    assert len(corners) > 15 and max(c[0] for c in corners) <= 6
    middle = np.asarray(layer(x, training=False))
    assert middle.shape == (1, 4, 5, 1)


def test_max_num_bounding_boxes() -> None:
    layer = layers.MaxNumBoundingBoxes(3, fill_value=-2, bounding_box_format="xyxy")
    boxes = {"boxes": np.ones((5, 4), "float32"), "labels": np.arange(5)}
    out = layer({"images": BATCH[0], "bounding_boxes": boxes})["bounding_boxes"]
    assert out["boxes"].shape == (3, 4) and out["labels"].tolist() == [0, 1, 2]
    few = {"boxes": np.ones((1, 4), "float32"), "labels": np.arange(1)}
    out = layer({"images": BATCH[0], "bounding_boxes": few})["bounding_boxes"]
    assert out["labels"].tolist() == [0, -2, -2]
    assert layers.deserialize(layers.serialize(layer)).fill_value == -2


# -- hostile arguments ----------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("Resizing", {"height": 0, "width": 3}, "`height` argument"),
    ("Resizing", {"height": 3, "width": 2.5}, "`width` argument"),
    ("Resizing", {"height": 3, "width": 3, "interpolation": "best"}, "interpolation"),
    ("Resizing", {"height": 3, "width": 3, "crop_to_aspect_ratio": True,
                  "pad_to_aspect_ratio": True}, "only one of"),
    ("CenterCrop", {"height": -1, "width": 3}, "`height` argument"),
    ("RandomCrop", {"height": "a", "width": 3}, "`height` argument"),
    ("RandomBrightness", {"factor": 2}, "[-1, 1]"),
    ("RandomBrightness", {"factor": (0.1, 0.2, 0.3)}, "two numbers"),
    ("RandomBrightness", {"factor": "much"}, "number"),
    ("RandomBrightness", {"factor": 0.1, "value_range": (1, 1)}, "value_range"),
    ("RandomBrightness", {"factor": 0.1, "value_range": 255}, "value_range"),
    ("RandomContrast", {"factor": -0.2}, "[0, 1]"),
    ("RandomGrayscale", {"factor": 1.5}, "between 0 and 1"),
    ("RandomTranslation", {"height_factor": 1.5, "width_factor": 0}, "height_factor"),
    ("RandomZoom", {"height_factor": -1.0}, "height_factor"),
    ("RandomShear", {"x_factor": 1.2}, "x_factor"),
    ("RandomPerspective", {"scale": 2}, "`scale`"),
    ("RandomGaussianBlur", {"kernel_size": 4}, "odd"),
    ("RandomPosterization", {"factor": 9}, "[1, 8]"),
    ("Solarization", {"threshold_factor": 2}, "threshold_factor"),
    ("Equalization", {"bins": 1}, "bins"),
    (CLAHE, {"tile_grid_size": (0, 2)}, "tile_grid_size"),
    ("RandomErasing", {"fill_value": "x"}, "fill_value"),
    ("MixUp", {"alpha": 0}, "alpha"),
    ("MaxNumBoundingBoxes", {"max_number": -1}, "max_number"),
    ("RandomFlip", {"data_format": "first"}, "data_format"),
    ("RandomFlip", {"seed": 1.5}, "seed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "text"), REFUSED)
def test_hostile_arguments(name: str, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as error:
        getattr(layers, name)(**arguments)
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomFlip", {"mode": "both"}),
        ("RandomRotation", {"factor": 0.1, "fill_mode": "zeros"}),
        ("RandomRotation", {"factor": 0.1, "interpolation": "bicubic"}),
        ("RandomElasticTransform", {"fill_mode": "zeros"}),
    ],
)
def test_unknown_choices(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match="Expected one of"):
        getattr(layers, name)(**arguments)
