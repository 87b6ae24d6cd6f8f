"""Image files as a data set, decoded ahead by threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pydl import config
from pydl.ops.image.resampling import check_method, checked_size
from pydl.utils.image_arrays import resize_array
from pydl.utils.images import load_img
from pydl.utils.labelled_files import check_split, find_files, part
from pydl.utils.samples import SampleDataset

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_COLORS = ("rgb", "rgba", "grayscale")
#: Threads beyond this wait for each other's memory.
_MOST_WORKERS = 8


class ImageDataset(SampleDataset):
    """Images of files, and their labels.

    Batches are decoded by threads while others are used; `fit` takes them in an order
    that is new in each epoch if `shuffle` is true.

    Args:
        paths: the files.
        labels: an array with a row for each file; None: there are none.
        load: gives the image of a path, ``(height, width, channels)``.
        batch_size: images of a batch; None: one by one.
        shuffle: take the files in a new order in each epoch after the first.
        seed: of these orders.
        class_names: the names of the classes; None where there are no labels.
    """

    def __init__(
        self,
        paths: list[Path],
        labels: Any,
        load: Any,
        batch_size: int | None = 32,
        shuffle: bool = False,
        seed: int = 0,
        class_names: list[str] | None = None,
    ) -> None:
        super().__init__(self._rows, len(paths), batch_size)
        self.workers = min(_processors(), _MOST_WORKERS)
        self.file_paths = [str(path) for path in paths]
        self.class_names = class_names
        self._labels = labels
        self._load = load
        self._order = np.arange(len(paths))
        self._draws = np.random.RandomState(seed) if shuffle else None

    def _rows(self, at: np.ndarray) -> Any:
        rows = self._order[at]
        images = np.stack([self._load(self.file_paths[row]) for row in rows.tolist()])
        return images if self._labels is None else (images, self._labels[rows])

    def batch(self, batch_size: int) -> SampleDataset:
        """The same images in batches of so many; the last may have fewer."""
        plain = super().batch(batch_size)  # checks the size
        plain.workers = self.workers
        return plain

    def __iter__(self) -> Any:
        """All batches, some of them decoded ahead."""
        ahead = 2 * self.workers
        with ThreadPoolExecutor(self.workers, "pydl-images") as threads:
            waiting = [
                threads.submit(self.__getitem__, i)
                for i in range(min(ahead, len(self)))
            ]
            for index in range(len(self)):
                item = waiting.pop(0).result()
                if index + ahead < len(self):
                    waiting.append(threads.submit(self.__getitem__, index + ahead))
                yield item
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Put the files in a new order."""
        if self._draws is not None:
            order = self._order.copy()  # batches of the epoch before keep theirs
            self._draws.shuffle(order)
            self._order = order


def _processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The image files of a folder, decoded when they are asked for.

    Args:
        directory: the folder.
        labels: ``"inferred"``: the numbers of the subfolders; None; or an integer for
            each file in the order of their paths.
        label_mode: ``"int"``: int32 ``(batch,)``; ``"binary"``: float32 ``(batch, 1)``;
            ``"categorical"``: one-hot float32 ``(batch, classes)``; None: no labels.
        class_names: the subfolders to take, in the order of their numbers.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        batch_size: images of a batch; None: one by one.
        image_size: height and width that images are resized to.
        shuffle: take files in a random order, another one in each epoch; else sorted
            by path.
        seed: of these orders.
        validation_split: share of files, from the end, kept for validation.
        subset: ``"training"``, ``"validation"`` or ``"both"``, for a pair.
        interpolation: as `ops.image.resize`'s.
        follow_links: look into folders that are links.
        crop_to_aspect_ratio: keep the proportions by cutting.
        pad_to_aspect_ratio: keep the proportions by zeros around.
        data_format: where the channels are; None: `pydl.config.image_data_format`.
        format: "tf" or "grain", accepted; there is one kind of result.
        verbose: say how many files there are.

    Returns:
        A data set of float32 images ``(batch, height, width, channels)``, or of
        ``(images, labels)``, with the attributes `class_names` and `file_paths`, which
        `fit` takes. Threads decode batches ahead.

    Raises:
        ValueError: an argument is none of those above, or there are no files.

    >>> data = pydl.utils.image_dataset_from_directory("flowers", image_size=(64, 64))
    >>> model.fit(data, epochs=5)
    """
    _check(labels, label_mode, class_names, color_mode, format)
    if labels is None or label_mode is None:
        labels = label_mode = None
    load = _loader(
        image_size, color_mode, interpolation, crop_to_aspect_ratio,
        pad_to_aspect_ratio, data_format,
    )  # fmt: skip
    check_split(validation_split, subset, shuffle, seed)
    seed = np.random.randint(10**6) if seed is None else seed
    paths, labels, names = find_files(
        directory, labels, FORMATS, class_names, shuffle, seed, follow_links, verbose
    )
    encoded = _encoded(labels, label_mode, names)
    made = []
    for which in ("training", "validation") if subset == "both" else (subset,):
        files, rows = _subset(paths, encoded, validation_split, which, directory)
        turns = shuffle and (which != "validation" or subset != "both")
        made.append(ImageDataset(files, rows, load, batch_size, turns, seed, names))
    return made if subset == "both" else made[0]


def _subset(
    paths: list[Path], labels: Any, split: float | None, which: str | None,
    directory: Any,
) -> Any:  # fmt: skip
    """The files of a subset and their labels; ValueError if there are none."""
    own = (paths, labels)
    if which is not None and split:
        own = part(paths, labels, split, which)
    if not own[0]:
        raise ValueError(
            f"No {which + ' ' if which else ''}images found in directory {directory}. "
            f"Allowed formats: {FORMATS}"
        )
    return own


def _check(
    labels: Any, label_mode: Any, class_names: Any, color_mode: Any, format: Any
) -> None:
    inferred = isinstance(labels, str) and labels == "inferred"
    if labels is not None and not inferred and not isinstance(labels, (list, tuple)):
        raise ValueError(
            "`labels` argument should be a list/tuple of integer labels, of the same "
            "size as the number of image files in the target directory, None, or "
            f'"inferred". Received: labels={labels}'
        )
    if class_names and not inferred:
        raise ValueError(
            'You can only pass `class_names` if `labels="inferred"`. Received: '
            f"labels={labels}, and class_names={class_names}"
        )
    for name, value, known in (
        ("label_mode", label_mode, ("int", "categorical", "binary", None)),
        ("color_mode", color_mode, _COLORS),
        ("format", format, ("tf", "grain")),
    ):
        if value not in known:
            raise ValueError(
                f"`{name}` argument must be one of {known}. Received: {name}={value!r}"
            )


def _loader(
    image_size: Any, color_mode: str, method: Any, crop: bool, pad: bool,
    data_format: str | None,
) -> Any:  # fmt: skip
    """What makes an array of a path."""
    name = "image_dataset_from_directory"
    size = checked_size(
        name, (image_size, image_size) if isinstance(image_size, int) else image_size
    )
    method = str(method).lower()
    check_method(name, method)
    if crop and pad:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to "
            "`True`."
        )
    first = config.standardize_data_format(data_format) == "channels_first"

    def load(path: Any) -> np.ndarray:
        image = np.asarray(load_img(path, color_mode))
        image = image[:, :, None] if image.ndim == 2 else image
        image = resize_array(image, size, method, crop, pad)
        return image.transpose(2, 0, 1) if first else image

    return load


def _encoded(labels: Any, label_mode: str | None, names: list[str] | None) -> Any:
    """Labels in the form that `label_mode` names."""
    if label_mode == "binary":
        if len(names or ()) != 2:
            raise ValueError(
                'When passing `label_mode="binary"`, there must be exactly 2 '
                f"class_names. Received: class_names={names}"
            )
        return labels[:, None].astype("float32")
    if label_mode == "categorical":
        return np.eye(len(names or ()), dtype="float32")[labels]
    return labels
