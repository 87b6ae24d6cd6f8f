"""Files in folders named after their classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydl.utils.progbar import print_message


def find_files(
    directory: Any,
    labels: Any,
    endings: tuple[str, ...],
    class_names: Sequence[str] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> tuple[list[Path], Any, list[str] | None]:
    """Files with one of the endings, their integer labels, the names of the classes.

    Args: as `text_dataset_from_directory`'s. Raises ValueError for `class_names` that
    are not folders, or labels of another number than files.
    """
    root = Path(directory)
    inferred = labels == "inferred" if isinstance(labels, str) else False
    folders = _classes(root, class_names) if inferred else [""]
    if class_names is not None and not inferred:
        raise ValueError(
            f"`class_names` cannot be specified with labels={labels}: they are known "
            'only where `labels="inferred"`'
        )
    found = [_files(root / folder, endings, follow_links) for folder in folders]
    paths = [path for part in found for path in part]
    names: list[str] | None = list(folders)
    if inferred:
        labels = np.repeat(np.arange(len(found), dtype="int32"), [*map(len, found)])
    elif labels is None:
        names = None
    else:
        _check_count(labels, paths, directory)
        names = [str(label) for label in sorted(set(labels))]
        labels = np.asarray(labels, "int32")
    if verbose:
        _report(len(paths), names)
    if shuffle:
        order = _order(len(paths), seed)
        paths = [paths[at] for at in order]
        labels = None if labels is None else labels[order]
    return paths, labels, names


def _check_count(labels: Any, paths: list[Path], directory: Any) -> None:
    if len(labels) != len(paths):
        raise ValueError(
            "Expected the lengths of `labels` to match the number of files in the "
            f"target directory. len(labels) is {len(labels)} while we found "
            f"{len(paths)} files in directory {directory}."
        )


def _classes(root: Path, class_names: Sequence[str] | None) -> list[str]:
    folders = sorted(
        p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")
    )
    if class_names is None:
        return folders
    if not set(class_names) <= set(folders):
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of "
            f"the target directory. Expected: {folders} (or a subset of it), but "
            f"received: class_names={class_names}"
        )
    return list(class_names)


def _files(folder: Path, endings: tuple[str, ...], follow_links: bool) -> list[Path]:
    walk = sorted(os.walk(folder, followlinks=follow_links), key=lambda found: found[0])
    return [
        Path(inside, name)
        for inside, _, names in walk
        for name in sorted(names)
        if name.lower().endswith(endings)
    ]


def _order(count: int, seed: int | None) -> np.ndarray:
    """Keras's order of a seed."""
    order = np.arange(count)
    np.random.RandomState(np.random.randint(10**6) if seed is None else seed).shuffle(
        order
    )
    return order


def _report(count: int, names: list[str] | None) -> None:
    belong = "" if names is None else f" belonging to {len(names)} classes"
    print_message(f"Found {count} files{belong}.")


def check_split(
    split: float | None, subset: str | None, shuffle: bool, seed: Any
) -> None:
    """ValueError for a share of validation and a subset that do not go together."""
    if split and not 0 < split < 1:
        raise ValueError(
            f"`validation_split` must be between 0 and 1, received: {split}"
        )
    if bool(split) != bool(subset):
        raise ValueError(
            "If `subset` is set, `validation_split` must be set, and inversely. "
            f"Received: validation_split={split}, subset={subset}"
        )
    if subset not in ("training", "validation", "both", None):
        raise ValueError(
            '`subset` must be either "training", "validation" or "both", received: '
            f"{subset}"
        )
    if split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a "
            "`seed` argument, to make sure that there is no overlap between the "
            "training and validation subset."
        )


def part(paths: list[Path], labels: Any, split: float, subset: str) -> Any:
    """The paths and labels of the training or the validation subset."""
    count = int(split * len(paths))
    keep = slice(-count, None) if subset == "validation" else slice(None, -count)
    if count == 0:
        keep = slice(0) if subset == "validation" else slice(None)
    return paths[keep], None if labels is None else labels[keep]
