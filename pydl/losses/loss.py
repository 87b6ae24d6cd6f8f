"""What every loss shares: ranks made equal, sample weights, reduction."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pydl import ops
from pydl.config import floatx
from pydl.lookup import serialize_object, snake_case
from pydl.losses.masks import mask_of, masked_weight

REDUCTIONS = (
    "sum_over_batch_size",
    "sum",
    "mean",
    "mean_with_sample_weight",
    "none",
    None,
)


def same_rank(a: Any, b: Any, expand: bool = True) -> tuple[Any, Any]:
    """Give or take a last axis of length 1 where the ranks differ by exactly one."""
    rank_a, rank_b = len(a.shape), len(b.shape)
    if rank_a == rank_b + 1 and a.shape[-1] == 1:
        if rank_b == 1 and expand:
            return a, ops.expand_dims(b, -1)
        return ops.squeeze(a, -1), b
    if rank_b == rank_a + 1 and b.shape[-1] == 1:
        if rank_a == 1 and expand:
            return ops.expand_dims(a, -1), b
        return a, ops.squeeze(b, -1)
    return a, b


def reduce_weighted(values: Any, sample_weight: Any, reduction: str | None) -> Any:
    """Weigh the loss of each sample, then reduce as the loss says."""
    if sample_weight is not None:
        sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), values.dtype)
        values, sample_weight = same_rank(values, sample_weight)
        values = ops.multiply(values, sample_weight)
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(sample_weight))
    return ops.mean(values)


class Loss:
    """The base of losses: write `call(y_true, y_pred)`, one value per sample.

    Args:
        name: name in logs.
        reduction: ``"sum_over_batch_size"`` and ``"mean"`` (the sum of the weighted
            values divided by their number), ``"mean_with_sample_weight"`` (divided by
            the sum of the weights), ``"sum"``, or ``"none"``/None for no reduction.
        dtype: dtype of the computation; None: that of `y_pred`, floatx for 16 bits.
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"loss {type(self).__name__}: reduction: expected one of {REDUCTIONS}, "
                f"received {reduction!r}"
            )
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self._dtype = None if dtype is None else getattr(dtype, "name", str(dtype))

    @property
    def dtype(self) -> str | None:
        """The dtype the loss was asked to compute in."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        mask = mask_of(y_pred)
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        half = y_pred.dtype in ("float16", "bfloat16")
        if self._dtype is not None or half:
            y_pred = ops.cast(y_pred, self._dtype or floatx())
        values = self.call(y_true, y_pred)
        sample_weight = masked_weight(sample_weight, mask, values.dtype, self.reduction)
        return reduce_weighted(values, sample_weight, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss value per sample."""
        raise NotImplementedError(
            f"{type(self).__name__} must define call(y_true, y_pred)"
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this loss again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class LossFunctionWrapper(Loss):
    """A loss made of a function ``fn(y_true, y_pred, **kwargs)``."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            name=name or snake_case(fn.__name__), reduction=reduction, dtype=dtype
        )
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), **self._fn_kwargs}
        if "fn" in inspect.signature(type(self).__init__).parameters:
            config["fn"] = serialize_object(self.fn, "keras.losses")
        return config
