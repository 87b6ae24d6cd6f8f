"""What a layer accepts as input, and the check against it."""

from __future__ import annotations

from typing import Any, Self

from pydl import tree
from pydl.layers.base.keras_tensor import standardize_shape


class InputSpec:
    """Rank, dtype, shape or single axes an input must have.

    Args:
        dtype: expected dtype name.
        shape: expected shape; None matches any size.
        ndim: expected number of axes.
        max_ndim: largest allowed number of axes.
        min_ndim: smallest allowed number of axes.
        axes: expected size of single axes, ``{axis: size}``.
        allow_last_axis_squeeze: accept a last axis of size 1 too much or too little.
        name: key of the input when a model takes a dict.
        optional: whether None is accepted.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else standardize_shape(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        limit = self.ndim if self.ndim is not None else self.max_ndim
        if self.axes and limit is not None and max(self.axes) >= limit:
            raise ValueError(
                f"Axis {max(self.axes)} is greater than the maximum: {limit - 1}"
            )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The spec of a `get_config` dict."""
        return cls(**config)

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.get_config().items() if v}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in shown.items())})"


def assert_input_compatibility(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Raise ValueError, naming the layer, unless `inputs` fit the spec(s)."""
    specs = tree.flatten(input_spec)
    tensors = _in_order(specs, inputs)
    if len(tensors) != len(specs):
        raise ValueError(
            f'Layer "{layer_name}" expects {len(specs)} input(s), but it received '
            f"{len(tensors)} input tensors. Inputs received: {inputs}"
        )
    for index, (spec, x) in enumerate(zip(specs, tensors, strict=True)):
        if spec is None or (x is None and spec.optional):
            continue
        problem = _problem(spec, x)
        if problem:
            name = spec.name or getattr(x, "name", None)
            named = f" with name '{name}'" if name else ""
            raise ValueError(
                f"Input {index}{named} of layer '{layer_name}' is incompatible with "
                f"the layer: {problem}"
            )


def _in_order(specs: list[Any], inputs: Any) -> list[Any]:
    if not isinstance(inputs, dict) or any(s is None or s.name is None for s in specs):
        return tree.flatten(inputs)
    missing = [s.name for s in specs if s.name not in inputs]
    if missing:
        raise ValueError(
            f"Missing data for input {missing[0]!r}. Received keys: {list(inputs)}"
        )
    return [inputs[s.name] for s in specs]


def _problem(spec: InputSpec, x: Any) -> str:
    if x is None:
        return "expected a tensor, found None"
    shape = known_shape(x)
    if spec.allow_last_axis_squeeze and spec.shape is not None:
        if shape and shape[-1] == 1 and len(shape) == len(spec.shape) + 1:
            shape = shape[:-1]
        elif spec.shape and spec.shape[-1] == 1 and len(shape) == len(spec.shape) - 1:
            shape = (*shape, 1)
    return _rank_problem(spec, shape) or _value_problem(spec, x, shape)


def _rank_problem(spec: InputSpec, shape: tuple[int | None, ...]) -> str:
    ndim, full = len(shape), f"Full shape received: {shape}"
    if spec.ndim is not None and ndim != spec.ndim and spec.shape is None:
        return f"expected ndim={spec.ndim}, found ndim={ndim}. {full}"
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        return f"expected max_ndim={spec.max_ndim}, found ndim={ndim}. {full}"
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        return f"expected min_ndim={spec.min_ndim}, found ndim={ndim}. {full}"
    return ""


def _value_problem(spec: InputSpec, x: Any, shape: tuple[int | None, ...]) -> str:
    if spec.dtype is not None and str(x.dtype) != spec.dtype:
        return f"expected dtype={spec.dtype}, found dtype={x.dtype}"
    for axis, size in spec.axes.items():
        found = shape[axis] if -len(shape) <= axis < len(shape) else None
        if size is not None and found not in (size, None):
            return (
                f"expected axis {axis} of input shape to have value {size}, but "
                f"received input with shape {shape}"
            )
    if spec.shape is not None and not fits(spec.shape, shape):
        return f"expected shape={spec.shape}, found shape={shape}"
    return ""


def fits(expected: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    """Whether the shapes agree wherever both are known."""
    return len(expected) == len(shape) and all(
        e is None or s is None or e == s for e, s in zip(expected, shape, strict=True)
    )


def known_shape(x: Any) -> tuple[int | None, ...]:
    """The shape of a tensor of any kind, unknown sizes as None."""
    return tuple(None if size in (None, -1) else int(size) for size in x.shape)
