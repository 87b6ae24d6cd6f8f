"""The losses with a margin as classes."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.losses.loss import LossFunctionWrapper, reduce_weighted, same_rank
from pydl.losses.margins import categorical_hinge, circle, hinge, squared_hinge


class Hinge(LossFunctionWrapper):
    """How far predictions fall short of a margin of 1; labels -1 and 1 or 0 and 1.

    >>> float(Hinge()([[0.0], [1.0]], [[-0.5], [2.0]]))
    0.25
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            hinge,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class SquaredHinge(LossFunctionWrapper):
    """The square of what `Hinge` measures.

    >>> float(SquaredHinge()([[0.0], [1.0]], [[-0.5], [2.0]]))
    0.125
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            squared_hinge,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class CategoricalHinge(LossFunctionWrapper):
    """The hinge of one-hot labels; see `categorical_hinge`.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
    0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_hinge,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class Circle(LossFunctionWrapper):
    """The circle loss of embeddings of length 1 with integer labels; see `circle`.

    Samples without a pair to learn from are left out of means.

    Args:
        gamma: scale, > 0.
        margin: the relaxation, in [0, 1].
        remove_diagonal: a sample is not its own positive pair.

    >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]
    >>> float(Circle(gamma=1.0)([0, 0, 1], embeddings)) > 0
    True
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            circle,
            reduction=reduction,
            name=name,
            dtype=dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if self._dtype is not None:
            y_pred = ops.cast(y_pred, self._dtype)
        each = self.call(y_true, y_pred)
        keep = ops.cast(ops.greater(each, 0.0), each.dtype)
        if self.reduction in ("sum_over_batch_size", "mean"):
            keep = ops.multiply(keep, ops.divide_no_nan(1.0, ops.mean(keep)))
        if sample_weight is not None:
            weight = ops.cast(ops.convert_to_tensor(sample_weight), each.dtype)
            keep = ops.multiply(*same_rank(keep, weight))
        return reduce_weighted(each, ops.stop_gradient(keep), self.reduction)
