"""Loss functions of probabilities: divergences, focal and generalized entropies."""

from __future__ import annotations

from typing import Any

from pydl import ops
from pydl.config import epsilon
from pydl.losses.functions import float_pair


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """``sum(y_true * log(y_true / y_pred), axis=-1)`` of two distributions.

    S. Kullback and R. A. Leibler (1951). Both are clipped to ``[epsilon, 1]``.

    >>> float(kl_divergence([0.5, 0.5], [0.5, 0.5]))
    0.0
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    y_true = ops.clip(y_true, epsilon(), 1.0)
    y_pred = ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(y_true * ops.log(ops.divide(y_true, y_pred)), axis=-1)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """``-sum(alpha * (1 - p) ** gamma * y_true * log(p))`` along `axis`.

    T.-Y. Lin et al. (2017), "Focal Loss for Dense Object Detection".

    Args:
        y_true: one-hot labels, the shape of `y_pred`.
        y_pred: probabilities, or logits when `from_logits`.
        alpha: weight of all classes, or one per class.
        gamma: how much less examples count that are right already.
        label_smoothing: this share of each label goes to all classes.

    >>> float(categorical_focal_crossentropy([[0.0, 1.0]], [[0.0, 1.0]])[0]) < 1e-6
    True
    """
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis}")
    y_true, y_pred = float_pair(y_true, y_pred)
    if label_smoothing:
        share = label_smoothing / y_true.shape[-1]
        y_true = y_true * (1.0 - label_smoothing) + share
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    p = ops.clip(p, epsilon(), 1.0 - epsilon())
    focus = ops.multiply(ops.power(1.0 - p, gamma), ops.cast(alpha, p.dtype))
    return ops.negative(ops.sum(focus * y_true * ops.log(p), axis=axis))


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy times ``(1 - p) ** gamma``, averaged over `axis`; `p` is the
    probability given to the label.

    T.-Y. Lin et al. (2017), "Focal Loss for Dense Object Detection".

    Args:
        y_true: 0 or 1, the shape of `y_pred`.
        apply_class_balancing: weigh labels 1 by `alpha`, labels 0 by ``1 - alpha``.

    >>> round(float(binary_focal_crossentropy([[1.0]], [[0.5]])[0]), 4)
    0.1733
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    each = ops.binary_crossentropy(y_true, y_pred)
    p = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    each = ops.power(1.0 - p, gamma) * each
    if apply_class_balancing:
        each = each * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return ops.mean(each, axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """``(1 - p ** q) / q``, `p` the probability of the integer label.

    Z. Zhang and M. R. Sabuncu (2018), "Generalized Cross Entropy Loss for Training
    Deep Neural Networks with Noisy Labels", equation 6.

    Args:
        y_true: class numbers ``(...)`` or ``(..., 1)``.
        y_pred: probabilities ``(..., classes)``.
        q: in (0, 1): near 0 as cross-entropy, 1 as mean absolute error.

    >>> float(categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5)[0])
    1.0
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(y_pred * hot, axis=-1)
    return ops.divide(1.0 - ops.power(p, float(q)), float(q))


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """``1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`` over `axis`.

    L. R. Dice (1945); as a loss: F. Milletari et al. (2016), "V-Net".

    >>> round(float(dice([1.0, 0.0], [1.0, 0.0])), 5)
    0.0
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    shared = ops.sum(y_true * y_pred, axis=axis)
    whole = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis) + epsilon()
    return 1.0 - ops.divide(2.0 * shared, whole)


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """``1 - shared / (shared + alpha * missed + beta * extra)`` over `axis`.

    `shared` is ``sum(y_true * y_pred)``, `missed` and `extra` what only the labels or
    only the predictions have. A. Tversky (1977); as a loss: S. S. M. Salehi et al.
    (2017), "Tversky loss function for image segmentation".

    >>> round(float(tversky([1.0, 0.0], [1.0, 0.0])), 5)
    0.0
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    shared = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum((1.0 - y_pred) * y_true, axis=axis)
    extra = ops.sum(y_pred * (1.0 - y_true), axis=axis)
    return 1.0 - ops.divide(shared, shared + missed * alpha + extra * beta + epsilon())


def ctc(y_true: Any, y_pred: Any) -> Any:
    """`ops.ctc_loss` of labels that are filled with 0, the blank, to one length.

    Args:
        y_true: labels, integers ``(batch, labels)``, 0 where there are no more.
        y_pred: logits ``(batch, frames, classes)``; all frames count.

    Raises:
        ValueError: other ranks.

    >>> float(ctc([[1]], [[[0.0, 0.0]]])[0])
    0.6931471824645996
    """
    labels, logits = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(labels.shape) != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, "
            f"max_length)` in integer format. Received: y_true.shape={labels.shape}"
        )
    if len(logits.shape) != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, "
            f"max_length, num_classes)`. Received: y_pred.shape={logits.shape}"
        )
    frames = ops.full((logits.shape[0],), logits.shape[1], dtype="int32")
    count = ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), axis=-1)
    return ops.ctc_loss(labels, logits, count, frames)
