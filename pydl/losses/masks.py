"""Losses of masked predictions: steps that are not there do not count."""

from __future__ import annotations

import math
from typing import Any

from pydl import config, ops


def mask_of(y_pred: Any) -> Any:
    """The mask that hangs on predictions, None if there is none."""
    return getattr(y_pred, "_keras_mask", None)


def masked_weight(
    sample_weight: Any, mask: Any, dtype: str, reduction: str | None
) -> Any:
    """Sample weights with 0 where the mask is False.

    A mean over all steps then is one over those that are there: their weights are
    raised by ``all / present`` (`keras.src.losses.loss.apply_mask`).
    """
    if mask is None:
        return sample_weight
    weight = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = float(math.prod(weight.shape))
        weight = weight * (total / (ops.sum(weight) + config.epsilon()))
    if sample_weight is None:
        return weight
    given = ops.cast(ops.convert_to_tensor(sample_weight), dtype)
    while len(given.shape) < len(weight.shape):
        given = ops.expand_dims(given, -1)
    while len(weight.shape) < len(given.shape):
        weight = ops.expand_dims(weight, -1)
    return given * weight
