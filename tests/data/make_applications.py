"""Writes what `tests/applications` compares pydl's architectures with.

    KERAS_BACKEND=tensorflow python tests/data/make_applications.py [structures]
        [logits] [preprocessing] [legacy]

Needs keras 3.15. ``applications.json.gz``: the layers, weights and connections of all
networks (`application_structure`). ``application_logits.json``: logits for the weights
and images of `application_cases`. ``imagenet_utils.json``: prepared images.
``legacy_weights.h5``: a small network in the format
of Keras 2. For the networks that are too large for a test, see
``tests/data/check_applications.py``.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import h5py
import keras
import numpy as np
from keras import applications
from keras.src.legacy.saving import legacy_h5_format
from make_library_parity import numbers

from application_cases import LOGITS, STRUCTURES, Logits, built, images, weights
from application_structure import describe, given_name, packed

HERE = Path(__file__).parent


def structures() -> None:
    """Weights are not made: the largest networks have more than a gigabyte of them."""
    models = {}
    for name, kwargs in STRUCTURES:
        keras.utils.clear_session()
        with keras.StatelessScope(initialize_variables=False):
            model = getattr(applications, name)(weights=None, **kwargs)
            models[key(name, kwargs)] = describe(model)
        print(key(name, kwargs), model.name, model.count_params(), flush=True)
    text = json.dumps(packed(models), separators=(",", ":"))
    with open(HERE / "applications.json.gz", "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))


def key(name: str, kwargs: dict[str, Any]) -> str:
    """What a network is called in the file."""
    return " ".join([name, *(f"{k}={v}" for k, v in kwargs.items())])


def logits_of(case: Logits) -> np.ndarray:
    """What Keras computes."""
    keras.utils.clear_session()
    model = built(applications, case)
    named = [(given_name(w), tuple(w.shape)) for w in model.weights]
    model.set_weights(weights(named))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return np.asarray(model(images(case), training=False))


def logits() -> None:
    found = {}
    for case in LOGITS:
        if case.tested:
            values = logits_of(case)
            found[case.key] = [[float(f"{v:.9g}") for v in row] for row in values]
            print(case.key, float(np.linalg.norm(values)), flush=True)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(found[key])}" for key in found)
    (HERE / "application_logits.json").write_text(f"{{\n{lines}\n}}\n")


def preprocessing() -> None:
    random = np.random.RandomState(3)
    pixels = random.randint(0, 256, (2, 3, 2, 3))
    cases = []
    for module in ("vgg16", "resnet_v2", "densenet", "efficientnet"):
        for dtype in ("uint8", "float32", "float64"):
            for data_format in ("channels_last", "channels_first"):
                x = pixels.astype(dtype)
                prepare = getattr(applications, module).preprocess_input
                cases.append({
                    "module": module, "data_format": data_format, "input": numbers(x),
                    "output": numbers(prepare(x.copy(), data_format)),
                })  # fmt: skip
    text = json.dumps(cases)
    (HERE / "imagenet_utils.json").write_text(f"{text}\n")


def legacy() -> None:
    """Nested layers, weights that are not trained, an int, and names that repeat."""
    layers = keras.layers
    keras.utils.clear_session()
    x = image = keras.Input((6, 6, 3))
    x = layers.Normalization()(x)
    inner = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="bn"),
             layers.Dense(2, name="dense")]  # fmt: skip
    x = keras.Sequential(inner, name="inner")(x)
    x = layers.SeparableConv2D(3, 2, name="separable")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(2, name="last")(x))
    named = [(w.name, tuple(w.shape)) for w in model.weights]
    model.set_weights(weights(named))
    with h5py.File(HERE / "legacy_weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


if __name__ == "__main__":
    PARTS = {
        "structures": structures, "logits": logits, "preprocessing": preprocessing,
        "legacy": legacy,
    }  # fmt: skip
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
