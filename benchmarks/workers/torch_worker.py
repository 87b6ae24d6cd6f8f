"""PyTorch: eager with the fused Adam, and the same step compiled."""

from __future__ import annotations

import os
import sys

import numpy as np
import torch
from serve import Run, repeated, serve

from benchmarks.cases import GEMMS, NETWORKS, Mlp

COMPILED = "--compile" in sys.argv


def network(case: Mlp) -> torch.nn.Module:
    layers: list[torch.nn.Module] = []
    for i, o in zip(case.sizes, case.sizes[1:], strict=False):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
        if case.dropout:
            layers.append(torch.nn.Dropout(case.dropout))
    hidden = layers[: -2 if case.dropout else -1]
    return torch.nn.Sequential(*hidden)  # the last one gives logits


def mlp(case: Mlp) -> Run:
    torch.manual_seed(0)
    x, y = (torch.from_numpy(a) for a in case.data())
    model = network(case)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    decodes = torch.nn.BCEWithLogitsLoss()
    loss_function = decodes if case.decodes else torch.nn.CrossEntropyLoss()

    def step(xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(xb), yb)
        loss.backward()
        optimizer.step()
        return loss

    if COMPILED:
        step = torch.compile(step)

    def run() -> float:
        for _ in range(case.epochs):
            order = torch.randperm(case.rows)
            for start in range(0, case.rows, case.batch):
                rows = order[start : start + case.batch]
                step(x[rows], y[rows])
        return case.steps

    return run


def gemm(name: str) -> Run:
    case = GEMMS[name]
    a, b = (torch.from_numpy(np.asarray(array)) for array in case.operands())
    a = a.T if case.transpose_a else a
    b = b.T if case.transpose_b else b
    out = torch.empty(case.m, case.n)
    return repeated(lambda: torch.mm(a, b, out=out))


def adam() -> Run:
    weight = torch.randn(10_000_000, requires_grad=True)
    weight.grad = torch.randn(10_000_000)
    optimizer = torch.optim.Adam([weight], fused=True)
    return repeated(optimizer.step)


def setup(name: str) -> Run | None:
    if name in NETWORKS:
        return mlp(NETWORKS[name])
    if COMPILED:
        return None
    if name in GEMMS:
        return gemm(name)
    return adam() if name == "adam-10m" else None


torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
serve(setup)
