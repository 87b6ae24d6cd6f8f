"""From what a user passes to `fit` to row-major arrays of equal length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from pydl.config import floatx
from pydl.runtime import gpu
from pydl.training.adapters.tensors import to_numpy

#: Dtypes primitives take as they come; what is missing here is cast once.
_KEPT = frozenset(
    {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool"}
)

Signature = tuple[tuple[str, tuple[int, ...], str], ...]


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype, which NumPy puts together anew each time."""
    return str(dtype.name)


def as_array(name: str, value: Any) -> np.ndarray:
    """One argument as a row-major array of a dtype a program takes.

    Floats become floatx; integers and bools stay. Raises ValueError or TypeError naming
    the argument.
    """
    if gpu.is_device_array(value):
        value = gpu.download(value)
    value = to_numpy(value)
    if not isinstance(value, np.ndarray):
        if hasattr(value, "__next__") or callable(value):
            raise TypeError(
                f"{name}: expected an array, a tensor or a list, received {value!r} of "
                f"type {type(value).__name__}. Pass an iterator, or call it first."
            )
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"{name}: expected rows of equal length: {error}"
            ) from None
    kind = value.dtype.kind
    if kind not in "biufV" or (kind == "V" and value.dtype.name != "bfloat16"):
        raise TypeError(
            f"{name}: expected numbers, received an array of dtype {value.dtype}"
        )
    if value.ndim == 0:
        raise ValueError(f"{name}: expected rows, received a single value {value!r}")
    dtype = _dtype_name(value.dtype)
    if kind in "fV":
        dtype = floatx()
    elif dtype not in _KEPT:
        dtype = "int64"
    return np.ascontiguousarray(value, dtype=dtype)


class ArrayData:
    """The arrays of a call: inputs, and maybe labels and sample weights.

    They are kept as flat columns, each with a name for errors and program inputs;
    `unflatten` gives their structure back.
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        self.names: list[str] = []
        self.arrays: list[np.ndarray] = []
        self._parts: list[tuple[Any, int]] = []
        seen: dict[int, int] = {}
        leaves = []  # alive while their ids are keys
        for part, value in parts.items():
            flat = _flatten(part, value)
            for name, leaf in flat:
                leaves.append(leaf)
                first = seen.setdefault(id(leaf), len(self.names))
                again = first < len(self.names)
                self.names.append(name)
                self.arrays.append(
                    self.arrays[first] if again else as_array(name, leaf)
                )
            self._parts.append((_structure(value), len(flat)))
        #: For each column the first one that is the same array: an autoencoder's
        #: targets are its inputs.
        self.firsts = tuple(seen[id(leaf)] for leaf in leaves)
        self._check_rows()

    def _check_rows(self) -> None:
        if not self.arrays:
            raise ValueError("x: expected arrays, received None")
        sizes = {len(array) for array in self.arrays}
        if len(sizes) > 1:
            shapes = ", ".join(
                f"{n} {a.shape}" for n, a in zip(self.names, self.arrays, strict=True)
            )
            raise ValueError(f"expected arrays of equal length, received {shapes}")
        self.rows = sizes.pop()
        if self.rows == 0:
            raise ValueError(
                f"{self.names[0]}: expected at least one row, received shape "
                f"{self.arrays[0].shape}"
            )

    @property
    def signature(self) -> Signature:
        """Name, shape of a row and dtype of each column."""
        return tuple(
            (name, array.shape[1:], _dtype_name(array.dtype))
            for name, array in zip(self.names, self.arrays, strict=True)
        )

    def part(self, which: str) -> list[tuple[str, np.ndarray]]:
        """Names and arrays of "x", "y" or "sample_weight"."""
        index = ("x", "y", "sample_weight").index(which)
        begin = sum(count for _, count in self._parts[:index])
        end = begin + self._parts[index][1]
        return list(zip(self.names[begin:end], self.arrays[begin:end], strict=True))

    def unflatten(self, columns: Sequence[Any]) -> tuple[Any, Any, Any]:
        """x, y and sample_weight in the user's structure, made of these leaves."""
        return unflatten(self.layout, columns)

    @property
    def layout(self) -> Layout:
        """The structure of the columns, without the arrays."""
        return tuple(self._parts)

    def inputs(self) -> tuple[Signature, Layout]:
        """Columns and layout of x alone."""
        count = self._parts[0][1]
        return self.signature[:count], (self._parts[0], (None, 0), (None, 0))

    def labels(self) -> tuple[Signature, Any]:
        """Columns and structure of y."""
        begin = self._parts[0][1]
        structure, count = self._parts[1]
        return self.signature[begin : begin + count], structure

    def rows_of(self, begin: int, end: int) -> ArrayData:
        """The same columns, some rows of them (views)."""
        part = ArrayData.__new__(ArrayData)
        part.names, part._parts = self.names, self._parts
        part.firsts = self.firsts
        part.arrays = [array[begin:end] for array in self.arrays]
        part._check_rows()
        return part


Layout = tuple[tuple[Any, int], ...]


def unflatten(layout: Layout, columns: Sequence[Any]) -> tuple[Any, Any, Any]:
    """x, y and sample_weight, made of flat columns."""
    parts, at = [], 0
    for structure, count in layout:
        leaves = columns[at : at + count]
        at += count
        parts.append(_pack(structure, iter(leaves)) if count else None)
    return parts[0], parts[1], parts[2]


def _pack(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, Mapping):
        return {key: _pack(structure[key], leaves) for key in sorted(structure)}
    if isinstance(structure, list):
        return [_pack(item, leaves) for item in structure]
    return None if structure is None else next(leaves)


def _is_tree(value: Any) -> bool:
    """Whether a list or dict holds several arrays (a list of numbers is one array)."""
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return all(
        item is None or _is_tree(item) or len(getattr(item, "shape", ())) > 0
        for item in value
    )


def _structure(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _structure(item) for key, item in value.items()}
    if _is_tree(value):
        return [_structure(item) for item in value]
    return None if value is None else 0


def _flatten(name: str, value: Any) -> list[tuple[str, Any]]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [
            leaf
            for key in sorted(value)
            for leaf in _flatten(f"{name}[{key!r}]", value[key])
        ]
    if _is_tree(value):
        return [
            leaf
            for index, item in enumerate(value)
            for leaf in _flatten(f"{name}[{index}]", item)
        ]
    return [(name, value)]


def weigh_classes(y: Any, class_weight: Mapping[int, float], sample_weight: Any) -> Any:
    """The sample weights that stand for weights of classes."""
    if sample_weight is not None:
        raise ValueError("give class_weight or sample_weight, not both")
    if y is None or _is_tree(y):
        raise ValueError("class_weight: expected one array y of labels")
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(-1)
    labels = np.round(labels).astype("int64").reshape(len(labels), -1)[:, 0]
    weights = np.ones(len(labels), "float32")
    for cls, weight in class_weight.items():
        weights[labels == int(cls)] = float(weight)
    return weights


def split_validation(data: ArrayData, share: float) -> tuple[ArrayData, ArrayData]:
    """The first rows to train on, the last `share` of them to validate with."""
    if not 0 < share < 1:
        raise ValueError(
            f"validation_split: expected a number in [0, 1), received {share}"
        )
    at = int(data.rows * (1.0 - share))
    if at == 0 or at == data.rows:
        raise ValueError(
            f"validation_split={share}: {data.rows} rows are not enough to leave at "
            "least one on each side"
        )
    return data.rows_of(0, at), data.rows_of(at, data.rows)


def unpack_validation(validation_data: Any) -> ArrayData:
    """``(x, y)`` or ``(x, y, sample_weight)`` as data."""
    if isinstance(validation_data, ArrayData):
        return validation_data
    if (
        not isinstance(validation_data, (tuple, list))
        or not 1 < len(validation_data) < 4
    ):
        raise ValueError(
            "validation_data: expected a tuple (x, y) or (x, y, sample_weight), "
            f"received {type(validation_data).__name__}"
        )
    return ArrayData(*validation_data)


def check_batch_size(batch_size: Any) -> int:
    """The batch size, 32 unless given."""
    if batch_size is None:
        return 32
    try:
        size = int(batch_size.__index__())
    except (AttributeError, TypeError):
        size = 0
    if size < 1:
        raise ValueError(f"batch_size: expected an int >= 1, received {batch_size!r}")
    return size


def check_labels(
    name: str, labels: np.ndarray, classes: int, ignore: int | None
) -> None:
    """Raise ValueError unless sparse labels lie in ``[0, classes)``."""
    if labels.dtype.kind == "b" or labels.size == 0:
        return
    low, high = labels.min(), labels.max()
    if 0 <= low and high < classes:
        return
    bad = ~((labels >= 0) & (labels < classes))  # catches NaN too
    if ignore is not None:
        bad &= labels != ignore
    where = np.argwhere(bad)
    if len(where) == 0:
        return
    index = tuple(int(i) for i in where[0])
    place = index[0] if len(index) == 1 or labels[index[0]].size == 1 else index
    raise ValueError(
        f"{name}: label {labels[index]} at index {place} is outside [0, {classes}): "
        f"the model has {classes} classes. {len(where)} label(s) out of range."
    )
