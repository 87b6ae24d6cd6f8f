"""Text files as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydl.utils.labelled_files import check_split, find_files, part
from pydl.utils.samples import SampleDataset


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The ``.txt`` files of a folder, read when they are asked for.

    Args:
        directory: the folder.
        labels: ``"inferred"``: the numbers of the subfolders; None; or an integer for
            each file in the order of their paths.
        label_mode: ``"int"``: int32 ``(batch,)``; ``"binary"``: float32 ``(batch, 1)``;
            ``"categorical"``: one-hot float32 ``(batch, classes)``; None: no labels.
        class_names: the subfolders to take, in the order of their numbers.
        batch_size: texts of a batch; None: one by one.
        max_length: longer texts are cut to so many characters.
        shuffle: take files in a random order; else sorted by path.
        seed: of that order.
        validation_split: share of files, from the end, kept for validation.
        subset: ``"training"``, ``"validation"`` or ``"both"``, for a pair.
        follow_links: look into folders that are links.
        format: "tf" or "grain", accepted; there is one kind of result.
        verbose: say how many files there are.

    Returns:
        A data set of arrays of strings ``(batch,)``, or of ``(texts, labels)``, with an
        attribute `class_names`. Strings go through `layers.TextVectorization` before
        they reach a model.

    Raises:
        ValueError: an argument is none of those above, or there are no files.

    >>> data = pydl.utils.text_dataset_from_directory("reviews", batch_size=8)
    >>> texts, labels = data[0]
    """
    _check(labels, label_mode, class_names, format)
    if labels is None or label_mode is None:
        labels = label_mode = None
    check_split(validation_split, subset, shuffle, seed)
    paths, labels, names = find_files(
        directory, labels, (".txt",), class_names, shuffle, seed, follow_links, verbose
    )
    _check_binary(label_mode, names)

    def make(which: str | None) -> SampleDataset:
        own = paths, labels
        if which is not None and validation_split:
            own = part(paths, labels, validation_split, which)
        if not own[0]:
            raise ValueError(
                f"No {which + ' ' if which else ''}text files found in directory "
                f"{directory}. Allowed format: .txt"
            )
        data = _dataset(*own, label_mode, len(names or ()), max_length, batch_size)
        data.class_names = names  # type: ignore[attr-defined]
        return data

    if subset == "both":
        return [make("training"), make("validation")]
    return make(subset)


def _check(labels: Any, label_mode: Any, class_names: Any, format: str) -> None:
    known = labels is None or isinstance(labels, (list, tuple)) or labels == "inferred"
    if not known:
        raise ValueError(
            "`labels` argument should be a list/tuple of integer labels, of the same "
            "size as the number of text files in the target directory, None, or "
            f'"inferred". Received: labels={labels}'
        )
    if labels != "inferred" and class_names:
        raise ValueError(
            'You can only pass `class_names` if `labels="inferred"`. Received: '
            f"labels={labels}, and class_names={class_names}"
        )
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            '`label_mode` argument must be one of "int", "categorical", "binary", or '
            f"None. Received: label_mode={label_mode}"
        )
    if format not in ("tf", "grain"):
        raise ValueError(
            f'`format` should be either "tf" or "grain". Received: format={format}'
        )


def _check_binary(label_mode: str | None, names: list[str] | None) -> None:
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(
            'When passing `label_mode="binary"`, there must be exactly 2 class_names. '
            f"Received: class_names={names}"
        )


def _dataset(
    paths: list[Path], labels: Any, label_mode: str | None, classes: int,
    max_length: int | None, batch_size: int | None,
) -> SampleDataset:  # fmt: skip
    if label_mode == "binary":
        labels = labels[:, None].astype("float32")
    elif label_mode == "categorical":
        labels = np.eye(classes, dtype="float32")[labels]

    def get(at: np.ndarray) -> Any:
        texts = [paths[i].read_text(encoding="utf-8")[:max_length] for i in at.tolist()]
        found = np.array(texts, dtype="U")
        return found if labels is None else (found, labels[at])

    return SampleDataset(get, len(paths), batch_size)
