"""What the examples end with: a stated result, the model and the pictures.

A model of theirs is a `Sequential` whose first layer prepares pixels and whose last one
is the network itself; what augments images stands between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pictures

#: Images and labels.
Part = tuple[np.ndarray, np.ndarray]


def state(options: Any, text: str) -> None:
    """Prints a result and keeps it in ``result.txt``."""
    print(f"\n{text}", flush=True)
    (options.out / "result.txt").write_text(f"{text}\n", encoding="utf-8")


def conclude(
    options: Any,
    model: Any,
    history: dict[str, Sequence[float]],
    trained: int,
    test: Part,
    names: Sequence[str],
) -> None:
    """Tests a model, states the result, saves model and pictures.

    Args:
        history: `history` of what `fit` returned.
        trained: the number of images it was trained on.
        test: images and labels.
        names: of the classes.
    """
    images, labels = test
    probabilities = model.predict(images, batch_size=256, verbose=0)
    accuracy = (probabilities.argmax(1) == labels).mean()
    state(
        options,
        f"{accuracy:.2%} of {len(images)} test images recognized after "
        f"{len(history['loss'])} epochs, {history['seconds'][-1]:.0f} s of training on "
        f"{trained} images (seed {options.seed}).",
    )
    model.save(options.out / "model.keras")
    draw(options, model, history, test, probabilities, names)
    print(f"Model, curve and pictures: {options.out}")


def draw(
    options: Any,
    model: Any,
    history: dict[str, Sequence[float]],
    test: Part,
    probabilities: np.ndarray,
    names: Sequence[str],
) -> None:
    """All pictures of `pictures`."""
    out, (images, labels) = options.out, test
    prepare, network = model.layers[0], model.layers[-1]
    chosen = images[:8]
    prepared = np.asarray(prepare(chosen))
    pictures.curves(history, out / "curves.png")
    pictures.filters(network, out / "filters.png")
    pictures.feature_maps(network, prepared[0], out / "feature_maps.png")
    pictures.confusion(labels, probabilities.argmax(1), names, out / "confusion.png")
    pictures.mistakes(images, labels, probabilities, names, out / "mistakes.png")
    pictures.grad_cam(network, prepared, chosen, names, out / "grad_cam.png")
