"""Scalar products of samples."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.layers.core.einsum import contract
from pydl.layers.core.merging import Merge


class Dot(Merge):
    """The scalar product of two tensors along one axis of each, sample by sample.

    Args:
        axes: the axis of both inputs, or one for each; not the batch axis.
        normalize: scale to length 1 along the axes first: the cosine.

    Inputs ``(batch, a..., k)`` and ``(batch, k, b...)`` in any order of axes; output
    ``(batch, a..., b...)``, or ``(batch, 1)`` for two matrices of rows.

    >>> a = np.array([[1.0, 2.0]], "float32")
    >>> pydl.layers.Dot(axes=1)([a, a]).tolist()
    [[5.0]]
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(
                    "Invalid type for argument `axes`: it should be a list or an int. "
                    f"Received: axes={axes}"
                )
            if len(axes) != 2 or not all(isinstance(axis, int) for axis in axes):
                raise ValueError(
                    "Invalid format for argument `axes`: it should contain two "
                    f"integers. Received: axes={axes}"
                )
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        shapes = self._two(input_shape)
        first, second = self._resolved(shapes)
        sizes = shapes[0][first], shapes[1][second]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Incompatible input shapes: axis values {sizes[0]} (at axis {first}) "
                f"!= {sizes[1]} (at axis {second}). Full input shapes: {shapes[0]}, "
                f"{shapes[1]}"
            )

    def _two(self, input_shape: Any) -> list[tuple[int | None, ...]]:
        pair = isinstance(input_shape, (list, tuple)) and len(input_shape) == 2
        if not pair or not all(isinstance(s, (list, tuple)) for s in input_shape):
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. Received: "
                f"input_shape={input_shape}"
            )
        return [tuple(shape) for shape in input_shape]

    def _resolved(self, shapes: Any) -> tuple[int, int]:
        given = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        found = []
        for axis, shape in zip(given, shapes, strict=True):
            place = axis + len(shape) if axis < 0 else axis
            if not 0 < place < len(shape):
                raise ValueError(
                    f"layer '{self.name}': axes: expected an axis of each input that "
                    f"is not the batch axis, received axes={self.axes} for inputs of "
                    f"shapes {shapes[0]} and {shapes[1]}"
                )
            found.append(place)
        return found[0], found[1]

    def call(self, inputs: Any) -> Any:
        if len(inputs) != 2:
            raise ValueError(
                "A `Dot` layer should be called on exactly 2 inputs. Received: "
                f"{len(inputs)}"
            )
        a, b = inputs
        first, second = self._resolved([tuple(a.shape), tuple(b.shape)])
        if self.normalize:
            a, b = _unit(a, first), _unit(b, second)
        # Letters: "z" the batch, "k" what is summed over, others for the rest.
        a_axes = _letters(len(a.shape), first, "A")
        b_axes = _letters(len(b.shape), second, "N")
        out = [c for c in a_axes + b_axes if c not in "kz"]
        result = contract(a, b, a_axes, b_axes, "z" + "".join(out))
        return result if out else ops.expand_dims(result, 1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = self._two(input_shape)
        first, second = self._resolved(shapes)
        left = [size for i, size in enumerate(shapes[0]) if i != first]
        right = [size for i, size in enumerate(shapes[1]) if i not in (0, second)]
        return (*left, *right) if len(left + right) > 1 else (*left, 1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def _letters(rank: int, summed: int, first: str) -> str:
    names = [chr(ord(first) + i) for i in range(rank)]
    names[0], names[summed] = "z", "k"
    return "".join(names)


def _unit(x: Any, axis: int) -> Any:
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(square, 1e-24)))


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot` applied.

    >>> a = np.array([[1.0, 2.0]], "float32")
    >>> dot([a, a]).tolist()
    [[5.0]]
    """
    return Dot(axes=axes, **kwargs)(inputs)
