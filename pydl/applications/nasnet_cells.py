"""The two cells of NASNet.

A cell takes two inputs: `x`, what the cell before it made, and `before`, what the one
before that made. It returns its result and `x`.
"""

from __future__ import annotations

from typing import Any

from pydl import layers
from pydl.applications.blocks import channel_axis, channels, halving_margins, size

Results = tuple[Any, Any]


def normal_cell(x: Any, before: Any, filters: int, name: str) -> Results:
    """A cell that keeps rows and columns."""
    old = _fitted(before, x, filters, name)
    h = _narrowed(x, filters, "normal", name)

    def mean(source: Any, side: str) -> Any:
        return layers.AveragePooling2D(
            3, strides=1, padding="same", name=f"normal_{side}_{name}"
        )(source)

    def separable(source: Any, window: int, side: str) -> Any:
        return _separable(source, filters, window, 1, f"normal_{side}_{name}")

    def added(first: Any, second: Any, i: int) -> Any:
        return layers.add([first, second], name=f"normal_add_{i}_{name}")

    parts = [
        added(separable(h, 5, "left1"), separable(old, 3, "right1"), 1),
        added(separable(old, 5, "left2"), separable(old, 3, "right2"), 2),
        added(mean(h, "left3"), old, 3),
        added(mean(old, "left4"), mean(old, "right4"), 4),
        added(separable(h, 3, "left5"), h, 5),
    ]
    joined = layers.Concatenate(axis=channel_axis(), name=f"normal_concat_{name}")
    return joined([old, *parts]), x


def reduction_cell(x: Any, before: Any, filters: int, name: str) -> Results:
    """A cell that halves rows and columns. `before` is None in the first."""
    old = _fitted(before, x, filters, name)
    h = _narrowed(x, filters, "reduction", name)
    padded = layers.ZeroPadding2D(
        halving_margins(h, 3), name=f"reduction_pad_1_{name}"
    )(h)

    def separable(source: Any, window: int, side: str, stride: int = 2) -> Any:
        return _separable(source, filters, window, stride, f"reduction_{side}_{name}")

    def largest(side: str) -> Any:
        return layers.MaxPooling2D(3, strides=2, name=f"reduction_{side}_{name}")(
            padded
        )

    def mean(source: Any, stride: int, side: str) -> Any:
        padding = "valid" if stride == 2 else "same"
        return layers.AveragePooling2D(
            3, strides=stride, padding=padding, name=f"reduction_{side}_{name}"
        )(source)

    def added(first: Any, second: Any, which: str | None) -> Any:
        label = which and f"reduction_{which}_{name}"
        return layers.add([first, second], name=label)

    one = added(separable(h, 5, "left1"), separable(old, 7, "right1"), "add_1")
    two = added(largest("left2"), separable(old, 7, "right2"), "add_2")
    three = added(mean(padded, 2, "left3"), separable(old, 5, "right3"), "add3")
    four = added(two, mean(one, 1, "left4"), None)
    five = added(separable(one, 3, "left4", stride=1), largest("right5"), "add4")
    joined = layers.Concatenate(axis=channel_axis(), name=f"reduction_concat_{name}")
    return joined([two, three, four, five]), x


def normalized(x: Any, name: str) -> Any:
    """Batch normalization with NASNet's numbers."""
    return layers.BatchNormalization(
        axis=channel_axis(), momentum=0.9997, epsilon=1e-3, name=name
    )(x)


def _conv(x: Any, filters: int, name: str) -> Any:
    return layers.Conv2D(
        filters, 1, padding="same", use_bias=False, name=name,
        kernel_initializer="he_normal",
    )(x)  # fmt: skip


def _narrowed(x: Any, filters: int, kind: str, name: str) -> Any:
    x = _conv(layers.Activation("relu")(x), filters, f"{kind}_conv_1_{name}")
    return normalized(x, f"{kind}_bn_1_{name}")


def _separable(x: Any, filters: int, window: int, stride: int, name: str) -> Any:
    """Two separable convolutions, the first with the stride."""
    for i in (1, 2):
        x = layers.Activation("relu")(x)
        valid = stride > 1 and i == 1
        if valid:
            margins = halving_margins(x, window)
            x = layers.ZeroPadding2D(margins, name=f"separable_conv_1_pad_{name}")(x)
        x = layers.SeparableConv2D(
            filters,
            window,
            strides=stride if i == 1 else 1,
            padding="valid" if valid else "same",
            use_bias=False,
            name=f"separable_conv_{i}_{name}",
        )(x)
        x = normalized(x, f"separable_conv_{i}_bn_{name}")
    return x


def _fitted(before: Any, x: Any, filters: int, name: str) -> Any:
    """`before` with `filters` channels and the rows and columns of `x`."""
    if before is None:
        return x
    if size(before) != size(x):
        return _halved(before, filters, name)
    if channels(before) == filters:
        return before
    before = layers.Activation("relu")(before)
    before = _conv(before, filters, f"adjust_conv_projection_{name}")
    return normalized(before, f"adjust_bn_{name}")


def _halved(x: Any, filters: int, name: str) -> Any:
    """Half the pixels by two paths, the second moved by one pixel, side by side."""
    x = layers.Activation("relu", name=f"adjust_relu_1_{name}")(x)
    moved = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    moved = layers.Cropping2D(((1, 0), (1, 0)))(moved)
    halves = []
    for i, path in enumerate((x, moved), 1):
        pixels = layers.AveragePooling2D(
            1, strides=2, name=f"adjust_avg_pool_{i}_{name}"
        )(path)
        halves.append(_conv(pixels, filters // 2, f"adjust_conv_{i}_{name}"))
    joined = layers.Concatenate(axis=channel_axis())(halves)
    return normalized(joined, f"adjust_bn_{name}")
