"""Test accuracy. Arguments: pydl or keras, digits or mnist, data file, seed."""

import sys

import numpy as np

if sys.argv[1] == "pydl":
    import pydl as keras
else:
    import keras

recipe, path, seed = sys.argv[2], sys.argv[3], int(sys.argv[4])
data = np.load(path)
layers = keras.layers
keras.utils.set_random_seed(seed)

if recipe == "digits":
    x, y = data["x"].reshape(-1, 64).astype("float32"), data["y"].astype("int64")
    order = np.random.default_rng(seed).permutation(len(x))
    cut = int(0.7 * len(x))
    train, test = order[:cut], order[cut:]
    x_train, y_train, x_test, y_test = x[train], y[train], x[test], y[test]
    stack = [
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    optimizer, epochs, batch = keras.optimizers.SGD(0.01), 100, 32
else:
    x_train = data["x_train"].reshape(-1, 784).astype("float32") / 255
    x_test = data["x_test"].reshape(-1, 784).astype("float32") / 255
    y_train, y_test = data["y_train"].astype("int64"), data["y_test"].astype("int64")
    stack = [
        layers.Dense(512, activation="relu"), layers.Dropout(0.2),
        layers.Dense(512, activation="relu"), layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ]  # fmt: skip
    optimizer, epochs, batch = keras.optimizers.Adam(), 10, 128

model = keras.Sequential([keras.Input((x_train.shape[1],)), *stack])
model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=batch, epochs=epochs, verbose=0)
print(model.evaluate(x_test, y_test, verbose=0)[1])
