"""PyTorch on a GPU: eager, compiled, or steps captured in a CUDA graph."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from serve import Run, serve

from benchmarks.cases import Mlp
from benchmarks.gpu_cases import (
    COLUMNS,
    PRODUCTS,
    ROWS,
    STEPS,
    STREAMS,
    WIDE,
    Product,
)

MODE = sys.argv[1] if len(sys.argv) > 1 else "eager"
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


def many(work: Callable[[], object], seconds: float = 0.05) -> Run:
    """`work` as often as fits, without waiting between."""

    def timed(count: int) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(count):
            work()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    timed(3)
    count = max(1, int(seconds / max(timed(3) / 3, 1e-7)))

    def run() -> float:
        timed(count)
        return count

    return run


def product(case: Product) -> Run:
    torch.backends.cuda.matmul.allow_tf32 = case.mode == "tf32"
    dtype = torch.bfloat16 if case.mode == "bf16" else torch.float32
    a, b = (torch.from_numpy(x).to("cuda", dtype) for x in case.operands())
    if case.mode == "tf32":
        b = b.T
    out = torch.empty(case.n, case.n, dtype=dtype, device="cuda")

    def work() -> object:
        torch.backends.cuda.matmul.allow_tf32 = case.mode == "tf32"
        return torch.mm(a, b, out=out)

    return many(work)


def stream(name: str) -> Run:
    x = torch.randn(ROWS, COLUMNS, device="cuda")
    out = torch.empty_like(x)
    if name == "adam":
        x.requires_grad_()
        x.grad = torch.randn(ROWS, COLUMNS, device="cuda")
        return many(torch.optim.Adam([x], fused=True).step)
    y = torch.randn_like(x) if name == "elementwise" else None
    calls: dict[str, Callable[[], object]] = {
        "copy": lambda: out.copy_(x),
        "elementwise": lambda: torch.relu(x * y + x),
        "sum-rows": lambda: x.sum(1),
        "sum-columns": lambda: x.sum(0),
        "softmax": lambda: torch.softmax(x, 1),
        "dropout": lambda: torch.nn.functional.dropout(x, 0.5),
    }
    return many(calls[name])


def training(case: Mlp) -> tuple[torch.Tensor, torch.Tensor, Callable[..., object]]:
    torch.manual_seed(0)
    x, y = (torch.from_numpy(a).cuda() for a in case.data())
    layers: list[torch.nn.Module] = []
    for i, o in zip(case.sizes, case.sizes[1:], strict=False):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).cuda()
    graphed = MODE == "graphs"
    adam = torch.optim.Adam(model.parameters(), fused=True, capturable=graphed)
    loss_function = torch.nn.CrossEntropyLoss()
    narrow = case.name == WIDE.name

    def step(xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        adam.zero_grad(set_to_none=not graphed)
        with torch.autocast("cuda", torch.bfloat16, narrow, cache_enabled=not graphed):
            loss = loss_function(model(xb), yb)
        loss.backward()
        adam.step()
        return loss

    return x, y, step


def captured(case: Mlp, step: Callable[..., object]) -> Callable[..., object]:
    """The step as a CUDA graph over fixed inputs."""
    xb = torch.zeros(case.batch, case.sizes[0], device="cuda")
    yb = torch.zeros(case.batch, dtype=torch.int64, device="cuda")
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            step(xb, yb)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(xb, yb)

    def replay(x: torch.Tensor, y: torch.Tensor) -> None:
        xb.copy_(x)
        yb.copy_(y)
        graph.replay()

    return replay


def mlp(case: Mlp) -> Run:
    x, y, step = training(case)
    if MODE == "compiled":
        step = torch.compile(step)
    elif MODE == "graphs":
        step = captured(case, step)

    def run() -> float:
        for _ in range(case.epochs):
            order = torch.randperm(case.rows, device="cuda")
            for start in range(0, case.rows - case.batch + 1, case.batch):
                rows = order[start : start + case.batch]
                step(x[rows], y[rows])
        torch.cuda.synchronize()
        return case.steps

    return run


def setup(name: str) -> Run | None:
    if name in STEPS:
        return mlp(STEPS[name])
    if MODE != "eager":
        return None
    if name in PRODUCTS:
        return product(PRODUCTS[name])
    return stream(name) if name in STREAMS else None


serve(setup)
