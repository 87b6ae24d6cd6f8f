"""Using the moving average of the weights where it counts."""

from __future__ import annotations

from typing import Any

from pydl.training.callback import Callback


class SwapEMAWeights(Callback):
    """Swaps weights and their moving averages for evaluation and prediction, and swaps
    them back afterwards. The optimizer must have ``use_ema=True``.

    Args:
        swap_on_epoch: swap at the end of each epoch and back at the beginning of the
            next: a `ModelCheckpoint` after this callback then saves the averages.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _pairs(self) -> list[tuple[Any, Any]]:
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        parts = getattr(optimizer, "optimizers", [optimizer])
        averages = [part._average for part in parts if part._average is not None]
        if not averages:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the "
                f"optimizer. Received: use_ema={getattr(optimizer, 'use_ema', False)}"
            )
        return [pair for average in averages for pair in average.pairs]

    def _swap(self, wanted: bool) -> None:
        """Have the averages in the model, or the weights."""
        if self._swapped == wanted:
            return
        for variable, average in self._pairs():
            weight = variable.numpy()
            variable.assign(average.numpy())
            average.assign(weight)
        self._swapped = wanted

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._pairs()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._swap(True)
        last = epoch == self.params.get("epochs", 0) - 1
        if last or self.model.stop_training:
            # `fit` now puts the averages in place of the weights: both are these.
            for variable, average in self._pairs():
                average.assign(variable.numpy())
            self._swapped = False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(False)

    def abandon(self) -> None:
        self._swap(False)

    def get_state(self) -> dict[str, Any]:
        return {"_swapped": self._swapped}

    def set_state(self, state: dict[str, Any]) -> None:
        self._swapped = bool(state["_swapped"])
