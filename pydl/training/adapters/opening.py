"""Passes over whatever `fit` and `evaluate` were given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl.placement import CPU, device
from pydl.random import global_seed_generator
from pydl.training.adapters.sources import ArraySource, Source
from pydl.training.adapters.stream import Stream, Unpacked
from pydl.training.data import ArrayData
from pydl.training.slices import Pace, Passes

if TYPE_CHECKING:
    from pydl.training.state import TrainingState

_ONE = np.ones(1, "int64")
_ONE.flags.writeable = False


class Seeds:
    """Seeds for the orders of one `fit`, the first drawn from the global generator.

    `value` is the next one, `last` the one drawn last. `wanted` False: none is drawn.
    """

    def __init__(self, wanted: bool = True) -> None:
        self.value = self.last = 0
        self.wanted = wanted
        if not wanted:
            return
        with device(CPU):
            low, high = (int(word) for word in global_seed_generator().next().numpy())
        # The shuffle takes a signed 64-bit number; there is room to count upwards.
        self.value = self.last = (high << 32 | low) >> 2

    def __call__(self) -> int:
        self.last = self.value
        self.value += 1
        return self.last


def open_passes(
    state: TrainingState,
    mode: str,
    data: ArrayData | Source,
    batch: int,
    one: bool,
    *,
    seeds: Seeds,
    halt: bool = False,
    steps: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    often: bool = True,
) -> Passes | Stream:
    """Passes of "train" or "test" steps.

    `one`: hand back each batch. `seeds`: for shuffling. `halt`: end at
    a loss that is not finite. `steps`: batches of an epoch.
    """
    draw_seed = seeds if seeds.wanted else None
    own_function = state.model.overrides(f"make_{mode}_function")
    if isinstance(data, ArrayData) and own_function:
        data = ArraySource(data, batch, draw_seed)
    if isinstance(data, Source):
        if draw_seed is not None:
            data.shuffle(draw_seed)
        run = _own_function if own_function else partial(_run_batch, halt=halt)
        return Stream(data, partial(run, state, mode), steps, class_weight)
    if mode == "train":
        make_step: Any = partial(state.train_step, data, halt=halt)
    else:
        make_step = partial(state.test_step, data)
    # Steps of the user's do not tell how many ran before a loop halted.
    one = one or (halt and state.owns_step(mode))
    pace = Pace(1 if one else None)
    return Passes(
        data, batch, make_step, pace, draw_seed, device=state.place(), often=often
    )


def _run_batch(state: TrainingState, mode: str, stream: Stream, *, halt: bool) -> None:
    data = stream.take()
    if mode == "train":
        step = state.train_step(data, data.rows, 0, halt)
    else:
        step = state.test_step(data, data.rows)
    step.run_fast([_ONE, *data.arrays], [])


def _own_function(state: TrainingState, mode: str, stream: Stream) -> None:
    """Let the function that the user's ``make_train_function`` made do the pass."""
    model = state.model
    logs = getattr(model, f"{mode}_function")(iter(Unpacked(stream)))
    state.function_logs[mode] = logs if isinstance(logs, dict) else {}
