"""Ctrl-C inside `fit`: answered at once, the model whole and usable."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys, time
import numpy as np
import pydl as keras

class Announce(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            print("running", flush=True)

rng = np.random.default_rng(0)
x = rng.standard_normal((20000, 64), np.float32)
y = rng.integers(0, 10, 20000)
model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(256, activation="relu"),
    keras.layers.Dense(10),
])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer="adam", loss=loss)
try:
    model.fit(x, y, batch_size=32, epochs=100000, verbose=0, callbacks=[Announce()])
except KeyboardInterrupt:
    print("stopped", time.time(), flush=True)
steps = int(np.asarray(model.optimizer.iterations))
assert steps > 0, steps
assert all(np.isfinite(w).all() for w in model.get_weights())
before = model.get_weights()
model.fit(x[:320], y[:320], batch_size=32, epochs=1, verbose=0)
assert int(np.asarray(model.optimizer.iterations)) == steps + 10
assert any((a != b).any() for a, b in zip(before, model.get_weights()))
print("usable", flush=True)
"""


def interrupt_once() -> float:
    """Seconds from the signal to the exception in the user's code."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    watch = threading.Timer(120, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(0.05)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        word, stopped = process.stdout.readline().split()
        rest, _ = process.communicate(timeout=60)
    finally:
        watch.cancel()
        process.kill()
    assert (word, rest) == ("stopped", "usable\n")
    assert process.returncode == 0
    return float(stopped) - sent


def test_interrupt_inside_fit() -> None:
    """Within 0.2 s, the best of three: other programs may hold the processors."""
    assert min(interrupt_once() for _ in range(3)) < 0.2
