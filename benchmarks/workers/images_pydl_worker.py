"""pydl: convolutions, pooling and batch norm in native loops of a plan; `fit`."""

from __future__ import annotations

import os
from typing import Any

from pydl_worker import looped
from serve import Run, repeated, serve

import pydl
from benchmarks.conv_cases import CONVS, IMAGES, NETS, PREDICTS, Conv
from benchmarks.networks import build

#: Seconds a timed call of one op takes at least.
SECONDS = 0.05


def conv(layer: Conv, part: str) -> Run:
    x, weight, grad = layer.operands()
    attrs: dict[str, Any] = {
        "strides": [layer.stride] * 2,
        "dilations": [1, 1],
        "low": [layer.padding] * 2,
        "high": [layer.padding] * 2,
    }
    if part == "forward":
        return looped("conv", [x, weight], attrs, SECONDS)
    if part == "input":
        attrs["size"] = [layer.size] * 2
        return looped("conv_grad_x", [grad, weight], attrs, SECONDS)
    attrs["window"] = [layer.window] * 2
    return looped("conv_grad_w", [x, grad], attrs, SECONDS)


def images(op: str) -> Run:
    x, grad = IMAGES[op].operands()
    if op.startswith("max-pool"):
        attrs: dict[str, Any] = {"window": [2, 2], "strides": [2, 2]}
        attrs |= {"low": [0, 0], "high": [0, 0]}
        if op == "max-pool":
            return looped("max_pool", [x], attrs, SECONDS)
        index = (x[:, ::2, ::2] > 0).astype("uint8")
        attrs["size"] = list(x.shape[1:3])
        return looped("max_pool_grad", [grad, index], attrs, SECONDS)
    gamma = x[0, 0, 0] * 0 + 1
    attrs = {"epsilon": 1e-3, "scale": 1, "center": 1}
    if op == "batch-norm":
        return looped("batch_norm", [x, gamma, gamma], attrs, SECONDS)
    operands = [grad, x, gamma * 0, gamma, gamma]
    return looped("batch_norm_grad", operands, attrs, SECONDS)


def network(name: str) -> Run:
    net = NETS[name]
    x, y = net.data()
    model = build(pydl, name)

    def run() -> float:
        model.fit(x, y, batch_size=net.batch, verbose=0)
        return net.steps

    return run


def predict(batch: int) -> Run:
    x, _ = NETS["resnet50-8"].data()
    model = build(pydl, "resnet50-8")
    return repeated(lambda: model.predict_on_batch(x[:batch]), 0.5)


def setup(name: str) -> Run:
    if name in PREDICTS:
        return predict(PREDICTS[name])
    if name in CONVS:
        return conv(*CONVS[name])
    return images(name) if name in IMAGES else network(name)


if __name__ == "__main__":
    precision = os.environ.get("PYDL_BENCHMARK_PRECISION", "highest")
    pydl.config.set_float32_matmul_precision(precision)
    serve(setup)
