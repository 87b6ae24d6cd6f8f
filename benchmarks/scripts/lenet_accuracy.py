"""Test accuracy of LeNet on MNIST, 10 epochs. Arguments: mnist.npz, seed."""

import sys

import numpy as np

import pydl

data = np.load(sys.argv[1])
pydl.utils.set_random_seed(int(sys.argv[2]))
x_train, x_test = (
    data[k][..., None].astype("float32") / 255 for k in ("x_train", "x_test")
)
y_train, y_test = (data[k].astype("int64") for k in ("y_train", "y_test"))
layers = pydl.layers
model = pydl.Sequential(
    [
        pydl.Input((28, 28, 1)),
        layers.Conv2D(6, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="relu"),
        layers.Dense(84, activation="relu"),
        layers.Dense(10),
    ]
)
loss = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(pydl.optimizers.Adam(), loss, metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=128, epochs=10, verbose=0)
print(model.evaluate(x_test, y_test, verbose=0)[1])
