"""Linear algebra on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl as keras
import pydl.ops as ops
from pydl.graph.trace import Trace
from pydl.layers.base import KerasTensor

rng = np.random.default_rng(5)
SQUARE = rng.normal(size=(3, 4, 4))
POSITIVE = SQUARE @ np.swapaxes(SQUARE, -1, -2) + 4 * np.eye(4)
COLUMNS = rng.normal(size=(3, 4, 2))


def close(got: Any, want: Any) -> None:
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-9, atol=1e-9)


def test_factors_give_the_matrix_back() -> None:
    lower = np.asarray(ops.cholesky(POSITIVE))
    close(lower @ np.swapaxes(lower, -1, -2), POSITIVE)
    close(ops.cholesky(POSITIVE, upper=True), np.swapaxes(lower, -1, -2))
    close(ops.cholesky_inverse(lower), np.linalg.inv(POSITIVE))
    upper = np.swapaxes(lower, -1, -2)
    close(ops.cholesky_inverse(upper, upper=True), np.linalg.inv(POSITIVE))
    q, r = map(np.asarray, ops.qr(COLUMNS))
    assert q.shape == (3, 4, 2)
    close(q @ r, COLUMNS)
    assert ops.qr(COLUMNS, mode="complete")[0].shape == (3, 4, 4)
    u, s, v = map(np.asarray, ops.svd(COLUMNS, full_matrices=False))
    close((u * s[:, None]) @ v, COLUMNS)
    close(ops.svd(COLUMNS, compute_uv=False), s)
    values, vectors = map(np.asarray, ops.eigh(POSITIVE))
    close((vectors * values[:, None]) @ np.swapaxes(vectors, -1, -2), POSITIVE)
    values, vectors = map(np.asarray, ops.eig(POSITIVE))
    close(POSITIVE @ vectors, vectors * values[:, None])


@pytest.mark.parametrize("matrix", [SQUARE, POSITIVE, SQUARE[0], np.ones((2, 3, 3))])
def test_lu_factor(matrix: Any) -> None:
    factors, pivots = map(np.asarray, ops.lu_factor(matrix))
    assert pivots.dtype == np.int32 and pivots.shape == matrix.shape[:-1]
    lower = np.tril(factors, -1) + np.eye(matrix.shape[-1])
    product = (lower @ np.triu(factors)).reshape(-1, *matrix.shape[-2:])
    rows = pivots.reshape(-1, matrix.shape[-1])
    for one, swaps in zip(product, rows, strict=True):
        for i in reversed(range(len(swaps))):
            one[[i, swaps[i]]] = one[[swaps[i], i]]
    close(product.reshape(matrix.shape), matrix)
    assert np.abs(lower).max() <= 1


def test_solutions_and_numbers() -> None:
    close(ops.solve(SQUARE, COLUMNS), np.linalg.solve(SQUARE, COLUMNS))
    close(
        ops.solve(SQUARE, COLUMNS[..., 0]),
        np.linalg.solve(SQUARE, COLUMNS)[..., 0],
    )
    lower, upper = np.tril(SQUARE), np.triu(SQUARE)
    close(ops.solve_triangular(SQUARE, COLUMNS), np.linalg.solve(upper, COLUMNS))
    close(
        ops.solve_triangular(SQUARE, COLUMNS, lower=True),
        np.linalg.solve(lower, COLUMNS),
    )
    tall, b = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    close(ops.lstsq(tall, b), np.linalg.lstsq(tall, b, rcond=None)[0])
    close(ops.lstsq(tall, b[:, 0]), np.linalg.lstsq(tall, b[:, 0], rcond=None)[0])
    close(ops.inv(SQUARE), np.linalg.inv(SQUARE))
    close(ops.pinv(tall), np.linalg.pinv(tall))
    close(ops.det(SQUARE), np.linalg.det(SQUARE))
    close(ops.logdet(POSITIVE), np.log(np.linalg.det(POSITIVE)))
    sign, log = ops.slogdet(SQUARE)
    close(np.asarray(sign) * np.exp(np.asarray(log)), np.linalg.det(SQUARE))
    rank = ops.matrix_rank(np.ones((2, 3, 3)))
    assert rank.dtype == "int32" and rank.tolist() == [1, 1]
    assert ops.linalg.norm(SQUARE).shape == ()


def test_dtypes() -> None:
    assert ops.inv(SQUARE.astype("float32")).dtype == "float32"
    assert ops.inv(np.array([[2, 0], [0, 4]])).dtype == "float32"
    half = ops.inv(ops.cast(POSITIVE, "bfloat16"))
    assert half.dtype == "bfloat16"


def test_refusals() -> None:
    with pytest.raises(ValueError, match="cholesky: .*not positive definite"):
        ops.cholesky(-np.eye(2))
    with pytest.raises(ValueError, match="inv: Singular"):
        ops.inv(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"square matrices.*\(3, 4, 2\)"):
        ops.det(COLUMNS)
    with pytest.raises(ValueError, match="real eigenvalues"):
        ops.eig(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    with pytest.raises(ValueError, match="mode"):
        ops.qr(COLUMNS, mode="r")
    with pytest.raises(ValueError, match="solve: expected b"):
        ops.solve(SQUARE, np.ones((3, 3, 2)))


def test_not_under_a_trace() -> None:
    with Trace("step") as trace, pytest.raises(ValueError, match="run_eagerly=True"):
        ops.inv(trace.input("x", (2, 2), "float32"))
    with pytest.raises(ValueError, match="inv: computed on the host"):
        ops.inv(KerasTensor((2, 2), "float32"))


def test_in_a_step_that_runs_eagerly() -> None:
    class Whitened(keras.layers.Layer):
        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def call(self, x: Any) -> Any:
            covariance = ops.matmul(ops.transpose(x), x) + np.eye(3, dtype="float32")
            return ops.matmul(x, ops.inv(covariance))

    model = keras.Sequential([Whitened(), keras.layers.Dense(1)])
    x = rng.normal(size=(4, 3)).astype("float32")
    model.compile("sgd", "mse", run_eagerly=True)
    assert np.isfinite(model.fit(x, x[:, :1], verbose=0).history["loss"][0])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="run_eagerly=True"):
        model.fit(x, x[:, :1], verbose=0)


def test_of_constants_under_a_trace() -> None:
    with Trace("step") as trace:
        x = trace.input("x", (2, 2), "float64")
        out = ops.matmul(x, ops.inv(2.0 * np.eye(2)))
        assert out.shape == (2, 2)
        variable = keras.Variable(np.eye(2))
        with pytest.raises(ValueError, match="inv: computed on the host"):
            ops.inv(variable)


def test_jvp() -> None:
    def function(x: Any, pair: Any) -> Any:
        return {"y": ops.tanh(ops.matmul(x, pair[0])) + pair[1], "x": x * x}

    x, a, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
    u, c, d = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
    out, slope = ops.jvp(function, (x, [a, b]), (u, [c, d]))
    close(out["y"], np.tanh(x @ a) + b)
    close(slope["y"], (1 - np.tanh(x @ a) ** 2) * (u @ a + x @ c) + d)
    close(slope["x"], 2 * x * u)
    value, along, aux = ops.jvp(
        lambda x: (ops.sin(x), {"kept": 3}), (0.5,), (2.0,), has_aux=True
    )
    np.testing.assert_allclose(float(value), np.sin(0.5), rtol=1e-6)
    np.testing.assert_allclose(float(along), 2 * np.cos(0.5), rtol=1e-6)
    assert aux == {"kept": 3}
    assert float(ops.jvp(lambda x: x * 0 + 1.0, (2.0,), (1.0,))[1]) == 0
    with pytest.raises(ValueError, match="tangents of the primals' shapes"):
        ops.jvp(ops.sin, (x,), (a,))
    with pytest.raises(ValueError, match="float primals"):
        ops.jvp(ops.square, (np.arange(3),), (np.arange(3),))
