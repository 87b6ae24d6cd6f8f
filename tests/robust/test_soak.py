"""The same work again and again: results stay right and memory does not grow.

A short form by default; ``PYDL_SOAK=10000`` makes as many rounds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pydl import _core

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("PYDL_SOAK", "120"))
#: Rounds before memory is measured: caches fill, the allocator settles.
WARM_UP = 40
#: Bytes. A round that kept its model, or one copy of its data, would exceed this; what
#: the interpreter and the allocator settle into does not.
MOST_GROWTH = (2 << 20) + 256 * ROUNDS

SCRIPT = """
import gc, sys
from pathlib import Path
import numpy as np
import pydl as keras

rounds, warm_up, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
rng = np.random.default_rng(0)
x = rng.standard_normal((200, 16), np.float32)
y = rng.integers(0, 5, 200)


def resident():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


def make():
    model = keras.Sequential([
        keras.Input((16,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(5),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


lasting = make()
for turn in range(rounds):
    model = make()
    model.fit(x, y, batch_size=16 + turn % 7, epochs=2, verbose=0)
    lasting.fit(x, y, batch_size=32, verbose=0)
    want = model.predict(x, batch_size=50, verbose=0)
    assert np.isfinite(want).all() and want.shape == (200, 5), turn
    model.save_weights(folder / "model.safetensors")
    model.export(folder / "model.pydl", verbose=False)
    loaded = make()
    loaded.load_weights(folder / "model.safetensors")
    got = loaded.predict(x, batch_size=50, verbose=0)
    assert got.tobytes() == want.tobytes(), turn
    loaded.evaluate(x, y, verbose=0)
    del model, loaded
    if turn + 1 == warm_up:
        gc.collect()
        before = resident()
gc.collect()
left = sorted(path.name for path in folder.iterdir())
assert left == ["model.pydl", "model.safetensors"], left
print(resident() - before)
"""


def test_rounds_of_work(tmp_path: Path) -> None:
    counts = [str(max(ROUNDS, 2 * WARM_UP)), str(WARM_UP)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *counts, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    grown = int(done.stdout)
    if _core.info()["sanitize"]:
        return  # freed memory is kept back to find late uses of it
    assert grown < MOST_GROWTH, f"{grown} bytes more after {counts[0]} rounds"
