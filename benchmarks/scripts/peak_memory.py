"""Peak memory of training the MLP on 25,600 synthetic rows. Argument: pydl or torch.

Prints the growth of the peak resident set, in MB, over a process with only the data.
"""

import resource
import sys

import numpy as np


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


rng = np.random.default_rng(0)
x = rng.standard_normal((25_600, 784), dtype=np.float32)
y = rng.integers(0, 10, 25_600)
before = peak_mb()

if sys.argv[1] == "pydl":
    import pydl

    model = pydl.Sequential([pydl.Input((784,))])
    for units in (128, 64):
        model.add(pydl.layers.Dense(units, activation="relu"))
    model.add(pydl.layers.Dense(10))
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=128, epochs=2, verbose=0)
else:
    import torch

    model = torch.nn.Sequential(
        torch.nn.Linear(784, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(2):
        order = torch.randperm(len(tx))
        for start in range(0, len(tx), 128):
            rows = order[start : start + 128]
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(tx[rows]), ty[rows])
            loss.backward()
            optimizer.step()

print(peak_mb() - before)
