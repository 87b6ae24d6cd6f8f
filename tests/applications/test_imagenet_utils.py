"""Preparing images and naming classes."""

from __future__ import annotations

import importlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from library_parity import array
from pydl.applications import imagenet_utils

DATA = Path(__file__).parents[1] / "data" / "imagenet_utils.json"
STORED: list[dict[str, Any]] = json.loads(DATA.read_text())


def case_name(case: dict[str, Any]) -> str:
    return f"{case['module']}-{case['data_format']}-{case['input']['dtype']}"


@pytest.mark.parametrize("case", STORED, ids=case_name)
def test_preprocess_input(case: dict[str, Any]) -> None:
    module = importlib.import_module(f"pydl.applications.{case['module']}")
    x, expected = array(case["input"]), array(case["output"])
    kept = x.copy()
    for given in (x, pydl.ops.convert_to_tensor(x)):
        found = module.preprocess_input(given, case["data_format"])
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(x, kept)
    if case["module"] != "efficientnet":
        assert found.dtype == expected.dtype


def test_preprocess_input_of_symbolic_tensors() -> None:
    for mode in ("caffe", "tf", "torch"):
        image = pydl.Input((2, 3, 3), dtype="uint8")
        prepared = imagenet_utils.preprocess_input(image, mode=mode)
        x = np.arange(18, dtype="uint8").reshape(1, 2, 3, 3)
        found = pydl.Model(image, prepared)(x)
        expected = imagenet_utils.preprocess_input(x, mode=mode)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6, atol=1e-6)


def test_wrong_modes_and_formats() -> None:
    x = np.zeros((2, 2, 3))
    with pytest.raises(ValueError, match="Received: mode=rgb"):
        imagenet_utils.preprocess_input(x, mode="rgb")
    with pytest.raises(ValueError, match="data_format"):
        imagenet_utils.preprocess_input(x, "rows_last")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another home, no network."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYDL_DATA_DIR", str(tmp_path / "data"))

    def refuse(*_: Any, **__: Any) -> Any:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tmp_path


def test_decode_predictions(home: Path) -> None:
    index = {str(i): [f"n{i:08}", f"class_{i}"] for i in range(1000)}
    (home / "data").mkdir()
    (home / "data" / "imagenet_class_index.json").write_text(json.dumps(index))
    scores = np.zeros((2, 1000), "float32")
    scores[0, [7, 999, 3]] = 0.5, 0.25, 0.125
    scores[1, 0] = 1.0
    first, second = imagenet_utils.decode_predictions(scores, top=3)
    assert first == [
        ("n00000007", "class_7", 0.5), ("n00000999", "class_999", 0.25),
        ("n00000003", "class_3", 0.125),
    ]  # fmt: skip
    assert second[0] == ("n00000000", "class_0", 1.0) and len(second) == 3
    tensor = pydl.ops.convert_to_tensor(scores)
    assert len(pydl.applications.vgg16.decode_predictions(tensor)[0]) == 5


def test_decode_predictions_refuses(home: Path) -> None:
    for shape in ((1000,), (2, 10)):
        with pytest.raises(ValueError, match=r"2D array of shape \(samples, 1000\)"):
            imagenet_utils.decode_predictions(np.zeros(shape))
    with pytest.raises(OSError, match="imagenet_class_index.json"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)))
