"""Images in files: reading, writing, data sets of folders, up to `fit`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, ops, utils
from pydl.utils.image_arrays import resize_array

Image = pytest.importorskip("PIL.Image")

rng = np.random.default_rng(2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Dark pictures in one folder, light ones in another, of all sizes and kinds."""
    for k, name in enumerate(("dark", "light")):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(10):
            shape = (int(rng.integers(9, 20)), int(rng.integers(9, 20)), 3)
            pixels = rng.integers(0, 80, shape) + 150 * k
            inside = "more" if i % 5 == 4 else "."
            ending = ("png", "jpg", "bmp", "gif")[i % 4]
            image = Image.fromarray(pixels.astype("uint8"))
            image.save(tmp_path / name / inside / f"{i}.{ending}")
        (tmp_path / name / "notes.txt").write_text("no picture")
    return tmp_path


def dataset(folder: Path, **options: Any) -> Any:
    options = {"image_size": (8, 10), "verbose": False, **options}
    return utils.image_dataset_from_directory(folder, **options)


# -- files ----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_round_trip(tmp_path: Path, channels: int) -> None:
    x = rng.integers(0, 256, (5, 7, channels)).astype("float32")
    utils.save_img(tmp_path / "x.png", x, scale=False)
    mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
    image = utils.load_img(str(tmp_path / "x.png"), color_mode=mode)
    back = utils.img_to_array(image)
    assert back.dtype == "float32"
    np.testing.assert_array_equal(back, x)
    first = utils.img_to_array(image, data_format="channels_first", dtype="uint8")
    assert first.shape == (channels, 5, 7) and first.dtype == "uint8"
    again = utils.array_to_img(first, data_format="channels_first", scale=False)
    np.testing.assert_array_equal(utils.img_to_array(again), x)


def test_scaled_and_deep_images() -> None:
    x = np.array([[-1.0, 0.0], [1.0, 3.0]])[:, :, None]
    scaled = utils.img_to_array(utils.array_to_img(x))[..., 0]
    assert scaled.tolist() == [[0.0, 63.0], [127.0, 255.0]]
    deep = utils.array_to_img(np.full((2, 2, 1), 1000.0), scale=False)
    assert deep.mode == "I" and utils.img_to_array(deep).max() == 1000
    flat = utils.array_to_img(np.zeros((2, 2, 3)))
    assert utils.img_to_array(flat).max() == 0


def test_formats(tmp_path: Path) -> None:
    x = rng.integers(0, 256, (6, 6, 4)).astype("float32")
    with pytest.warns(UserWarning, match="JPEG"):
        utils.save_img(tmp_path / "x.jpg", x)
    assert utils.load_img(tmp_path / "x.jpg").size == (6, 6)
    memory = io.BytesIO()
    utils.save_img(memory, x, file_format="png")
    memory.seek(0)
    assert utils.load_img(memory, color_mode="rgba").mode == "RGBA"
    assert utils.load_img(tmp_path / "x.jpg", color_mode="grayscale").mode == "L"


def test_sizes(tmp_path: Path) -> None:
    x = np.zeros((20, 40, 3), "float32")
    x[:, 10:30] = 255.0
    utils.save_img(tmp_path / "x.png", x, scale=False)
    whole = utils.load_img(tmp_path / "x.png", target_size=(10, 10))
    assert whole.size == (10, 10) and utils.img_to_array(whole).min() == 0
    kept = utils.load_img(
        tmp_path / "x.png", target_size=(10, 10), keep_aspect_ratio=True
    )
    assert utils.img_to_array(kept).min() == 255


def test_hostile_arguments(tmp_path: Path) -> None:
    utils.save_img(tmp_path / "x.png", np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="color_mode"):
        utils.load_img(tmp_path / "x.png", color_mode="cmyk")
    with pytest.raises(ValueError, match="interpolation"):
        utils.load_img(tmp_path / "x.png", target_size=(2, 2), interpolation="best")
    with pytest.raises(TypeError, match="path"):
        utils.load_img(3)
    with pytest.raises(OSError):
        utils.load_img(tmp_path / "none.png")
    (tmp_path / "bad.png").write_bytes(b"no picture at all")
    with pytest.raises(OSError):
        utils.load_img(tmp_path / "bad.png")
    with pytest.raises(ValueError, match="3 axes"):
        utils.array_to_img(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="channels"):
        utils.array_to_img(np.zeros((4, 4, 2)))
    with pytest.raises(ValueError, match="2 or 3 axes"):
        utils.img_to_array(np.zeros(4))


def test_smart_resize() -> None:
    x = rng.random((9, 17, 3)).astype("float32")
    out = pydl.preprocessing.image.smart_resize(x, (4, 4))
    assert isinstance(out, np.ndarray)
    middle = ops.image.resize(x[:, 4:13], (4, 4))
    np.testing.assert_allclose(out, middle, rtol=1e-6)
    with pytest.raises(TypeError, match="unexpected"):
        pydl.preprocessing.image.smart_resize(x, (4, 4), speed=1)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos3",
                                    "area", "gaussian", "mitchellcubic"])  # fmt: skip
@pytest.mark.parametrize("keep", [{}, {"crop": True}, {"pad": True}])
def test_arrays_are_resized_as_tensors_are(method: str, keep: dict[str, bool]) -> None:
    x = rng.integers(0, 256, (11, 17, 3)).astype("uint8")
    crop, pad = keep.get("crop", False), keep.get("pad", False)
    for size in ((5, 6), (20, 23), (11, 4)):
        expected = ops.image.resize(x.astype("float32"), size, method, False, crop, pad)
        found = resize_array(x, size, method, crop, pad)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-3)


# -- data sets ------------------------------------------------------------------------


def test_a_folder(folder: Path, capsys: Any) -> None:
    data = dataset(folder, batch_size=6, seed=1, verbose=True)
    assert "Found 20 files belonging to 2 classes." in capsys.readouterr().out
    assert data.class_names == ["dark", "light"]
    assert len(data) == 4 and len(data.file_paths) == 20
    x, y = data[0]
    assert x.shape == (6, 8, 10, 3) and x.dtype == "float32" and y.dtype == "int32"
    for i, path in enumerate(data.file_paths[:6]):
        assert y[i] == (Path(path).relative_to(folder).parts[0] == "light")
        image = utils.img_to_array(utils.load_img(path))
        np.testing.assert_allclose(x[i], ops.image.resize(image, (8, 10)), atol=1e-3)
    assert sum(len(batch[1]) for batch in data) == 20


def test_labels(folder: Path) -> None:
    _, one_hot = dataset(folder, label_mode="categorical", shuffle=False)[0]
    assert one_hot.shape == (20, 2) and one_hot[0].tolist() == [1.0, 0.0]
    _, binary = dataset(folder, label_mode="binary", shuffle=False)[0]
    assert binary.shape == (20, 1) and binary.dtype == "float32"
    assert dataset(folder, label_mode=None)[0].shape == (20, 8, 10, 3)
    assert dataset(folder, labels=None).class_names is None
    own = dataset(folder, labels=list(range(20)), shuffle=False)
    assert own[0][1].tolist() == list(range(20))
    turned = dataset(folder, class_names=["light", "dark"], shuffle=False)
    assert turned[0][1][0] == 0 and "light" in turned.file_paths[0]


def test_kinds_of_images(folder: Path) -> None:
    assert dataset(folder, color_mode="grayscale")[0][0].shape == (20, 8, 10, 1)
    assert dataset(folder, color_mode="rgba")[0][0].shape == (20, 8, 10, 4)
    first = dataset(folder, data_format="channels_first", image_size=9)
    assert first[0][0].shape == (20, 3, 9, 9)
    for keep in ({"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}):
        assert dataset(folder, interpolation="area", **keep)[0][0].shape[1:3] == (8, 10)
    one = dataset(folder, batch_size=None)
    assert one[0][0].shape == (8, 10, 3) and len(one) == 20
    assert one.batch(7)[2][0].shape == (6, 8, 10, 3)


def test_splits(folder: Path) -> None:
    options: dict[str, Any] = {"validation_split": 0.25, "seed": 4}
    train, valid = dataset(folder, subset="both", **options)
    assert (train.count, valid.count) == (15, 5)
    assert not set(train.file_paths) & set(valid.file_paths)
    alone = dataset(folder, subset="validation", **options)
    assert alone.file_paths == valid.file_paths


def test_orders(folder: Path) -> None:
    first, again = (dataset(folder, seed=3, batch_size=20) for _ in range(2))
    epochs = [[batch[1].tolist() for batch in first] for _ in range(3)]
    assert epochs == [[batch[1].tolist() for batch in again] for _ in range(3)]
    assert epochs[0] != epochs[1] or epochs[1] != epochs[2]
    sorted_ = dataset(folder, shuffle=False, batch_size=20)
    assert [b[1].tolist() for b in sorted_] == [[0] * 10 + [1] * 10]
    assert sorted_.file_paths == sorted(sorted_.file_paths[:10]) + sorted(
        sorted_.file_paths[10:]
    )


def test_a_broken_file_is_named_where_it_is_used(folder: Path) -> None:
    (folder / "dark" / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(OSError):
        list(dataset(folder))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"labels": "guess"}, "`labels` argument"),
    ({"labels": [1, 2]}, "lengths of `labels`"),
    ({"labels": None, "class_names": ["dark"]}, "`class_names`"),
    ({"class_names": ["dark", "none"]}, "did not match"),
    ({"label_mode": "text"}, "`label_mode`"),
    ({"color_mode": "hsv"}, "`color_mode`"),
    ({"image_size": (8,)}, "two positive integers"),
    ({"image_size": 0}, "two positive integers"),
    ({"interpolation": "best"}, "interpolation"),
    ({"format": "list"}, "`format`"),
    ({"validation_split": 1.5, "subset": "training"}, "between 0 and 1"),
    ({"validation_split": 0.2}, "`subset`"),
    ({"validation_split": 0.2, "subset": "training"}, "`seed`"),
    ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one of"),
    ({"class_names": ["dark"], "label_mode": "binary"}, "exactly 2"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED)
def test_hostile_options(folder: Path, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as error:
        dataset(folder, **options)
    assert text in str(error.value)


def test_no_images(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="No images found"):
        dataset(tmp_path)


def test_from_files_to_a_trained_model(folder: Path, capsys: Any) -> None:
    train, valid = dataset(
        folder, validation_split=0.25, subset="both", seed=1, batch_size=5
    )
    model = pydl.Sequential([
        pydl.Input((8, 10, 3)), layers.RandomFlip("horizontal", seed=1),
        layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(2),
    ])  # fmt: skip
    loss = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(pydl.optimizers.Adam(0.2), loss, metrics=["accuracy"])
    history = model.fit(train, validation_data=valid, epochs=15)
    assert "3/3" in capsys.readouterr().out
    assert history.history["accuracy"][-1] == 1.0
    assert history.history["val_accuracy"][-1] == 1.0
    assert model.predict(valid, verbose=0).shape == (5, 2)
    left, right = utils.split_dataset(valid, left_size=0.6)
    assert (left.count, right.count) == (3, 2)
