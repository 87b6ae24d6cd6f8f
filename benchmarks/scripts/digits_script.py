"""The 20-epoch digits script, as a user writes it. First argument: pydl or keras."""

import sys

import numpy as np

if sys.argv[1] == "pydl":
    import pydl as keras
else:
    import keras

data = np.load(sys.argv[2])
x = data["x"].reshape(-1, 64).astype("float32") / 16
y = data["y"].astype("int64")

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:1257], y[:1257], batch_size=32, epochs=20, verbose=0)
loss, accuracy = model.evaluate(x[1257:], y[1257:], verbose=0)
print(f"accuracy {accuracy:.3f}")
