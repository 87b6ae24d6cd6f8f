"""Keras 3 through `fit`; --steps sets steps_per_execution."""

from __future__ import annotations

import sys

import keras
from serve import Run, serve

from benchmarks.cases import NETWORKS, Mlp

STEPS = int(sys.argv[sys.argv.index("--steps") + 1]) if "--steps" in sys.argv else 1


def build(case: Mlp) -> keras.Model:
    model = keras.Sequential([keras.Input((case.sizes[0],))])
    for units in case.sizes[1:-1]:
        model.add(keras.layers.Dense(units, activation="relu"))
        if case.dropout:
            model.add(keras.layers.Dropout(case.dropout))
    model.add(keras.layers.Dense(case.sizes[-1], "sigmoid" if case.decodes else None))
    labels = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = "binary_crossentropy" if case.decodes else labels
    model.compile("adam", loss, steps_per_execution=STEPS)
    return model


def mlp(case: Mlp) -> Run:
    x, y = case.data()
    model = build(case)

    def run() -> float:
        model.fit(x, y, batch_size=case.batch, epochs=case.epochs, verbose=0)
        return case.steps

    return run


serve(lambda name: mlp(NETWORKS[name]) if name in NETWORKS else None)
