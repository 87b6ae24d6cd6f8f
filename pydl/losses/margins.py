"""Loss functions that ask for a margin: hinges and the circle loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydl import ops
from pydl.losses.functions import float_pair

#: Stands for minus infinity in sums of exponentials, where that gives NaN gradients.
_LOWEST = -1e9


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; other labels (all of them) as they are."""
    binary = ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1))
    return ops.where(ops.all(binary), 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(maximum(1 - y_true * y_pred, 0), axis=-1)``, labels -1 and 1 (or 0, 1).

    >>> float(hinge([0.0, 1.0], [-0.5, 2.0]))
    0.25
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(square(maximum(1 - y_true * y_pred, 0)), axis=-1)``; labels as `hinge`.

    >>> float(squared_hinge([0.0, 1.0], [-0.5, 2.0]))
    0.125
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    short = ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)
    return ops.mean(ops.square(short), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """``maximum(neg - pos + 1, 0)``: `pos` the prediction at the one-hot label, `neg`
    the largest one elsewhere.

    >>> float(categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]])[0])
    0.5
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    pos = ops.sum(y_true * y_pred, axis=-1)
    neg = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(neg - pos + 1.0, 0.0)


def _pairs(labels: Any, others: Any, remove_diagonal: bool) -> tuple[Any, Any]:
    """Which pairs have equal labels (a sample and itself left out), which have not."""
    equal = ops.equal(ops.reshape(labels, (-1, 1)), ops.reshape(others, (1, -1)))
    negative = ops.logical_not(equal)
    if remove_diagonal:
        apart = ~np.eye(equal.shape[0], equal.shape[1], dtype=bool)
        equal = ops.logical_and(equal, ops.convert_to_tensor(apart))
    return equal, negative


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """The circle loss of embeddings, one value per sample.

    Y. Sun et al. (2020), "Circle Loss: A Unified Perspective of Pair Similarity
    Optimization", equation 6.

    Args:
        y_true: integer labels ``(n,)``.
        y_pred: embeddings of length 1 ``(n, size)``.
        ref_labels, ref_embeddings: what to compare with; None is the batch itself.
        remove_diagonal: a sample is not its own positive pair.
        gamma: scale, > 0.
        margin: the relaxation, in [0, 1].

    >>> circle([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]).shape
    (3,)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(ops.convert_to_tensor(y_true), "int32")
    others = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    labels = y_true if ref_labels is None else ops.cast(ref_labels, "int32")
    distance = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(others)), 0.0)
    positive, negative = _pairs(y_true, labels, remove_diagonal)
    pull = -gamma * ops.maximum(margin + distance, 0.0) * (margin - distance)
    push = gamma * ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    total = ops.add(
        ops.logsumexp(ops.where(positive, pull, _LOWEST), axis=1),
        ops.logsumexp(ops.where(negative, push, _LOWEST), axis=1),
    )
    return ops.softplus(total)
