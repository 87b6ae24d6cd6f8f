"""PyTorch, channels last: convolutions, pooling and batch norm; training steps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from serve import Run, repeated, serve
from torch_networks import BUILDS

from benchmarks.conv_cases import CONVS, IMAGES, NETS, PREDICTS, Conv

COMPILED = "--compile" in sys.argv
LAST = torch.channels_last
functional = torch.nn.functional


def channels_last(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=LAST)


def gradients(mask: list[bool], grad: torch.Tensor, *saved: Any) -> Callable[[], Any]:
    x, weight, layer = saved
    places = ([layer.stride] * 2, [layer.padding] * 2, [1, 1])
    return lambda: torch.ops.aten.convolution_backward(
        grad, x, weight, None, *places, False, [0, 0], 1, mask
    )


def conv(layer: Conv, part: str) -> Run:
    x, weight, grad = layer.operands()
    images = channels_last(x)
    filters = torch.from_numpy(weight).permute(3, 2, 0, 1)
    filters = filters.contiguous(memory_format=LAST)
    if part == "forward":
        work = lambda: functional.conv2d(  # noqa: E731
            images, filters, None, layer.stride, layer.padding
        )
    else:
        mask = [part == "input", part == "weight", False]
        work = gradients(mask, channels_last(grad), images, filters, layer)
    with torch.no_grad():
        run = repeated(work, 0.05)

    def timed() -> float:
        with torch.no_grad():
            return run()

    return timed


def images(op: str) -> Run:
    x, grad = (channels_last(a) for a in IMAGES[op].operands())
    if op.startswith("max-pool"):
        forward = lambda a: functional.max_pool2d(a, 2)  # noqa: E731
    else:
        channels = x.shape[1]
        state = torch.zeros(channels), torch.ones(channels)
        gamma, beta = (torch.ones(channels, requires_grad=True) for _ in range(2))
        forward = lambda a: functional.batch_norm(  # noqa: E731
            a, *state, gamma, beta, True, 0.01, 1e-3
        )
    if not op.endswith("grad"):
        return repeated(lambda: forward(x), 0.05)
    x.requires_grad_()
    out = forward(x)
    return repeated(lambda: torch.autograd.grad(out, x, grad, retain_graph=True), 0.05)


def network(name: str) -> Run:
    torch.manual_seed(0)
    net = NETS[name]
    x, y = net.data()
    batches = [
        (channels_last(x[i : i + net.batch]), torch.from_numpy(y[i : i + net.batch]))
        for i in range(0, len(x), net.batch)
    ]
    model = BUILDS[name](net).to(memory_format=LAST)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()

    def step(xb: torch.Tensor, yb: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_function(model(xb), yb).backward()
        optimizer.step()

    if COMPILED:
        model.compile()

    def run() -> float:
        for batch in batches:
            step(*batch)
        return net.steps

    return run


def predict(batch: int) -> Run:
    net = NETS["resnet50-8"]
    x, _ = net.data()
    images = channels_last(x[:batch])
    model = BUILDS[net.name](net).to(memory_format=LAST).eval()
    model.compile()

    def answer() -> torch.Tensor:
        with torch.inference_mode():
            return model(images)

    return repeated(answer, 0.5)


def setup(name: str) -> Run | None:
    if name in PREDICTS:
        return predict(PREDICTS[name]) if COMPILED else None
    if name in NETS:
        return network(name)
    if COMPILED:
        return None
    return conv(*CONVS[name]) if name in CONVS else images(name)


torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
serve(setup)
