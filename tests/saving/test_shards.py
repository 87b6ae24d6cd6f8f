"""Weights in several files, and weights of whole models' files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydl import layers, models, saving

pytest.importorskip("h5py")
KIB = 1 / 1024**2  # of GiB


def make() -> Any:
    return models.Sequential(
        [layers.Input((16,)), *(layers.Dense(16) for _ in range(3))]
    )


def assert_same(a: Any, b: Any) -> None:
    for left, right in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_round_trip(tmp_path: Path) -> None:
    model, other = make(), make()
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=1.05 * KIB)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["m.weights.json", *(f"m_0000{i}.weights.h5" for i in range(6))]
    content = json.loads((tmp_path / "m.weights.json").read_text())
    assert content["metadata"]["total_size"] == 3 * (16 * 16 + 16) * 4
    assert content["weight_map"]["/layers/dense/vars"] == [
        "m_00000.weights.h5", "m_00001.weights.h5"]  # fmt: skip
    other.load_weights(tmp_path / "m.weights.json")
    assert_same(model, other)
    with pytest.warns(UserWarning, match="will be renamed to .*n.weights.json"):
        model.save_weights(tmp_path / "n.weights.h5", max_shard_size=1.0)
    saving.load_weights(other, tmp_path / "n.weights.json")


def test_weights_of_a_whole_model(tmp_path: Path) -> None:
    model, other = make(), make()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 16)), np.ones((4, 16)), verbose=0)
    model.save(tmp_path / "m.keras")
    other.load_weights(tmp_path / "m.keras")
    assert_same(model, other)
    (tmp_path / "bad.keras").write_bytes(b"PK")
    with pytest.raises(ValueError, match="not a valid .keras file"):
        other.load_weights(tmp_path / "bad.keras")


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", "no", '{"weight_map": 3}', '{"weight_map": {"a": 3}}',
        '{"weight_map": {"a": [[]]}}', '{"weight_map": {"a": [".."]}}',
        '{"weight_map": {"a": "../m_00000.weights.h5"}}',
    ],
)  # fmt: skip
def test_maps_that_lie(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.weights.json").write_text(text)
    with pytest.raises(ValueError, match="not a map of weights|is not the name of"):
        make().load_weights(tmp_path / "m.weights.json")


def test_mistakes(tmp_path: Path) -> None:
    model = make()
    with pytest.raises(ValueError, match="exceeds the maximum shard size of 512 bytes"):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=KIB / 2)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="`max_shard_size` go together"):
        model.save_weights(tmp_path / "m.weights.json")
    with pytest.raises(ValueError, match="`max_shard_size` go together"):
        model.save_weights(tmp_path / "m.safetensors", max_shard_size=1)
