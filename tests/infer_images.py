"""Calls of convolution, pooling and batch normalization for `plan/test_infer.py`."""

from __future__ import annotations

from typing import Any

Spec = tuple[str, tuple[int, ...]]


def f32(*shape: int) -> Spec:
    return ("float32", shape)


PLAIN: dict[str, Any] = {
    "strides": [1, 1],
    "dilations": [1, 1],
    "low": [0, 0],
    "high": [0, 0],
}
POOL: dict[str, Any] = {
    "window": [2, 2],
    "strides": [2, 2],
    "low": [0, 0],
    "high": [1, 1],
}
NORM = {"epsilon": 1e-3, "scale": 1, "center": 1}

GOOD: list[tuple[str, list[Spec], dict[str, Any], list[Spec]]] = [
    ("conv", [f32(2, 5, 6, 3), f32(3, 3, 3, 4)], PLAIN, [f32(2, 3, 4, 4)]),
    ("conv", [f32(-1, -1, 6, 3), f32(3, 3, 3, 4)], PLAIN, [f32(-1, -1, 4, 4)]),
    (
        "conv",
        [f32(1, 4, 4, 6), f32(1, 1, 2, 9)],
        PLAIN | {"groups": 3},
        [f32(1, 4, 4, 9)],
    ),
    (
        "conv",
        [f32(1, 4, 4, 2), f32(2, 2, 2, 3), f32(3), f32(1, 3, 3, 3)],
        PLAIN | {"bias": 1, "residual": 1, "activation": "relu"},
        [f32(1, 3, 3, 3)],
    ),
    (
        "conv_grad_x",
        [f32(1, 2, 2, 4), f32(3, 3, 2, 4)],
        PLAIN | {"strides": [2, 2], "size": [6, 5]},
        [f32(1, 6, 5, 2)],
    ),
    (
        "conv_grad_w",
        [f32(1, 5, 5, 2), f32(1, 3, 3, 4)],
        PLAIN | {"window": [3, 3], "column_sum": 1},
        [f32(3, 3, 2, 4), f32(4)],
    ),
    ("max_pool", [f32(1, 5, 4, 3)], POOL, [f32(1, 3, 2, 3), ("uint8", (1, 3, 2, 3))]),
    (
        "max_pool",
        [f32(1, 400, 1)],
        {"window": [257], "strides": [1], "low": [0], "high": [0]},
        [f32(1, 144, 1), ("int32", (1, 144, 1))],
    ),
    ("avg_pool", [f32(1, 5, 4, 3)], POOL | {"count_padding": 1}, [f32(1, 3, 2, 3)]),
    (
        "max_pool_grad",
        [f32(1, 3, 2, 3), ("uint8", (1, 3, 2, 3))],
        POOL | {"size": [5, 4]},
        [f32(1, 5, 4, 3)],
    ),
    ("avg_pool_grad", [f32(1, 3, 2, 3)], POOL | {"size": [5, 4]}, [f32(1, 5, 4, 3)]),
    ("batch_norm", [f32(7, 3), f32(3), f32(3)], NORM, [f32(7, 3), f32(3), f32(3)]),
    (
        "batch_norm_grad",
        [f32(7, 3), f32(7, 3), f32(3), f32(3), f32(3), f32(7, 3)],
        NORM | {"grad": "relu", "residual": 1},
        [f32(7, 3), f32(3), f32(3), f32(7, 3)],
    ),
]

X, WEIGHT = f32(1, 5, 5, 4), f32(3, 3, 4, 2)
HUGE = 2**40

BAD: list[tuple[str, list[Spec], dict[str, Any], str]] = [
    ("conv", [X], PLAIN, "expected 2 operands"),
    ("conv", [f32(5, 4), f32(4, 2)], PLAIN, "x must have a batch axis"),
    ("conv", [X, f32(3, 4, 2)], PLAIN, "weight must have 4 axes"),
    ("conv", [X, f32(3, 3, 3, 2)], PLAIN, "x has 4 channels and the kernel takes 3"),
    ("conv", [X, WEIGHT], PLAIN | {"groups": 3}, "groups must divide the channels"),
    ("conv", [X, WEIGHT], PLAIN | {"groups": 0}, "'groups' must be at least 1"),
    ("conv", [X, WEIGHT], PLAIN | {"strides": [0, 1]}, "'strides' must have entries"),
    ("conv", [X, WEIGHT], PLAIN | {"strides": [1]}, "an entry for each of the 2"),
    (
        "conv",
        [X, WEIGHT],
        PLAIN | {"low": [HUGE, 0]},
        "'low' must have entries between",
    ),
    ("conv", [X, f32(9, 1, 4, 2)], PLAIN, "the result has no place"),
    ("conv", [X, f32(0, 1, 4, 2)], PLAIN, "must have sizes of at least 1"),
    ("conv", [X, WEIGHT], PLAIN | {"dilations": [2**30, 1]}, "the result has no place"),
    ("conv", [X, WEIGHT], PLAIN | {"activation": "elu"}, "'relu', 'sigmoid' or 'tanh'"),
    ("conv", [X, WEIGHT], PLAIN | {"bias": 1}, "operands (x, weight, bias)"),
    ("conv_grad_x", [f32(1, 3, 3, 2), WEIGHT], PLAIN | {"size": [6, 5]}, "grad_out"),
    ("conv_grad_w", [X, f32(1, 3, 3, 2)], PLAIN | {"window": [2, 3]}, "grad_out"),
    ("conv_grad_w", [X, f32(1, 3, 3, 2)], PLAIN | {"window": [0, 3]}, "'window' must"),
    ("max_pool", [X], POOL | {"low": [2, 0]}, "padding must be less than the window"),
    ("max_pool", [X], POOL | {"window": [9, 9]}, "the result has no place"),
    ("max_pool", [f32(1, 0, 5, 4)], POOL, "no place to take"),
    ("avg_pool", [X], POOL | {"window": [2**29, 2**29]}, "may have at most"),
    (
        "max_pool_grad",
        [f32(1, 3, 3, 4), ("int32", (1, 3, 3, 4))],
        POOL | {"size": [5, 5]},
        "index",
    ),
    ("avg_pool_grad", [f32(1, 3, 3, 4)], POOL | {"size": [9, 5]}, "grad_out"),
    ("batch_norm", [f32(7, 3)], NORM, "operands (x, gamma, beta)"),
    ("batch_norm", [f32()], {"epsilon": 0.1}, "x must have at least one axis"),
    (
        "batch_norm",
        [f32(7, 3)],
        {"epsilon": 0.1, "activation": "tanh"},
        "'activation' must be 'relu'",
    ),
]
