"""The losses of probabilities and masks as classes."""

from __future__ import annotations

from typing import Any

from pydl.losses.loss import LossFunctionWrapper
from pydl.losses.probabilistic import (
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    ctc,
    dice,
    kl_divergence,
    tversky,
)


class KLDivergence(LossFunctionWrapper):
    """The Kullback-Leibler divergence of predictions from labels.

    >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            kl_divergence,
            reduction=reduction,
            name=name,
            dtype=dtype,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Focal cross-entropy of one-hot labels; see `categorical_focal_crossentropy`.

    Args:
        alpha: weight of all classes, or one per class.
        gamma: how much less examples count that are right already.
        from_logits: `y_pred` holds logits, not probabilities.
        label_smoothing: in [0, 1]; this share of each label goes to all classes.
        axis: the axis of the classes.

    >>> loss = CategoricalFocalCrossentropy()
    >>> float(loss([[0.0, 1.0]], [[0.0, 1.0]])) < 1e-6
    True
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction=reduction,
            name=name,
            dtype=dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Focal cross-entropy of yes/no labels; see `binary_focal_crossentropy`.

    Args:
        apply_class_balancing: weigh labels 1 by `alpha`, labels 0 by ``1 - alpha``.
        alpha: weight of label 1.
        gamma: how much less examples count that are right already.
        from_logits: `y_pred` holds logits, not probabilities.
        label_smoothing: in [0, 1]; squeezes labels towards 0.5.
        axis: the axis that is averaged.

    >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
    0.1733
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction=reduction,
            name=name,
            dtype=dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """Cross-entropy that bears wrong labels; see
    `categorical_generalized_cross_entropy`.

    Args:
        q: in (0, 1): near 0 as cross-entropy, 1 as mean absolute error.

    >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
    1.0
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1). Received: q={q}")
        super().__init__(
            categorical_generalized_cross_entropy,
            reduction=reduction,
            name=name,
            dtype=dtype,
            q=q,
        )
        self.q = q


class Dice(LossFunctionWrapper):
    """One minus the Dice coefficient of two masks; see `dice`.

    Args:
        axis: the axes that are summed; None for all.

    >>> round(float(Dice()([1.0, 0.0], [1.0, 0.0])), 5)
    0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            dice,
            reduction=reduction,
            name=name,
            dtype=dtype,
            axis=axis,
        )
        self.axis = axis


class Tversky(LossFunctionWrapper):
    """One minus the Tversky index of two masks; see `tversky`.

    Args:
        alpha: weight of what only the labels have.
        beta: weight of what only the predictions have.
        axis: the axes that are summed; None for all.

    >>> round(float(Tversky()([1.0, 0.0], [1.0, 0.0])), 5)
    0.0
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            tversky,
            reduction=reduction,
            name=name,
            dtype=dtype,
            alpha=alpha,
            beta=beta,
            axis=axis,
        )
        self.alpha = alpha
        self.beta = beta
        self.axis = axis


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification; see `ctc`.

    >>> float(CTC()([[1]], [[[0.0, 0.0]]]))
    0.6931471824645996
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: Any = None,
    ) -> None:
        super().__init__(ctc, reduction=reduction, name=name, dtype=dtype)
