"""Files that Keras wrote of a model whose layers store their state themselves.

    KERAS_BACKEND=numpy python tests/data/make_own_state.py

needs Keras 3.15 and h5py; it writes ``own_state.keras``, ``own_state.weights.h5`` and
what the model predicts, ``own_state.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np

FOLDER = Path(__file__).parent


@keras.saving.register_keras_serializable("own_state")
class Counted(keras.layers.Layer):
    """Scales by a weight and by a number that is no weight."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        self.count = 0

    def call(self, x):
        return x * self.scale * float(self.count)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["count"] = np.array(self.count, "int64")

    def load_own_variables(self, store):
        self.scale.assign(store["0"])
        self.count = int(store["count"])


@keras.saving.register_keras_serializable("own_state")
class Worded(keras.layers.Layer):
    """Adds the number of letters of words that it keeps in a file."""

    words = ()

    def call(self, x):
        return x + float(sum(map(len, self.words)))

    def save_assets(self, dir_path):
        Path(dir_path, "words.txt").write_text("\n".join(self.words))

    def load_assets(self, dir_path):
        self.words = Path(dir_path, "words.txt").read_text().split("\n")


def main() -> None:
    worded = Worded()
    worded.words = ["one", "three"]
    inner = keras.Sequential([Counted(), worded])
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), inner])
    rng = np.random.default_rng(0)
    model.layers[0].set_weights([rng.normal(size=(3, 2)), rng.normal(size=2)])
    inner.layers[0].scale.assign(rng.normal(size=2))
    inner.layers[0].count = 7
    x = np.arange(6, dtype="float32").reshape(2, 3)
    model.save(FOLDER / "own_state.keras")
    model.save_weights(FOLDER / "own_state.weights.h5")
    out = np.asarray(model.predict(x, verbose=0)).tolist()
    (FOLDER / "own_state.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
