"""The networks of `benchmarks.networks` for PyTorch, channels first in the code and
channels last in memory."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.conv_cases import Net


class _Sum(nn.Module):
    """A residual block."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.shortcut(x) + self.body(x))


class _Branches(nn.Module):
    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def _conv(i: int, o: int, window: int, **kwargs: int) -> nn.Sequential:
    kwargs = {"padding": window // 2, **kwargs}
    return nn.Sequential(nn.Conv2d(i, o, window, **kwargs), nn.ReLU(inplace=True))


def _normed(i: int, o: int, window: int, stride: int = 1) -> nn.Sequential:
    plain = nn.Conv2d(i, o, window, stride, window // 2, bias=False)
    return nn.Sequential(plain, nn.BatchNorm2d(o))


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)


def lenet(net: Net) -> nn.Module:
    return nn.Sequential(
        _conv(1, 6, 5),
        nn.MaxPool2d(2),
        _conv(6, 16, 5, padding=0),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        _relu(),
        nn.Linear(120, 84),
        _relu(),
        nn.Linear(84, net.classes),
    )


def vgg_cifar(net: Net) -> nn.Module:
    layers: list[nn.Module] = []
    wide = 3
    for filters in (64, 128, 256):
        for _ in range(2):
            layers += [_normed(wide, filters, 3), _relu()]
            wide = filters
        layers.append(nn.MaxPool2d(2))
    head = [nn.Flatten(), nn.Linear(4096, 256), _relu(), nn.Linear(256, net.classes)]
    return nn.Sequential(*layers, *head)


def _head(wide: int, classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, classes)]


def resnet20(net: Net) -> nn.Module:
    layers: list[nn.Module] = [_normed(3, 16, 3), _relu()]
    wide = 16
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            body = nn.Sequential(
                _normed(wide, filters, 3, stride), _relu(), _normed(filters, filters, 3)
            )
            short = _normed(wide, filters, 1, stride) if stride > 1 else nn.Identity()
            layers.append(_Sum(body, short))
            wide = filters
    return nn.Sequential(*layers, *_head(64, net.classes))


def inception(net: Net) -> nn.Module:
    layers: list[nn.Module] = []
    wide = 192
    for one, (r3, o3), (r5, o5), pool in (
        (64, (96, 128), (16, 32), 32),
        (128, (128, 192), (32, 96), 64),
    ):
        layers.append(
            _Branches(
                _conv(wide, one, 1),
                nn.Sequential(_conv(wide, r3, 1), _conv(r3, o3, 3)),
                nn.Sequential(_conv(wide, r5, 1), _conv(r5, o5, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(wide, pool, 1)),
            )
        )
        wide = one + o3 + o5 + pool
    return nn.Sequential(*layers, *_head(wide, net.classes))


def _classifier(inputs: int, classes: int) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Flatten()]
    layers += [nn.Linear(inputs, 4096), _relu(), nn.Linear(4096, 4096), _relu()]
    return [*layers, nn.Linear(4096, classes)]


def alexnet(net: Net) -> nn.Module:
    return nn.Sequential(
        _conv(3, 96, 11, stride=4, padding=0),
        nn.MaxPool2d(3, 2),
        _conv(96, 256, 5),
        nn.MaxPool2d(3, 2),
        _conv(256, 384, 3),
        _conv(384, 384, 3),
        _conv(384, 256, 3),
        nn.MaxPool2d(3, 2),
        *_classifier(256 * 36, net.classes),
    )


def resnet50(net: Net) -> nn.Module:
    layers: list[nn.Module] = [_normed(3, 64, 7, 2), _relu(), nn.MaxPool2d(3, 2, 1)]
    wide = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        narrow = 64 << stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            body = nn.Sequential(
                _normed(wide, narrow, 1, stride),
                _relu(),
                _normed(narrow, narrow, 3),
                _relu(),
                _normed(narrow, 4 * narrow, 1),
            )
            first = block == 0
            short = _normed(wide, 4 * narrow, 1, stride) if first else nn.Identity()
            layers.append(_Sum(body, short))
            wide = 4 * narrow
    return nn.Sequential(*layers, *_head(wide, net.classes))


def vgg16(net: Net) -> nn.Module:
    layers: list[nn.Module] = []
    wide = 3
    for filters, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers.append(_conv(wide, filters, 3))
            wide = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, *_classifier(512 * 49, net.classes))


BUILDS = {
    "lenet-128": lenet,
    "vgg-cifar-64": vgg_cifar,
    "resnet20-64": resnet20,
    "inception-64": inception,
    "alexnet-16": alexnet,
    "resnet50-8": resnet50,
    "vgg16-4": vgg16,
}
