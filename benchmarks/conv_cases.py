"""Convolutions of the networks of the primers, pooling and batch norm, as data.

Needs NumPy only: every worker reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PASSES = ("forward", "input", "weight")


@dataclass(frozen=True)
class Conv:
    """One layer: channels-last images, square windows, float32."""

    network: str
    batch: int
    size: int
    channels: int
    filters: int
    window: int
    stride: int = 1
    padding: int = 0

    @property
    def layer(self) -> str:
        """ "vgg16 3x3 64-128 @112", with the stride where it is not 1."""
        stride = f" s{self.stride}" if self.stride > 1 else ""
        window = f"{self.window}x{self.window}"
        channels = f"{self.channels}-{self.filters}"
        return f"{self.network} {window}{stride} {channels} @{self.size}"

    @property
    def places(self) -> int:
        """Rows of the result, and its columns."""
        return (self.size + 2 * self.padding - self.window) // self.stride + 1

    @property
    def flops(self) -> float:
        """Of one pass; padded taps count."""
        taps = self.window**2 * self.channels
        return 2.0 * self.batch * self.places**2 * taps * self.filters

    @property
    def bytes(self) -> float:
        """Read and written once."""
        x = self.batch * self.size**2 * self.channels
        out = self.batch * self.places**2 * self.filters
        return 4.0 * (x + out + self.window**2 * self.channels * self.filters)

    def operands(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Images, filters [window, window, in, out], a gradient of the result."""
        rng = np.random.default_rng(0)
        shapes = (
            (self.batch, self.size, self.size, self.channels),
            (self.window, self.window, self.channels, self.filters),
            (self.batch, self.places, self.places, self.filters),
        )
        x, weight, grad = (rng.standard_normal(s).astype(np.float32) for s in shapes)
        return x, weight, grad


def _lenet() -> list[Conv]:
    return [
        Conv("lenet", 32, 28, 1, 6, 5, padding=2),
        Conv("lenet", 32, 14, 6, 16, 5),
    ]


def _alexnet() -> list[Conv]:
    return [
        Conv("alexnet", 16, 227, 3, 96, 11, stride=4),
        Conv("alexnet", 16, 27, 96, 256, 5, padding=2),
        Conv("alexnet", 16, 13, 256, 384, 3, padding=1),
        Conv("alexnet", 16, 13, 384, 384, 3, padding=1),
        Conv("alexnet", 16, 13, 384, 256, 3, padding=1),
    ]


def _vgg16() -> list[Conv]:
    blocks = [(224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128)]
    blocks += [(56, 128, 256), (56, 256, 256), (28, 256, 512), (28, 512, 512)]
    blocks += [(14, 512, 512)]
    return [Conv("vgg16", 16, size, i, o, 3, padding=1) for size, i, o in blocks]


def _resnet50() -> list[Conv]:
    layers = [Conv("resnet50", 16, 224, 3, 64, 7, stride=2, padding=3)]
    size, wide = 56, 64
    for stage, narrow in enumerate((64, 128, 256, 512)):
        out, stride = 4 * narrow, 1 if stage == 0 else 2
        layers += [
            Conv("resnet50", 16, size, wide, narrow, 1, stride=stride),
            Conv("resnet50", 16, size, wide, out, 1, stride=stride),
        ]
        size, wide = size // stride, out
        layers += [
            Conv("resnet50", 16, size, narrow, narrow, 3, padding=1),
            Conv("resnet50", 16, size, narrow, out, 1),
            Conv("resnet50", 16, size, out, narrow, 1),
        ]
    return layers


def _googlenet() -> list[Conv]:
    layers = [
        Conv("googlenet", 16, 224, 3, 64, 7, stride=2, padding=3),
        Conv("googlenet", 16, 56, 64, 64, 1),
        Conv("googlenet", 16, 56, 64, 192, 3, padding=1),
    ]
    # size, channels in, 1x1, 3x3 reduced and out, 5x5 reduced and out, behind the pool
    for size, wide, one, (r3, o3), (r5, o5), pool in (
        (28, 192, 64, (96, 128), (16, 32), 32),
        (14, 480, 192, (96, 208), (16, 48), 64),
        (14, 528, 256, (160, 320), (32, 128), 128),
        (7, 832, 384, (192, 384), (48, 128), 128),
    ):
        layers += [
            Conv("googlenet", 16, size, wide, one, 1),
            Conv("googlenet", 16, size, wide, r3, 1),
            Conv("googlenet", 16, size, r3, o3, 3, padding=1),
            Conv("googlenet", 16, size, wide, r5, 1),
            Conv("googlenet", 16, size, r5, o5, 5, padding=2),
            Conv("googlenet", 16, size, wide, pool, 1),
        ]
    return layers


LAYERS: dict[str, Conv] = {
    layer.layer: layer
    for network in (_lenet, _alexnet, _vgg16, _resnet50, _googlenet)
    for layer in network()
}
CONVS: dict[str, tuple[Conv, str]] = {
    f"{name}, {part}": (layer, part)
    for name, layer in LAYERS.items()
    for part in PASSES
}


@dataclass(frozen=True)
class Images:
    """Pooling or batch norm over images; 128 MiB are 4 x the L3 cache."""

    op: str  # "max_pool" or "batch_norm", or "..._grad"
    shape: tuple[int, int, int, int] = (32, 64, 64, 256)

    @property
    def name(self) -> str:
        return self.op.replace("_", "-")

    @property
    def bytes(self) -> float:
        """The least: reads and writes, indices of a byte."""
        size = 4.0 * float(np.prod(self.shape))
        return {
            "max_pool": 1.25 * size + size / 16,
            "max_pool_grad": 1.25 * size + size / 16,
            "batch_norm": 2 * size,  # x, the result: statistics may come with x
            "batch_norm_grad": 5 * size,  # both operands twice, the result
        }[self.op]

    def operands(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and a gradient of the result."""
        rng = np.random.default_rng(0)
        n, h, w, c = self.shape
        small = (n, h // 2, w // 2, c) if "pool" in self.op else self.shape
        x = rng.standard_normal(self.shape, np.float32)
        return x, rng.standard_normal(small, np.float32)


IMAGES = {
    case.name: case
    for case in map(
        Images, ("max_pool", "max_pool_grad", "batch_norm", "batch_norm_grad")
    )
}


@dataclass(frozen=True)
class Net:
    """A training step with SGD on random images; `benchmarks.networks` builds it."""

    name: str
    batch: int
    size: int
    channels: int
    classes: int
    steps: int  # in one timed call

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        rows = self.batch * self.steps
        x = rng.standard_normal((rows, self.size, self.size, self.channels))
        return x.astype(np.float32), rng.integers(0, self.classes, rows)


#: ResNet-50 answering so many images at a time.
PREDICTS = {"resnet50-predict-1": 1, "resnet50-predict-16": 16}


NETS = {
    case.name: case
    for case in (
        Net("lenet-128", 128, 28, 1, 10, 40),
        Net("vgg-cifar-64", 64, 32, 3, 10, 4),
        Net("resnet20-64", 64, 32, 3, 10, 8),
        Net("inception-64", 64, 32, 192, 10, 2),
        Net("alexnet-16", 16, 227, 3, 1000, 2),
        Net("resnet50-8", 8, 224, 3, 1000, 2),
        Net("vgg16-4", 4, 224, 3, 1000, 1),
    )
}
