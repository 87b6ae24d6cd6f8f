"""`text_dataset_from_directory`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydl.utils import text_dataset_from_directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in (("good", 3), ("bad", 4)):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(count):
            inside = "more" if i == 0 else "."
            (tmp_path / name / inside / f"{i}.txt").write_text(f"{name} {i} é")
    (tmp_path / "good" / "notes.md").write_text("no")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def read(data: Any) -> list[tuple[str, Any]]:
    return [
        (str(text), np.asarray(label).tolist())
        for texts, labels in data
        for text, label in zip(texts, labels, strict=True)
    ]


def test_order_and_labels(folder: Path) -> None:
    data = text_dataset_from_directory(folder, shuffle=False, batch_size=3)
    assert data.class_names == ["bad", "good"]
    assert len(data) == 3 and data[0][1].dtype == "int32"
    assert [label for _, label in read(data)] == [0] * 4 + [1] * 3
    assert [text for text, _ in read(data)][:4] == [
        "bad 1 é", "bad 2 é", "bad 3 é", "bad 0 é"]  # fmt: skip
    named = text_dataset_from_directory(
        folder, class_names=["good", "bad"], label_mode="binary", max_length=5
    )
    assert set(map(str, read(named))) == {"('good ', [0.0])", "('bad 0', [1.0])",
        "('bad 1', [1.0])", "('bad 2', [1.0])", "('bad 3', [1.0])"}  # fmt: skip
    hot = text_dataset_from_directory(folder, label_mode="categorical")
    assert hot[0][1].shape == (7, 2) and hot[0][1].sum() == 7


def test_without_labels_and_one_by_one(folder: Path) -> None:
    data = text_dataset_from_directory(folder, labels=None, batch_size=None)
    assert len(data) == 7 and data.class_names is None
    assert {str(text) for text in data} == {
        text for text, _ in read(text_dataset_from_directory(folder))
    }
    given = text_dataset_from_directory(folder, labels=[3, 1, 3, 1, 1, 1, 1])
    assert given.class_names == ["1", "3"]


def test_subsets_do_not_overlap(folder: Path) -> None:
    how: dict[str, Any] = {"validation_split": 0.3, "seed": 7}
    pair = text_dataset_from_directory(folder, subset="both", **how)
    train = text_dataset_from_directory(folder, subset="training", **how)
    assert read(pair[0]) == read(train) and len(read(train)) == 5
    assert len({*read(pair[0]), *read(pair[1])}) == 7
    other = text_dataset_from_directory(folder, seed=8)
    assert read(other) != read(text_dataset_from_directory(folder, seed=7))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"labels": "none"}, "`labels` argument should be"),
    ({"label_mode": "hot"}, "label_mode=hot"),
    ({"class_names": ["ugly"]}, r"Expected: \['bad', 'good'\]"),
    ({"labels": [1], "class_names": ["bad"]}, "only pass `class_names` if"),
    ({"labels": [1, 2]}, r"len\(labels\) is 2 while we found 7"),
    ({"class_names": ["bad"], "label_mode": "binary"}, "exactly 2 class_names"),
    ({"validation_split": 2, "subset": "both"}, "between 0 and 1"),
    ({"validation_split": 0.5}, "and inversely"),
    ({"validation_split": 0.5, "subset": "test"}, "received: test"),
    ({"validation_split": 0.5, "subset": "both"}, "provide a `seed`"),
    ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "No validation"),
    ({"format": "torch"}, "format=torch"),
]


@pytest.mark.parametrize(("arguments", "text"), MISTAKES, ids=[t for _, t in MISTAKES])
def test_mistakes(folder: Path, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        text_dataset_from_directory(folder, **arguments)
