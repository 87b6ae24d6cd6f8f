"""Layers that make one tensor of several."""

from __future__ import annotations

import functools
from typing import Any

from pydl import ops
from pydl.layers.base import Layer


class Merge(Layer):
    """Combines tensors that broadcast to one shape, two at a time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def _combine(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        if not _is_list_of_shapes(input_shape):
            raise ValueError(
                f"layer '{self.name}': a merge layer is called on a list of 1 or more "
                f"inputs, received one of shape {input_shape}"
            )
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        return functools.reduce(self._combine, inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return functools.reduce(_broadcast, (tuple(shape) for shape in input_shape))

    def compute_output_spec(self, inputs: Any) -> Any:
        """The shape and dtype of the output, as a KerasTensor."""
        return super().compute_output_spec(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where a mask of any input is; None if an input has none."""
        masks = _checked_masks(inputs, mask)
        if masks is None or any(m is None for m in masks):
            return None
        return functools.reduce(ops.logical_or, masks)


class Add(Merge):
    """The sum of the inputs."""

    def _combine(self, a: Any, b: Any) -> Any:
        return ops.add(a, b)


class Multiply(Merge):
    """The product of the inputs."""

    def _combine(self, a: Any, b: Any) -> Any:
        return ops.multiply(a, b)


class Maximum(Merge):
    """The largest of the inputs, element by element."""

    def _combine(self, a: Any, b: Any) -> Any:
        return ops.maximum(a, b)


class Minimum(Merge):
    """The smallest of the inputs, element by element."""

    def _combine(self, a: Any, b: Any) -> Any:
        return ops.minimum(a, b)


class Average(Merge):
    """The mean of the inputs."""

    def _combine(self, a: Any, b: Any) -> Any:
        return ops.add(a, b)

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) / len(inputs)


class Subtract(Merge):
    """The first of two inputs minus the second."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                f"layer '{self.name}': expected exactly 2 inputs, received "
                f"{len(input_shape)} of shapes {input_shape}"
            )

    def _combine(self, a: Any, b: Any) -> Any:
        return ops.subtract(a, b)


class Concatenate(Merge):
    """The inputs one after the other along `axis`."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = [tuple(shape) for shape in input_shape]
        rank = len(shapes[0])
        if not -rank <= self.axis < rank or any(len(s) != rank for s in shapes):
            raise self._mismatch(shapes)
        axis = self.axis % rank
        merged = list(shapes[0])
        for shape in shapes[1:]:
            for i, size in enumerate(shape):
                if i != axis:
                    if None not in (merged[i], size) and merged[i] != size:
                        raise self._mismatch(shapes)
                    merged[i] = size if merged[i] is None else merged[i]
        sizes = [shape[axis] for shape in shapes]
        merged[axis] = None if None in sizes else sum(sizes)
        return tuple(merged)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks one after the other, those of inputs without one all True."""
        masks = _checked_masks(inputs, mask)
        if masks is None or all(m is None for m in masks):
            return None
        wide = [_wide_mask(x, m) for x, m in zip(inputs, masks, strict=True)]
        return ops.any(ops.concatenate(wide, axis=self.axis), axis=-1)

    def _mismatch(self, shapes: Any) -> ValueError:
        return ValueError(
            f"layer '{self.name}': expected inputs with matching shapes except for "
            f"axis {self.axis}, received input shapes {shapes}"
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def _checked_masks(inputs: Any, mask: Any) -> Any:
    """The masks of a list of inputs; ValueError unless there are as many."""
    if mask is None:
        return None
    if not isinstance(mask, (list, tuple)):
        raise ValueError(f"`mask` should be a list. Received: mask={mask}")
    if not isinstance(inputs, (list, tuple)):
        raise ValueError(f"`inputs` should be a list. Received: inputs={inputs}")
    if len(mask) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"inputs of length {len(inputs)}, and mask of length {len(mask)}"
        )
    return mask


def _wide_mask(x: Any, mask: Any) -> Any:
    """A mask of the shape of `x`; one without the last axis is repeated along it."""
    if mask is None:
        return ops.ones_like(x, dtype="bool")
    if len(mask.shape) < len(x.shape):
        mask = ops.logical_or(
            ops.expand_dims(mask, -1), ops.zeros_like(x, dtype="bool")
        )
    return mask


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add` applied."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract` applied."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply` applied."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average` applied."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum` applied."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum` applied."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate` applied."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def _is_list_of_shapes(shape: Any) -> bool:
    return len(shape) > 0 and all(isinstance(item, (list, tuple)) for item in shape)


def _broadcast(
    a: tuple[int | None, ...], b: tuple[int | None, ...]
) -> tuple[int | None, ...]:
    rank = max(len(a), len(b))
    padded = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return tuple(_broadcast_size(x, y, a, b) for x, y in padded)


def _broadcast_size(x: int | None, y: int | None, a: Any, b: Any) -> int | None:
    if x == 1 or x == y:
        return y
    if y == 1:
        return x
    if x is None or y is None:
        return x if y is None else y
    raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
