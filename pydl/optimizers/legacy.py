"""Names of Keras 2 that Keras 3 keeps to say that they are gone."""

from __future__ import annotations

from typing import Any

__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]


class Optimizer:
    """Raises ImportError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            "`optimizers.legacy` is not supported, as in Keras 3: use the optimizer of "
            "this name in `optimizers`"
        )


Adagrad = Adam = Ftrl = RMSprop = SGD = Optimizer
