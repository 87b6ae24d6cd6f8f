"""A linear classifier of 5 features and 3 classes as a plan written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES, CLASSES, RATE = 5, 3, 0.5
Array = np.ndarray[Any, Any]
Entry = dict[str, Any]


def port(name: str, dtype: str, shape: list[int], step: int = 0) -> Entry:
    return {"name": name, "dtype": dtype, "shape": shape, "step": step}


def predict_entry(batch: int) -> Entry:
    x, out = [batch, FEATURES], [batch, CLASSES]
    return {
        "name": f"predict:{batch}",
        "inputs": [
            port("steps", "int64", [1]),
            port("x", "float32", x, 4 * batch * FEATURES),
        ],
        "outputs": [port("out", "float32", out, 4 * batch * CLASSES)],
        "arena": 1024,
        "values": [
            ["int64", [1], "input", 0, 0],
            ["float32", x, "input", 1, 0],
            ["float32", [FEATURES, CLASSES], "state", 0, 0],
            ["float32", [CLASSES], "state", 1, 0],
            ["float32", out, "arena", 0, 0],
            ["float32", out, "output", 0, 0],
        ],
        "code": [
            ["loop", [0], [], {"body": 2}],
            ["gemm", [1, 2, 3], [4], {"bias": 1}, "dense"],
            ["softmax", [4], [5], {}],
        ],
    }


def train_entry(batch: int) -> Entry:
    """Gradient descent; a label out of range ends the loop before its update."""
    x, out, weight = [batch, FEATURES], [batch, CLASSES], [FEATURES, CLASSES]
    places = ["logits", "rows", "grad", "mean_grad", "grad_weight", "grad_bias"]
    shapes = [out, [batch], out, out, weight, [CLASSES]]
    arena = [
        ["float32", shape, "arena", 0, 256 * i]
        for i, (_, shape) in enumerate(zip(places, shapes, strict=True))
    ]
    return {
        "name": f"train_step:{batch}",
        "inputs": [
            port("steps", "int64", [1]),
            port("x", "float32", x, 4 * batch * FEATURES),
            port("y", "int64", [batch], 8 * batch),
        ],
        "outputs": [port("loss", "float32", [1]), port("fault", "int64", [1])],
        "arena": 2048,
        "values": [
            ["int64", [1], "input", 0, 0],
            ["float32", x, "input", 1, 0],
            ["int64", [batch], "input", 2, 0],
            ["float32", weight, "state", 0, 0],
            ["float32", [CLASSES], "state", 1, 0],
            ["float32", [], "state", 2, 0],
            ["float32", [1], "output", 0, 0],
            ["int64", [1], "output", 1, 0],
            *arena,
        ],
        "code": [
            ["loop", [0, 7], [], {"body": 7}],
            ["gemm", [1, 3, 4], [8], {"bias": 1}],
            ["sparse_softmax_cross_entropy", [8, 2], [9, 10, 7], {}],
            ["reduce_mean", [9], [6], {"axes": [0], "keepdims": 1}],
            ["chain", [10], [11], {"steps": f"mul 0 #{1 / batch!r}", "results": [1]}],
            ["gemm", [1, 11], [12, 13], {"transpose_a": 1, "column_sum": 1}],
            ["if", [7], [], {"skip": 1}],
            ["sgd_update", [5, 3, 12, 4, 13], [3, 4], {"n": 2, "momentum": 0}],
        ],
    }


def make_plan(entries: list[Entry]) -> Entry:
    return {
        "format": "pydl-plan",
        "version": 1,
        "producer": "test",
        "state": [
            {"name": "weight", "dtype": "float32", "shape": [FEATURES, CLASSES],
             "trainable": 1},
            {"name": "bias", "dtype": "float32", "shape": [CLASSES], "trainable": 1},
            {"name": "rate", "dtype": "float32", "shape": [], "trainable": 0},
        ],
        "entries": entries,
        "notes": {},
    }  # fmt: skip


def make_state(seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(FEATURES, CLASSES)).astype(np.float32),
        rng.normal(size=CLASSES).astype(np.float32),
        np.array(RATE, np.float32),
    ]


def probabilities(x: Array, weight: Array, bias: Array) -> Array:
    logits = x.astype(np.float64) @ weight + bias
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Array = e / e.sum(axis=1, keepdims=True)
    return result


def train(x: Array, y: Array, batches: list[int], state: list[Array]) -> list[Array]:
    """Weight and bias after a step on each of the batches, in float64."""
    weight, bias = (array.astype(np.float64) for array in state[:2])
    at = 0
    for batch in batches:
        rows = slice(at, at + batch)
        grad = probabilities(x[rows], weight, bias)
        grad[np.arange(batch), y[rows]] -= 1
        grad /= batch
        weight = weight - RATE * x[rows].T.astype(np.float64) @ grad
        bias = bias - RATE * grad.sum(axis=0)
        at += batch
    return [weight, bias]
