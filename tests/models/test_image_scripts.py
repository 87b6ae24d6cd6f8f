"""Scripts of Keras primers on images: VGG built of blocks, and fine-tuning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
import pydl as keras
from application_cases import weights
from pydl.applications import MobileNetV2


def digits(side: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of 8 pixels made larger, in [0, 1]."""
    (x, y), _ = keras.datasets.digits.load_data()
    x = x[:number].astype("float32")[..., None] / 16.0
    times = side // 8
    return x.repeat(times, 1).repeat(times, 2), y[:number]


VGG_SCRIPT = """
import keras
import numpy as np

def vgg_block(num_convs, num_channels):
    blk = keras.models.Sequential()
    for _ in range(num_convs):
        blk.add(keras.layers.Conv2D(num_channels, kernel_size=3, padding="same",
                                    activation="relu"))
    blk.add(keras.layers.MaxPool2D(pool_size=2, strides=2))
    return blk

def vgg(conv_arch):
    net = keras.models.Sequential()
    for (num_convs, num_channels) in conv_arch:
        net.add(vgg_block(num_convs, num_channels))
    net.add(keras.models.Sequential([
        keras.layers.Flatten(),
        keras.layers.Dense(fc_units, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(fc_units, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax")]))
    return net

net = vgg(conv_arch)
X = np.random.uniform(size=(1, side, side, 1)).astype("float32")
for blk in net.layers:
    X = blk(X)
    print(blk.name, "output shape:\\t", X.shape)

(x_train, y_train), (x_test, y_test) = load_data()
x_train = x_train.reshape((-1, 28, 28, 1)).astype("float32") / 255
x_test = x_test.reshape((-1, 28, 28, 1)).astype("float32") / 255
x_train = keras.ops.image.resize(x_train, (side, side))
x_test = keras.ops.image.resize(x_test, (side, side))

optimizer = keras.optimizers.SGD(learning_rate=0.05)
net.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy",
            metrics=["accuracy"])
history = net.fit(x_train, y_train, batch_size=16, epochs=2, validation_split=0.1)
score = net.evaluate(x_test, y_test, batch_size=16)
"""


def small_mnist() -> Any:
    x, y = digits(32, 80)
    x = (255 * x[:, 2:30, 2:30, 0]).astype("uint8")
    return (x[:64], y[:64]), (x[64:], y[64:])


def test_vgg_script(capsys: pytest.CaptureFixture[str]) -> None:
    """The architecture of the primer at a quarter of its channels and 32 pixels."""
    keras.utils.set_random_seed(7)
    script = VGG_SCRIPT.replace("import keras\n", "import pydl as keras\n")
    arch = ((1, 8), (1, 16), (2, 32), (2, 64), (2, 64))
    space = {"conv_arch": arch, "fc_units": 64, "side": 32, "load_data": small_mnist}
    exec(compile(script, "vgg.py", "exec"), space)
    printed = capsys.readouterr().out
    assert "(1, 16, 16, 8)" in printed and "(1, 1, 1, 64)" in printed
    assert "(1, 10)" in printed
    losses = space["history"].history["loss"]
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert len(space["score"]) == 2 and 0 <= space["score"][1] <= 1
    assert len(space["net"].trainable_variables) == 2 * 8 + 2 * 3


def test_fine_tuning() -> None:
    """Freeze, train a new head, unfreeze, train on with a low rate."""
    pydl.utils.set_random_seed(3)
    x, y = digits(32, 64)
    x = 2 * x.repeat(3, 3) - 1
    base = MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    base.set_weights(weights((w.name, tuple(w.shape)) for w in base.weights))
    base.trainable = False
    image = keras.Input((32, 32, 3))
    h = base(image, training=False)
    h = keras.layers.GlobalAveragePooling2D()(h)
    h = keras.layers.Dropout(0.2)(h)
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(h))
    assert len(model.trainable_variables) == 2

    kept = base.get_weights()
    compile_and_fit(model, x, y, 1e-2)
    for a, b in zip(base.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)

    base.trainable = True
    for layer in base.layers[:-20]:
        layer.trainable = False
    tuned = [v for layer in base.layers[-20:] for v in layer.trainable_variables]
    assert len(model.trainable_variables) == len(tuned) + 2
    head = model.layers[-1].kernel.numpy()
    compile_and_fit(model, x, y, 1e-4)
    assert (model.layers[-1].kernel.numpy() != head).any()
    changed = {
        v.path for v, old in zip(base.weights, kept, strict=True)
        if (v.numpy() != old).any()
    }  # fmt: skip
    # Averages of normalizations stay: the base is called with training=False.
    assert changed == {v.path for v in tuned}


def compile_and_fit(model: Any, x: Any, y: Any, rate: float) -> None:
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    before = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < before


def test_a_new_head_on_part_of_a_network() -> None:
    """As transfer learning cuts a network by a layer's name."""
    base = MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    cut = base.get_layer("block_3_project_BN").output
    model = keras.Model(base.input, keras.layers.GlobalMaxPooling2D()(cut))
    assert model.output_shape == (None, 16) and len(model.layers) < len(base.layers)
    assert model(np.zeros((1, 32, 32, 3), "float32")).shape == (1, 16)
