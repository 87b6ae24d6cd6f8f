"""Pictures of a trained network: curves, filters, feature maps, mistakes, Grad-CAM.

Each function draws one picture with Matplotlib (``pip install pydl[plot]``) and saves
it as a file; none needs a screen. They are yours to copy and to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pydl as keras


def figure(rows: int, columns: int, size: float = 1.2) -> tuple[Any, np.ndarray]:
    """A figure and its panels ``(rows, columns)``, which have no axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(columns * size, rows * size), layout="constrained")
    panels = made.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    return made, panels


def show(panel: Any, image: np.ndarray, **options: Any) -> None:
    """An image ``(rows, columns[, channels])``, grey where it has one channel."""
    grey = image.ndim == 2 or image.shape[-1] == 1
    image = image.squeeze(-1) if image.ndim == 3 and grey else image
    panel.imshow(image, **({"cmap": "gray"} if grey else {}), **options)


def curves(history: dict[str, Sequence[float]], file: Path) -> None:
    """Loss and accuracy after each epoch, of training and (dashed) of other images.

    Args:
        history: `history` of what `fit` returned.
    """
    made, panels = figure(1, 2, 4.0)
    for panel, name in zip(panels[0], ("loss", "accuracy"), strict=True):
        panel.set_axis_on()
        for key, label in ((name, "training"), (f"val_{name}", "test")):
            values = [float(value) for value in history.get(key, ())]
            style = "--" if label == "test" else "-"
            panel.plot(range(1, len(values) + 1), values, style, label=label)
        panel.set(xlabel="epoch", ylabel=name)
        panel.grid(alpha=0.3)
        panel.legend()
    made.savefig(file, dpi=100)


def comparison(runs: dict[str, Sequence[float]], label: str, file: Path) -> None:
    """Several trainings in one picture: a number after each epoch of each.

    Args:
        runs: name of a training -> its numbers.
        label: what the numbers are.
    """
    made, panels = figure(1, 1, 5.0)
    panel = panels[0, 0]
    panel.set_axis_on()
    for name, values in runs.items():
        panel.plot(range(1, len(values) + 1), [float(v) for v in values], label=name)
    panel.set(xlabel="epoch", ylabel=label)
    panel.grid(alpha=0.3)
    panel.legend()
    made.savefig(file, dpi=100)


def filters(network: Any, file: Path, most: int = 32) -> None:
    """The kernels of the first convolution, each stretched to the full range of grey or
    colour."""
    kernels = np.asarray(convolutions(network)[0].kernel)
    count = min(kernels.shape[-1], most)
    made, panels = figure(-(-count // 8), 8)
    for panel, kernel in zip(panels.flat, np.moveaxis(kernels, -1, 0), strict=False):
        low, high = kernel.min(), kernel.max()
        image = (kernel - low) / max(high - low, 1e-12)
        # Three channels make a colour; of other numbers the mean is shown.
        show(panel, image if image.shape[-1] in (1, 3) else image.mean(-1))
    made.savefig(file, dpi=100)


def feature_maps(network: Any, image: np.ndarray, file: Path, most: int = 8) -> None:
    """What four of the convolutions make of one image: their first channels.

    Args:
        image: as the network takes it, ``(rows, columns, channels)``.
    """
    layers = spread(convolutions(network), 4)
    looking = keras.Model(network.inputs, [layer.output for layer in layers])
    maps = [np.asarray(found)[0] for found in looking(image[None])]
    made, panels = figure(len(layers), most)
    for row, layer, found in zip(panels, layers, maps, strict=True):
        for panel, channel in zip(row, np.moveaxis(found, -1, 0), strict=False):
            panel.imshow(channel, cmap="viridis")
        row[0].set_title(f"{layer.name} {found.shape}", fontsize=7, loc="left")
    made.savefig(file, dpi=100)


def convolutions(network: Any) -> list[Any]:
    """The network's layers `Conv2D`, in order."""
    return [x for x in network.layers if isinstance(x, keras.layers.Conv2D)]


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` items, from the first to the last."""
    at = np.linspace(0, len(items) - 1, min(count, len(items)))
    return [items[i] for i in at.round().astype(int)]


def confusion(
    labels: np.ndarray, guesses: np.ndarray, names: Sequence[str], file: Path
) -> None:
    """How many images of each class (row) were taken for each class (column)."""
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (labels, guesses), 1)
    made, panels = figure(1, 1, 6.0)
    panel = panels[0, 0]
    panel.set_axis_on()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        panel.text(column, row, str(count), ha="center", va="center", color=colour)
    panel.set_xticks(range(len(names)), names, rotation=45, ha="right")
    panel.set_yticks(range(len(names)), names)
    panel.set(xlabel="recognized as", ylabel="is")
    made.savefig(file, dpi=100)


def mistakes(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    file: Path,
    most: int = 24,
) -> None:
    """The images the network was most sure about and wrong, the surest first."""
    guesses, sure = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(guesses != labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    made, panels = figure(max(-(-len(wrong) // 8), 1), 8, 1.5)
    for panel, row in zip(panels.flat, wrong, strict=False):
        show(panel, images[row])
        said = f"{names[guesses[row]]} {sure[row]:.0%}\nis {names[labels[row]]}"
        panel.set_title(said, fontsize=7)
    made.savefig(file, dpi=100)


def grad_cam(
    network: Any,
    prepared: np.ndarray,
    images: np.ndarray,
    names: Sequence[str],
    file: Path,
) -> None:
    """Images, and below each where the network saw the class it named.

    Args:
        prepared: the images as the network takes them.
        images: the same as they are to be shown.
    """
    guesses = np.asarray(network(prepared)).argmax(1)
    heat = importance(network, prepared, guesses)
    made, panels = figure(2, len(images), 1.5)
    rows, columns = images.shape[1:3]
    for column, (above, below) in enumerate(panels.T):
        show(above, images[column])
        above.set_title(names[guesses[column]], fontsize=8)
        show(below, images[column])
        below.imshow(
            heat[column],
            cmap="jet",
            alpha=0.45,
            interpolation="bilinear",
            extent=(-0.5, columns - 0.5, rows - 0.5, -0.5),
        )
    made.savefig(file, dpi=100)


def importance(
    network: Any, prepared: np.ndarray, classes: np.ndarray, layer: Any = None
) -> np.ndarray:
    """Grad-CAM (R. R. Selvaraju et al., 2017): how much each place of a layer's feature
    maps speaks for a class, ``(n, rows, columns)`` in [0, 1].

    Each map is weighed by the mean gradient of the class's log-probability with respect
    to it; what is left above 0 of the sum speaks for the class.

    Args:
        classes: one for each image.
        layer: None: the last one that still sees places.
    """
    layer = layer or last_maps(network)
    output = network.outputs[0]
    maps = keras.Model(network.inputs, layer.output)(prepared)
    onwards = keras.Model(layer.output, output)
    wanted = keras.ops.one_hot(classes, output.shape[-1])
    with keras.GradientTape() as tape:
        tape.watch(maps)
        score = keras.ops.sum(keras.ops.log(onwards(maps) + 1e-7) * wanted)
    weights = np.asarray(tape.gradient(score, maps)).mean((1, 2), keepdims=True)
    heat = np.maximum((weights * np.asarray(maps)).sum(-1), 0)
    return heat / np.maximum(heat.max((1, 2), keepdims=True), 1e-12)


def last_maps(network: Any) -> Any:
    """The last layer whose feature maps have 4 x 4 places or more."""
    for layer in reversed(network.layers):
        shape = layer.output.shape
        if len(shape) == 4 and min(shape[1:3]) >= 4:
            return layer
    raise ValueError(f"{network.name}: no layer has feature maps of 4 x 4 or more")
