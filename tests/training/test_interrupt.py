"""Ctrl-C inside `fit`."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest


def test_ctrl_c_answers_soon_and_leaves_a_step_boundary(make_model: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64_000, 8)).astype("float32")
    y = rng.integers(0, 4, 64_000)
    model = make_model("sgd", metrics=None)
    model.fit(x, y, shuffle=False, verbose=0)  # the program is there, slices are long
    start = model.get_weights()
    steps = int(model.optimizer.iterations)
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.3, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10_000, shuffle=False, verbose=0)
    assert time.perf_counter() - pressed[0] < 0.5  # 0.2 s on a machine left alone
    timer.join()
    made = int(model.optimizer.iterations) - steps
    assert made > 0
    after = model.get_weights()
    again = make_model("sgd", metrics=None)
    again.set_weights(start)
    full, rest = divmod(made, 2000)
    if full:
        again.fit(x, y, epochs=full, shuffle=False, verbose=0)
    if rest:
        again.fit(x, y, steps_per_epoch=rest, shuffle=False, verbose=0)
    for a, b in zip(after, again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
