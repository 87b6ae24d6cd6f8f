"""Layer and RMS normalization in NumPy, a part of `numpy_reference`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Attrs = dict[str, Any]


def norm(inputs: list[Array], attrs: Attrs, centred: bool) -> list[Array]:
    x, *learned = (v.astype(np.float64) for v in inputs)
    mean = x.sum(axis=-1) / x.shape[-1] if centred else np.zeros(x.shape[:-1])
    apart = x - mean[..., None]
    variance = np.square(apart).sum(axis=-1) / np.float64(x.shape[-1])
    rstd = np.asarray(1 / np.sqrt(variance + attrs["epsilon"]))
    out = apart * rstd[..., None]
    if attrs.get("scale"):
        out = out * learned.pop(0)
    if attrs.get("center"):
        out = out + learned.pop(0)
    results = [out, mean, rstd] if centred else [out, rstd]
    return [np.asarray(y).astype(inputs[0].dtype) for y in results]


def norm_grad(inputs: list[Array], attrs: Attrs, centred: bool) -> list[Array]:
    grad, x, *rest = (v.astype(np.float64) for v in inputs)
    apart = x - rest.pop(0)[..., None] if centred else x
    rstd = rest.pop(0)[..., None]
    hat = apart * rstd
    pull = grad * rest.pop(0) if attrs.get("scale") else grad
    columns = np.float64(x.shape[-1])
    out = pull - hat * ((pull * hat).sum(axis=-1, keepdims=True) / columns)
    if centred:
        out = out - pull.sum(axis=-1, keepdims=True) / columns
    over = tuple(range(x.ndim - 1))
    results = [rstd * out]
    if attrs.get("scale"):
        results.append((grad * hat).sum(axis=over))
    if attrs.get("center"):
        results.append(grad.sum(axis=over))
    return [np.asarray(y).astype(inputs[0].dtype) for y in results]


NORMS: dict[str, Any] = {
    "layer_norm": lambda x, attrs: norm(x, attrs, True),
    "layer_norm_grad": lambda x, attrs: norm_grad(x, attrs, True),
    "rms_norm": lambda x, attrs: norm(x, attrs, False),
    "rms_norm_grad": lambda x, attrs: norm_grad(x, attrs, False),
}
