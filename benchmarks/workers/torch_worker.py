"""PyTorch: eager with the fused Adam, and the same step compiled; eager ops."""

from __future__ import annotations

import os
import sys

import numpy as np
import torch
from serve import Run, repeated, serve

from benchmarks.cases import GEMMS, LOOKUPS, NETWORKS, Lookup, Mlp
from benchmarks.rearranging import REARRANGING, Calls, call_of
from benchmarks.stream_cases import STREAMS

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


def lookup(case: Lookup) -> Run:
    """Sparse gradients, and the optimizer made for them."""
    torch.manual_seed(0)
    x, y = (torch.from_numpy(a) for a in case.data())
    table = torch.nn.Embedding(case.table, case.width, sparse=True)
    unit = torch.nn.Linear(case.width, 1)
    loss_function = torch.nn.MSELoss()
    if case.optimizer == "adam":
        optimizers = [
            torch.optim.SparseAdam(table.parameters()),
            torch.optim.Adam(unit.parameters(), fused=True),
        ]
    else:
        kind = {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad}[case.optimizer]
        optimizers = [kind([*table.parameters(), *unit.parameters()], lr=0.01)]

    def run() -> float:
        for start in range(0, len(x), case.batch):
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            found = unit(table(x[start : start + case.batch, 0]))
            loss_function(found, y[start : start + case.batch]).backward()
            for optimizer in optimizers:
                optimizer.step()
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


def one_hot(classes: int, x: torch.Tensor) -> torch.Tensor:
    """As float32, without the int64 rows of `torch.nn.functional.one_hot`."""
    return torch.zeros(len(x), classes).scatter_(1, x[:, None], 1.0)


def take(_: None, x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    if x.ndim == 2:
        return torch.nn.functional.embedding(indices, x)
    return torch.index_select(x, 0, indices)


CALLS: Calls = {
    "top_k": lambda k, x: torch.topk(x, k),
    "sort": lambda _, x: torch.sort(x)[0],
    "argsort": lambda _, x: torch.argsort(x, stable=True),
    "cumsum": lambda axis, x: torch.cumsum(x, axis),
    "take": take,
    "take_along_axis": lambda axis, x, indices: torch.gather(x, axis, indices),
    "one_hot": one_hot,
    "transpose": lambda perm, x: x.permute(perm).contiguous(),
}


def rearranging(name: str) -> Run:
    case = REARRANGING[name]
    operands = [torch.from_numpy(x) for x in case.operands()]
    return repeated(call_of(case, CALLS, operands))


def eager_add() -> Run:
    a, b = torch.ones(8), torch.ones(8)
    return repeated(lambda: torch.add(a, b))


def chain8(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp_max(torch.square(torch.relu(x * 1.5 + 0.5) * 0.25 - 1) + 1, 4)


def layer_norm(x: torch.Tensor, *learned: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.layer_norm(x, x.shape[-1:], *learned, eps=1e-3)


def stream(name: str) -> Run | None:
    case = STREAMS[name]
    functional = torch.nn.functional
    works = {
        "chain8": chain8,
        "mse": functional.mse_loss,
        "sum": torch.sum,
        "row_sum": lambda x: x.sum(-1),
        "column_sum": lambda x: x.sum(0),
        "softmax": lambda x: functional.softmax(x, -1),
        "layer_norm": layer_norm,
    }
    tensors = [torch.from_numpy(array) for array in case.operands()]
    if case.op in works:
        return repeated(lambda: works[case.op](*tensors))
    grad, *sources = tensors
    for source in sources:
        source.requires_grad_()
    out = layer_norm(*sources)
    return repeated(lambda: torch.autograd.grad(out, sources, grad, retain_graph=True))


def setup(name: str) -> Run | None:
    if name in NETWORKS:
        return mlp(NETWORKS[name])
    if COMPILED:
        return None
    if name in LOOKUPS:
        return lookup(LOOKUPS[name])
    if name in GEMMS:
        return gemm(name)
    if name in REARRANGING:
        return rearranging(name)
    singles = {"adam-10m": adam, "eager-add-8": eager_add}
    if name in STREAMS:
        return stream(name)
    return singles[name]() if name in singles else None


torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
serve(setup)
