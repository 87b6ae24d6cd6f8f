"""`pydl.kernels` over images: against NumPy, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numpy_reference import reference
from pydl import kernels

rng = np.random.default_rng(0)
SAME = {"strides": [2, 1], "dilations": [1, 1], "low": [0, 1], "high": [1, 1]}


def normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def close(got: Any, want: np.ndarray) -> None:
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conv2d_with_all_it_takes(dtype: str) -> None:
    x, weight = normal(2, 6, 5, 4, dtype=dtype), normal(3, 3, 2, 6, dtype=dtype)
    bias, residual = normal(6, dtype=dtype), normal(2, 3, 5, 6, dtype=dtype)
    attrs = {**SAME, "groups": 2, "bias": 1, "residual": 1, "activation": "relu"}
    (want,) = reference("conv", [x, weight, bias, residual], attrs)
    out = np.full_like(want, np.nan)
    found = kernels.conv2d(
        x, weight, strides=(2, 1), padding="same", bias=bias, residual=residual,
        activation="relu", out=out,
    )  # fmt: skip
    assert found is out
    close(found, want)


def test_conv1d_and_conv3d() -> None:
    x, weight = normal(2, 7, 3), normal(3, 3, 4)
    attrs = {"strides": [1], "dilations": [2], "low": [4], "high": [0]}
    want = reference("conv", [x, weight], attrs)[0]
    close(kernels.conv1d(x, weight, padding="causal", dilations=2), want)
    x, weight = normal(1, 3, 4, 5, 2), normal(2, 2, 2, 2, 3)
    attrs = {
        "strides": [1, 1, 2], "dilations": [1] * 3, "low": [1, 0, 0],
        "high": [0, 0, 2],
    }  # fmt: skip
    want = reference("conv", [x, weight], attrs)[0]
    padding = ((1, 0), 0, (0, 2))
    close(kernels.conv3d(x, weight, strides=(1, 1, 2), padding=padding), want)


def test_gradients_of_a_convolution() -> None:
    x, weight, grad = normal(2, 6, 5, 4), normal(3, 3, 2, 6), normal(2, 3, 5, 6)
    options: Any = {"strides": (2, 1), "padding": "same", "groups": 2}
    attrs = {**SAME, "groups": 2}
    want = reference("conv_grad_x", [grad, weight], {**attrs, "size": [6, 5]})[0]
    close(kernels.conv_grad_x(grad, weight, (6, 5), **options), want)
    want = reference("conv_grad_w", [x, grad], {**attrs, "window": [3, 3]})[0]
    close(kernels.conv_grad_w(x, grad, (3, 3), **options), want)


def test_depthwise_and_transposed() -> None:
    x, weight, bias = normal(2, 5, 4, 3), normal(2, 3, 3, 2), normal(6)
    found = kernels.depthwise_conv2d(x, weight, bias=bias, activation="tanh")
    attrs = {"strides": [1, 1], "dilations": [1, 1], "low": [0, 0], "high": [0, 0]}
    attrs_all = {**attrs, "groups": 3, "bias": 1, "activation": "tanh"}
    want = reference("conv", [x, weight.reshape(2, 3, 1, 6), bias], attrs_all)[0]
    close(found, want)
    strided = np.asfortranarray(weight)
    again = kernels.depthwise_conv2d(x, strided, bias=bias, activation="tanh")
    np.testing.assert_array_equal(again, found)
    weight = normal(3, 3, 2, 3)
    attrs |= {"strides": [2, 2], "high": [1, 1], "size": [10, 8]}
    want = reference("conv_grad_x", [x, weight], attrs)[0]
    close(kernels.conv2d_transpose(x, weight, strides=2, padding="same"), want)


def test_pools_and_their_gradients() -> None:
    x, grad = normal(2, 5, 6, 3), normal(2, 3, 3, 3)
    attrs = {"window": [3, 2], "strides": [2, 2], "low": [1, 0], "high": [1, 0]}
    values, index = reference("max_pool", [x], attrs)
    found = kernels.max_pool2d(x, (3, 2), strides=2, padding="same")
    np.testing.assert_array_equal(found[0], values)
    np.testing.assert_array_equal(found[1], index)
    back = {**attrs, "size": [5, 6]}
    want = reference("max_pool_grad", [grad, index], back)[0]
    options: Any = {"strides": 2, "padding": "same"}
    close(kernels.max_pool_grad(grad, index, (5, 6), (3, 2), **options), want)
    for counted in (False, True):
        own = {"count_padding": int(counted)}
        want = reference("avg_pool", [x], {**attrs, **own})[0]
        options["count_padding"] = counted
        close(kernels.avg_pool2d(x, (3, 2), **options), want)
        want = reference("avg_pool_grad", [grad], {**back, **own})[0]
        close(kernels.avg_pool_grad(grad, (5, 6), (3, 2), **options), want)
    assert kernels.avg_pool1d(x[:, :, 0]).shape == (2, 2, 3)
    assert kernels.max_pool3d(x[None], (1, 2, 2))[0].shape == (1, 2, 2, 3, 3)


def test_batch_norm() -> None:
    x, residual, grad = (normal(4, 3, 5) for _ in range(3))
    gamma, beta = normal(5), normal(5)
    attrs = {"epsilon": 1e-3, "scale": 1, "center": 1}
    wanted = reference(
        "batch_norm", [x, gamma, beta, residual],
        {**attrs, "residual": 1, "activation": "relu"},
    )  # fmt: skip
    found = kernels.batch_norm(x, gamma, beta, residual=residual, activation="relu")
    for got, want in zip(found, wanted, strict=True):
        close(got, want)
    mean, variance = wanted[1:]
    wanted = reference("batch_norm_grad", [grad, x, mean, variance, gamma], attrs)
    back = kernels.batch_norm_grad(grad, x, mean, variance, gamma)
    for got, want in zip(back, wanted, strict=True):
        close(got, want)
    plain = kernels.batch_norm(x, epsilon=0.0)[0]
    np.testing.assert_allclose(plain.mean((0, 1)), 0, atol=1e-6)


X, W = normal(1, 4, 4, 2), normal(3, 3, 2, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: kernels.conv1d(X, W), r"conv1d: expected images of 3 axes.*4, 4, 2"),
        (lambda: kernels.conv2d(X, W[0]), "window of 2 axes for images of 4"),
        (lambda: kernels.conv2d(X, W, strides=0), "conv: strides: expected"),
        (lambda: kernels.conv2d(X, W, padding="full"), "received 'full'"),
        (lambda: kernels.conv2d(X, W, dilations=2), "the result has no place"),
        (lambda: kernels.conv2d(X, W, bias=normal(3)), "bias must"),
        (lambda: kernels.conv2d(X, W, activation="elu"), "activation.*elu"),
        (lambda: kernels.conv2d(X, W.astype("f8")), "float32"),
        (lambda: kernels.conv2d(X, W, out=np.empty((1, 2, 2, 2))), "out|float32"),
        (lambda: kernels.depthwise_conv2d(X, W[:, :, :1]), "2 channels.*axis -2"),
        (
            lambda: kernels.conv2d_transpose(X, W, output_padding=1),
            "output_padding less than strides",
        ),
        (lambda: kernels.max_pool2d(X, 5), "the result has no place"),
        (lambda: kernels.max_pool3d(X), "max_pool3d: expected images of 5 axes"),
        (lambda: kernels.avg_pool2d(X, 2, padding=((2, 0), 0)), "less than the window"),
    ],
)
def test_bad_arguments(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
