"""The convolutional networks' figures table.

Convolutions are timed alone, in a native loop; networks through `fit`. Each is measured
twice: as `precision` is by default (Winograd allowed) and exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.compare import Timing, compare
from benchmarks.conv_cases import CONVS, IMAGES, NETS, PASSES, PREDICTS, Conv
from benchmarks.figures import lenet, resnet
from benchmarks.figures.session import Session
from benchmarks.peers import Peer
from benchmarks.report import Row

PARTS = ("layers", "images", "networks", "predict", "process", "accuracy")

PYDL = Peer("pydl", "images_pydl_worker.py", "pydl")
EXACT = replace(
    PYDL, name="pydl exact", environment={"PYDL_BENCHMARK_PRECISION": "exact"}
)
TORCH = Peer("PyTorch channels_last", "images_torch_worker.py", "torch")
COMPILED = Peer(
    "PyTorch compiled, channels_last", "images_torch_worker.py", "torch", ("--compile",)
)
ONNX = Peer("ONNX Runtime", "images_onnx_worker.py", "onnxruntime")
KERAS = Peer(
    "Keras-TensorFlow", "images_keras_worker.py", "tensorflow", (),
    {"KERAS_BACKEND": "tensorflow"},
)  # fmt: skip

#: network -> times the best of the others
NETWORK_BARS = {
    "lenet-128": 4.0,
    "vgg-cifar-64": 1.8,
    "resnet20-64": 1.8,
    "inception-64": 1.5,
    "alexnet-16": 1.5,
    "resnet50-8": 1.5,
    "vgg16-4": 1.6,
}
WINOGRAD_BARS = {"forward": 1.8, "input": 1.8, "weight": 1.2}
OURS = (PYDL.name, EXACT.name)


def speed(timing: Timing, ours: str = PYDL.name) -> tuple[float, str]:
    """How many times longer the best of the others takes, and which that is."""
    others = [name for name in timing.rounds if name not in OURS]
    if not others or ours not in timing.rounds:
        return math.nan, "no peer"
    best = min(others, key=timing.median)
    return timing.median(best) / timing.median(ours), best


def mean(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def is_winograd(layer: Conv) -> bool:
    """3x3, stride 1, 64 to 512 channels."""
    narrow, wide = sorted((layer.channels, layer.filters))
    return (layer.window, layer.stride) == (3, 1) and 64 <= narrow and wide <= 512


def layer_rows(timings: Mapping[str, Timing], limits: dict[str, float]) -> list[Row]:
    found = []
    for ours, mark in ((PYDL.name, ""), (EXACT.name, ", exact")):
        ratios = {case: speed(timings[case], ours)[0] for case in timings}
        slowest = min(ratios, key=ratios.__getitem__)
        whole, peer = mean([*ratios.values()]), speed(timings[slowest], ours)[1]
        where = f"{peer}, {slowest}"
        what = f"conv three passes, geometric mean{mark}"
        found.append(Row(what, 1.6, whole, "x"))
        what = f"conv, slowest layer and pass{mark}"
        found.append(Row(what, 0.95, ratios[slowest], "x", where))
        for part in PASSES:
            chosen = [
                ratios[case]
                for case, (layer, kind) in CONVS.items()
                if kind == part and is_winograd(layer)
            ]
            name = f"conv 3x3 stride 1, 64-512 channels, {part}{mark}"
            found.append(Row(name, WINOGRAD_BARS[part], mean(chosen), "x"))
    return [*found, share_of_limit(timings, limits)]


def share_of_limit(timings: Mapping[str, Timing], limits: dict[str, float]) -> Row:
    """1x1 and 5x5 with channels in multiples of 16: the worst of all passes."""
    shares = {}
    for case, (layer, _) in CONVS.items():
        whole = layer.channels % 16 == 0 and layer.filters % 16 == 0
        if whole and layer.window in (1, 5) and layer.stride == 1:
            compute = layer.flops / (limits["gflops"] * 1e9)
            large = layer.bytes > 64e6  # else it lies in the caches
            memory = layer.bytes / (limits["copy_gbs"] * 1e9) if large else 0.0
            seconds = timings[case].median(PYDL.name)
            shares[case] = max(compute, memory) / seconds
    worst = min(shares, key=shares.__getitem__)
    what = "1x1 and 5x5, channels multiples of 16, worst share of limit"
    return Row(
        what, 0.85, shares[worst], "", f"{worst}; mean {mean([*shares.values()]):.2f}"
    )


def image_rows(timings: Mapping[str, Timing], limits: dict[str, float]) -> list[Row]:
    found = []
    for name, case in IMAGES.items():
        seconds = timings[name].median(PYDL.name)
        share = case.bytes / (limits["copy_gbs"] * 1e9) / seconds
        ratio, peer = speed(timings[name])
        what = f"{name} {case.shape}"
        found.append(Row(f"{what}, share of copy bandwidth", 0.7, share, ""))
        found.append(Row(what, 3.0, ratio, "x", peer))
    return found


def network_rows(timings: Mapping[str, Timing]) -> list[Row]:
    found = []
    for name, bar in NETWORK_BARS.items():
        for ours, mark in ((PYDL.name, ""), (EXACT.name, ", exact")):
            ratio, peer = speed(timings[name], ours)
            found.append(Row(f"step {name}{mark}", bar, ratio, "x", peer))
    return found


def predict_rows(timings: Mapping[str, Timing]) -> list[Row]:
    found = []
    for name in PREDICTS:
        ratio, peer = speed(timings[name])
        found.append(Row(name, 1.2, ratio, "x", peer))
    return found


def run(parts: list[str], rounds: int, seeds: int, counts: list[int]) -> None:
    """Measure, print, store. `parts`: some of `PARTS`; `counts`: of threads."""
    session = Session("convolution")
    for threads in counts:
        limits = session.limits(threads)
        if "layers" in parts:
            timings = compare(
                list(CONVS), [EXACT, TORCH, KERAS], threads, rounds, ours=PYDL
            )
            session.add(layer_rows(timings, limits), threads)
            session.keep(timings)
        if "images" in parts:
            timings = compare(list(IMAGES), [TORCH], threads, rounds, ours=PYDL)
            session.add(image_rows(timings, limits), threads)
            session.keep(timings)
        if "networks" in parts:
            peers = [EXACT, TORCH, COMPILED, KERAS]
            timings = compare(list(NETS), peers, threads, rounds, ours=PYDL)
            session.add(network_rows(timings), threads)
            session.keep(timings)
        if "predict" in parts:
            timings = compare(
                list(PREDICTS), [COMPILED, ONNX], threads, rounds, ours=PYDL
            )
            session.add(predict_rows(timings), threads)
            session.keep(timings)
    if "process" in parts:
        session.add(resnet.rows(rounds))
    if "accuracy" in parts:
        session.add(lenet.rows(seeds))
    session.finish()
