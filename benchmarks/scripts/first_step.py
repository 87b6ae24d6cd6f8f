"""From the first call of `fit` to the end of its first step, on a GPU in use."""

from __future__ import annotations

import time

import numpy as np

import pydl
from benchmarks.cases import MLPS
from pydl import _core

case = MLPS["mlp-128"]
x, y = case.data()
pydl.config.set_device("cuda")
_core.synchronize("cuda:0")  # the context is there
model = pydl.Sequential([pydl.Input((case.sizes[0],))])
for units in case.sizes[1:-1]:
    model.add(pydl.layers.Dense(units, activation="relu"))
model.add(pydl.layers.Dense(case.sizes[-1]))
loss = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss)
start = time.perf_counter()
model.fit(x, y, batch_size=case.batch, steps_per_epoch=1, verbose=0)
seconds = time.perf_counter() - start
assert np.isfinite(model.get_weights()[0]).all()
print(f"first step ms: {seconds * 1e3:.1f}")
