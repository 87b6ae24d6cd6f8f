"""`ops.image`: Keras's numbers, gradients, traces, hostile arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from differences import check_gradient
from graph_values import values
from image_parity import ARRAYS, STORED, array, filled, label
from pydl import ops
from pydl.graph.trace import Trace
from pydl.ops import image

rng = np.random.default_rng(3)


def check(found: Any, case: dict[str, Any]) -> None:
    expected = array(case["result"])
    got = np.asarray(found)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if expected.dtype.kind != "f":  # a tie may be rounded either way
        assert np.abs(got.astype(int) - expected.astype(int)).max(initial=0) <= 1
        assert (got != expected).mean() < 0.01
        return
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def arguments(case: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    args = [filled(a) for a in case["args"]]
    return args, {key: filled(value) for key, value in case["kwargs"].items()}


@pytest.mark.parametrize("case", STORED["functions"], ids=label)
def test_as_keras(case: dict[str, Any]) -> None:
    args, kwargs = arguments(case)
    check(getattr(image, case["name"])(*args, **kwargs), case)


@pytest.mark.parametrize("case", STORED["functions"][::7], ids=label)
def test_traced_as_keras(case: dict[str, Any]) -> None:
    args, kwargs = arguments(case)
    with Trace("case") as trace:
        feeds = {}
        for i, value in enumerate(args):
            if isinstance(value, np.ndarray):
                feeds[f"x{i}"] = value
                args[i] = trace.input(f"x{i}", value.shape, value.dtype.name)
        out = getattr(image, case["name"])(*args, **kwargs)
    check(values(trace.graph, [out], feeds)[0], case)


@pytest.mark.parametrize("case", STORED["boxes"], ids=label)
def test_boxes_as_keras(case: dict[str, Any]) -> None:
    args, kwargs = arguments(case)
    function = getattr(pydl.utils.bounding_boxes, case["name"])
    np.testing.assert_allclose(
        function(*args, **kwargs), array(case["result"]), rtol=1e-5, atol=1e-5
    )


# -- what Keras has no numbers for ----------------------------------------------------


def test_area_is_the_mean_of_what_a_pixel_covers() -> None:
    x = rng.normal(size=(1, 4, 6, 2)).astype("float32")
    small = image.resize(x, (2, 3), "area")
    expected = x.reshape(1, 2, 2, 3, 2, 2).mean((2, 4))
    np.testing.assert_allclose(small, expected, rtol=1e-5, atol=1e-6)
    line = np.array([1.0, 2.0, 4.0], "float32").reshape(3, 1, 1)
    out = np.asarray(image.resize(line, (2, 1), "area")).ravel()
    np.testing.assert_allclose(out, [4 / 3, 10 / 3], rtol=1e-6)


@pytest.mark.parametrize("method", ["gaussian", "mitchellcubic", "area"])
def test_other_methods_keep_a_flat_image(method: str) -> None:
    x = np.full((1, 5, 6, 3), 0.7, "float32")
    for size in ((3, 4), (9, 13)):
        np.testing.assert_allclose(image.resize(x, size, method), 0.7, rtol=1e-5)


def test_nearest_takes_pixels_whatever_the_sizes() -> None:
    x = np.arange(7 * 6).reshape(1, 7, 6, 1)
    for size in ((14, 18), (7, 3), (5, 4), (1, 1), (7, 13)):
        rows = np.floor((np.arange(size[0]) + 0.5) * 7 / size[0]).astype(int)
        columns = np.floor((np.arange(size[1]) + 0.5) * 6 / size[1]).astype(int)
        out = np.asarray(image.resize(x, size, "nearest"))
        assert out.dtype == x.dtype
        assert (out[0, :, :, 0] == x[0, :, :, 0][rows][:, columns]).all()


def test_a_projection_divides() -> None:
    """``c0`` and ``c1`` count, as `affine_transform` says."""
    x = rng.normal(size=(1, 6, 6, 1)).astype("float32")
    t = np.array([1.2, 0.1, -0.3, 0.05, 0.9, 0.2, 0.02, -0.01], "float32")
    rows, columns = np.mgrid[:6, :6].astype("float32")
    k = t[6] * columns + t[7] * rows + 1
    at = np.stack([(t[3] * columns + t[4] * rows + t[5]) / k,
                   (t[0] * columns + t[1] * rows + t[2]) / k])  # fmt: skip
    expected = image.map_coordinates(x[0, :, :, 0], at, order=1)
    out = np.asarray(image.affine_transform(x, t))[0, :, :, 0]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_elastic_transform() -> None:
    x = ARRAYS["UNIT"]
    first, again = (np.asarray(image.elastic_transform(x, seed=4)) for _ in range(2))
    assert first.shape == x.shape and (first == again).all()
    assert (first != np.asarray(image.elastic_transform(x, seed=5))).any()
    still = image.elastic_transform(x, alpha=0.0, seed=4)
    np.testing.assert_allclose(still, x, rtol=1e-6)
    layout = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    turned = image.elastic_transform(layout, seed=4, data_format="channels_first")
    np.testing.assert_array_equal(np.asarray(turned).transpose(0, 2, 3, 1), first)
    one = image.elastic_transform(x[:1], seed=4)
    np.testing.assert_array_equal(image.elastic_transform(x[0], seed=4), one[0])


def test_a_sigma_that_is_a_tensor_gives_the_same() -> None:
    x = ARRAYS["UNIT"]
    sigma = ops.convert_to_tensor(1.3)
    np.testing.assert_allclose(
        image.elastic_transform(x, sigma=sigma, seed=1),
        image.elastic_transform(x, sigma=1.3, seed=1), rtol=1e-4, atol=1e-5,
    )  # fmt: skip
    pair = ops.convert_to_tensor(np.array([0.7, 1.2], "float32"))
    for sizes in ((3, 5), (11, 13)):
        np.testing.assert_allclose(
            image.gaussian_blur(x, sizes, pair),
            image.gaussian_blur(x, sizes, (0.7, 1.2)),
            rtol=1e-5, atol=1e-6,
        )  # fmt: skip
    scale, shift = (ops.convert_to_tensor(ARRAYS[n]) for n in ("SCALE", "SHIFT"))
    np.testing.assert_allclose(
        image.scale_and_translate(x[0], (9, 5, 3), scale, shift, (0, 1), "bicubic"),
        image.scale_and_translate(
            x[0], (9, 5, 3), ARRAYS["SCALE"], ARRAYS["SHIFT"], (0, 1), "bicubic"
        ),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes_stay(dtype: str) -> None:
    x = ops.cast(ARRAYS["UNIT"], dtype)
    for out in (
        image.resize(x, (3, 9)),
        image.affine_transform(x, ARRAYS["TRANSFORMS"]),
        image.gaussian_blur(x),
        image.rgb_to_grayscale(x),
    ):
        assert out.dtype == dtype
        assert np.isfinite(np.asarray(out).astype("float32")).all()


# -- gradients ------------------------------------------------------------------------

ALONE = rng.normal(size=(2, 4, 5, 2))
COLORS = rng.permutation(np.linspace(0.05, 0.95, 2 * 3 * 3 * 3)).reshape(2, 3, 3, 3)
#: Places between pixels, none on a kink.
MOVES = np.array([[1.13, 0.21, -0.37, -0.12, 0.94, 0.41, 0.0, 0.0]] * 2)


def sum_of(function: Any) -> Any:
    """A number that depends on all elements, each in its way."""

    def number(*arrays: Any) -> Any:
        out = function(*arrays)
        weights = np.cos(np.arange(np.prod(out.shape))).reshape(out.shape)
        return ops.sum(out * weights)

    return number


DIFFERENTIABLE = {
    "up": (lambda x: image.resize(x, (7, 9)), [ALONE]),
    "down": (lambda x: image.resize(x, (3, 2), "bicubic", antialias=True), [ALONE]),
    "nearest": (lambda x: image.resize(x, (7, 2), "nearest"), [ALONE]),
    "area": (lambda x: image.resize(x, (3, 3), "area"), [ALONE]),
    "affine": (lambda x, t: image.affine_transform(x, t), [ALONE, MOVES]),
    "reflected": (
        lambda x, t: image.affine_transform(x, t, fill_mode="reflect"), [ALONE, MOVES]
    ),
    "perspective": (
        lambda x, p: image.perspective_transform(x, ARRAYS["START"], p),
        [ALONE, ARRAYS["END"]],
    ),
    "blur": (lambda x: image.gaussian_blur(x, (3, 11), (0.8, 2.0)), [ALONE]),
    "edges": (image.sobel_edges, [ALONE]),
    "patches": (lambda x: image.extract_patches(x, (2, 3), 1, 1, "same"), [ALONE]),
    "ssim": (
        lambda a, b: image.ssim(a, b, filter_size=3),
        [ALONE[:, :3, :3], ALONE[:, 1:, 1:4]],
    ),
    "hsv": (image.rgb_to_hsv, [COLORS]),
    "gray": (image.rgb_to_grayscale, [COLORS]),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name: str) -> None:
    function, arrays = DIFFERENTIABLE[name]
    number = sum_of(function)

    def grad(*given: Any) -> Any:
        tensors = [ops.convert_to_tensor(a) for a in given]
        with pydl.GradientTape() as tape:
            for tensor in tensors:
                tape.watch(tensor)
            out = number(*tensors)
        return tape.gradient(out, tensors)

    check_gradient(grad, number, arrays)


# -- the model graph ------------------------------------------------------------------


def test_symbolic_images() -> None:
    x = pydl.Input((None, None, 3))
    y = ops.image.resize(x, (6, 8))
    assert y.shape == (None, 6, 8, 3)
    model = pydl.Model(x, ops.image.rgb_to_grayscale(y))
    again = pydl.models.model_from_json(model.to_json())
    images = rng.random((2, 5, 4, 3)).astype("float32")
    expected = image.rgb_to_grayscale(image.resize(images, (6, 8)))
    for each in (model, again):
        np.testing.assert_allclose(each.predict(images, verbose=0), expected, rtol=1e-5)


# -- hostile arguments ----------------------------------------------------------------

X = ARRAYS["UNIT"]
REFUSED: list[tuple[Any, str]] = [
    (lambda: image.resize(X, (3, 0)), "two positive integers"),
    (lambda: image.resize(X, 3), "two positive integers"),
    (lambda: image.resize(X, (3.5, 2)), "two positive integers"),
    (lambda: image.resize(X[0, 0], (3, 3)), "3 axes"),
    (lambda: image.resize(X, (3, 3), "cubic"), "interpolation"),
    (lambda: image.resize(X, (3, 3), fill_mode="wrap"), "fill_mode"),
    (lambda: image.resize(X[:, :0], (3, 3)), "at least one pixel"),
    (
        lambda: image.resize(
            X, (3, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        "one of crop_to_aspect_ratio",
    ),
    (lambda: image.resize(X, (3, 3), data_format="last"), "data_format"),
    (lambda: image.affine_transform(X, np.zeros(7, "float32")), "transform of shape"),
    (lambda: image.affine_transform(X, np.zeros((3, 8), "float32")), "transform of"),
    (lambda: image.affine_transform(X, ARRAYS["MOVE"], "bicubic"), "interpolation"),
    (lambda: image.affine_transform(X, ARRAYS["MOVE"], fill_mode="zero"), "fill_mode"),
    (lambda: image.perspective_transform(X, X[0, :3, :2, 0], X[0, :3, :2, 0]),
     "(4, 2)"),
    (lambda: image.map_coordinates(X, np.zeros((3, 5)), 1), "one for each axis"),
    (lambda: image.map_coordinates(X, np.zeros((4, 5)), 2), "order"),
    (lambda: image.map_coordinates(X[:, :0], np.zeros((4, 5)), 1), "at least 1"),
    (lambda: image.rgb_to_grayscale(X[..., :2]), "3 channels"),
    (lambda: image.rgb_to_hsv(ARRAYS["BYTES"]), "floats"),
    (lambda: image.hsv_to_rgb(X[..., :1]), "3 channels"),
    (lambda: image.gaussian_blur(X, (0, 3)), "kernel_size"),
    (lambda: image.gaussian_blur(X, (3, 3), (1.0,)), "sigma"),
    (lambda: image.sobel_edges(X[0]), "batch"),
    (lambda: image.ssim(X, X), "filter_size=11"),
    (lambda: image.ssim(X, X[:1], filter_size=3), "one shape"),
    (lambda: image.extract_patches(X, (9, 9)), "at least 9 pixels"),
    (lambda: image.extract_patches(X, (2, 2, 2, 2)), "two or three"),
    (lambda: image.extract_patches(X, 0), "positive integer"),
    (lambda: image.extract_patches(X, 2, -1), "positive integer"),
    (lambda: image.extract_patches(X, 2, padding="full"), "padding"),
    (lambda: image.crop_images(X, 1, 1, 1), "exactly two of left_cropping"),
    (lambda: image.crop_images(X, 1, 1, 9, 1), "at most 5"),
    (lambda: image.crop_images(X, -1, 1, 1, 1), "at least 0"),
    (lambda: image.crop_images(X, 0, 0, target_height=9, target_width=2), "at least 0"),
    (lambda: image.pad_images(X, 1, 1, target_height=3, target_width=9), "at least 0"),
    (
        lambda: image.scale_and_translate(X, X.shape, [1.0], [0.0], (1, 2), "linear"),
        "one scale and one translation",
    ),
    (
        lambda: image.scale_and_translate(
            X, (9, 5, 7, 3), [1.0], [0.0], (1,), "linear"),
        "in spatial_dims",
    ),
    (
        lambda: image.scale_and_translate(X, X.shape, [1.0], [0.0], (1,), "nearest"),
        "method",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), REFUSED, ids=[t for _, t in REFUSED])
def test_hostile_arguments(call: Any, text: str) -> None:
    with pytest.raises(ValueError) as error:
        call()
    assert text in str(error.value)


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("order", [0, 1])
def test_places_that_are_no_numbers_read_nothing_outside(mode: str, order: int) -> None:
    x = np.ones((3, 4), "float32")
    bad = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0], "float32")
    out = image.map_coordinates(x, np.stack([bad, bad[::-1]]), order, mode)
    assert out.shape == (6,)
    single = image.map_coordinates(x[:1, :1], np.zeros((2, 3)) + 0.3, order, mode)
    assert np.isfinite(np.asarray(single)).all()


def test_empty_batches_stay_empty() -> None:
    none = X[:0]
    assert image.resize(none, (3, 4)).shape == (0, 3, 4, 3)
    assert image.resize(none, (3, 4), "nearest").shape == (0, 3, 4, 3)
    assert image.affine_transform(none, ARRAYS["MOVE"]).shape == none.shape
    assert image.gaussian_blur(none).shape == none.shape
    assert image.rgb_to_grayscale(none).shape == (0, 5, 7, 1)


def test_nearly_black_colors_of_16_bits_have_a_hue() -> None:
    """Colors a few last places apart: one over their spread is no float16."""
    dark = np.array([[[0.001, 0.001001, 0.001002]]], "float16")
    hue = np.asarray(pydl.ops.image.rgb_to_hsv(dark))
    assert np.isfinite(hue).all() and abs(float(hue[0, 0, 0]) - 0.58) < 0.1
