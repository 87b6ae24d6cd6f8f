"""Ending training when the loss is not a finite number."""

from __future__ import annotations

from typing import ClassVar

from pydl.training.callback import Callback


class TerminateOnNaN(Callback):
    """Ends training at the first batch whose loss is NaN or infinite.

    The check is part of the compiled step: batches are not handed back one by one for
    it.

    Args:
        raise_error: raise RuntimeError instead of ending quietly.
    """

    stops_on_nan: ClassVar[bool] = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_invalid_loss(self, batch: int) -> None:
        text = f"Batch {batch}: Invalid loss, terminating training"
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered. {text}")
        print(text, flush=True)
        self.model.stop_training = True
