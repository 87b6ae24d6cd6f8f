"""Adam that leaves alone the rows of tables that a batch does not look up."""

from __future__ import annotations

from typing import Any

from pydl.optimizers.adam import Adam
from pydl.optimizers.optimizer import Optimizer
from pydl.runtime.variable import Variable


class LazyAdam(Adam):
    """Adam for large embeddings: in a step only the rows that were looked up move.

    Adam's running means shrink in every step, and so weights move on without a
    gradient: each step of `Adam` reads and writes the whole table and both its means.
    Here means and weights of a row stay as they are until it is looked up again, as in
    LazyAdam of TensorFlow Addons and SparseAdam of PyTorch. This is another rule, not a
    faster way to the same numbers; the bias correction counts all steps. Variables that
    are not tables, and tables whose gradient does not come from lookups alone (a
    regularizer), are updated as by `Adam`; ``model.explain()`` names such tables.

    Args:
        learning_rate: a float, schedule or callable.
        beta_1: the share of the old mean of gradients kept each step, in [0, 1].
        beta_2: the same for squares.
        epsilon: added to the square root, against division by zero.
        amsgrad: divide by the largest mean of squares so far.
        clipnorm: the gradient of each variable is scaled down to this norm.
        clipvalue: gradients are clipped to plus or minus this.
        global_clipnorm: all gradients are scaled down together to this norm.
        use_ema: keep a moving average of the weights (which reads whole tables).
        ema_momentum: the share of the old average kept each step.
        ema_overwrite_frequency: steps between two overwritings by the average.
        loss_scale_factor: the loss is multiplied by this and gradients divided by it.
        name: name in files and logs.

    Raises:
        ValueError: for `weight_decay` and `gradient_accumulation_steps`, which move all
            rows in every step.

    >>> optimizer = pydl.optimizers.LazyAdam(0.01)
    >>> optimizer.get_config()["beta_2"]
    0.999
    """

    row_opcode = "adam_row_update"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for argument, value in (
            ("weight_decay", weight_decay),
            ("gradient_accumulation_steps", gradient_accumulation_steps),
        ):
            if value is not None:
                raise ValueError(
                    f"LazyAdam: {argument}: expected None, received {value!r}: it "
                    "moves all rows in every step. Use Adam or AdamW instead."
                )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, None, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, None, name, **kwargs,
        )  # fmt: skip

    def moves_all_rows(self, variable: Variable) -> str:
        return Optimizer.moves_all_rows(self, variable)
