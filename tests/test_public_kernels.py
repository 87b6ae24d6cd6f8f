"""`pydl.kernels`: the kernels by themselves, on NumPy arrays."""

import numpy as np
import pytest

from pydl import kernels

rng = np.random.default_rng(0)


def normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
def test_gemm(dtype: str, ta: bool, tb: bool) -> None:
    a, b, bias = (
        normal(17, 9, dtype=dtype),
        normal(9, 21, dtype=dtype),
        normal(21, dtype=dtype),
    )
    expected = np.maximum(a.astype("f8") @ b + bias, 0)
    out = np.full((17, 21), np.nan, dtype)
    result = kernels.gemm(
        a.T.copy() if ta else a, b.T.copy() if tb else b,
        transpose_a=ta, transpose_b=tb, bias=bias, activation="relu", out=out,
    )  # fmt: skip
    assert result is out
    np.testing.assert_allclose(out, expected, rtol=2e-6, atol=2e-6)


def test_gemm_refuses() -> None:
    with pytest.raises(ValueError, match=r"inner dimensions.*\(2, 3\).*\(4, 5\)"):
        kernels.gemm(normal(2, 3), normal(4, 5))


def test_strided_operands_are_taken_as_numpy_sees_them() -> None:
    a = normal(10, 12)[::2, ::3]
    np.testing.assert_allclose(kernels.gemm(a, a.T), a @ a.T, rtol=1e-5, atol=1e-6)


def test_softmax_and_losses() -> None:
    x = normal(6, 10)
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(kernels.softmax(x), p, rtol=1e-5)
    np.testing.assert_allclose(kernels.log_softmax(x), np.log(p), rtol=1e-5, atol=1e-6)
    labels = rng.integers(0, 10, 6)
    loss, grad = kernels.softmax_cross_entropy(x, labels)
    hot = np.eye(10, dtype="float32")[labels]
    np.testing.assert_allclose(loss, -np.log(p[range(6), labels]), rtol=1e-5)
    np.testing.assert_allclose(grad, p - hot, rtol=1e-4, atol=1e-6)
    dense = kernels.softmax_cross_entropy(x, hot)
    np.testing.assert_allclose(dense[0], loss, rtol=1e-5)
    with pytest.raises(
        ValueError, match="labels from 0 to 9, received 12 at flat index 2"
    ):
        kernels.softmax_cross_entropy(x, np.array([1, 2, 12, 0, 0, 0]))


def test_take_and_reduce() -> None:
    x = normal(7, 3)
    index = np.array([6, 0, 0])
    np.testing.assert_array_equal(
        kernels.take(x, index, out=np.empty((3, 3), "f")), x[index]
    )
    with pytest.raises(ValueError, match="indices from 0 to 6, received -1"):
        kernels.take(x, np.array([0, -1]))
    np.testing.assert_allclose(
        kernels.reduce("mean", x, [0]), x.mean(0), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_array_equal(
        kernels.reduce("max", x, [1], keepdims=True), x.max(1, keepdims=True)
    )


def test_random_numbers_repeat() -> None:
    a = kernels.random_uniform(7, (1000,), -1, 3)
    np.testing.assert_array_equal(a, kernels.random_uniform(7, (1000,), -1, 3))
    assert a.min() >= -1 and a.max() < 3 and abs(a.mean() - 1) < 0.2
    assert abs(kernels.random_normal(1, (10_000,)).std() - 1) < 0.05
    assert np.abs(kernels.truncated_normal(1, (10_000,))).max() <= 2
    kept = kernels.dropout(np.ones(10_000, "f"), 0.25, seed=3)
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.75)}


def test_updates_write_in_place() -> None:
    var, grad, m, v = normal(50), normal(50), np.zeros(50, "f"), np.zeros(50, "f")
    expected = var - 0.01 * np.sign(grad)  # Adam's first step
    kernels.adam_update([(var, grad, m, v)], lr=0.01, step=1)
    np.testing.assert_allclose(var, expected, atol=1e-4)
    before = var.copy()
    kernels.sgd_update([(var, grad)], lr=0.5)
    np.testing.assert_allclose(var, before - 0.5 * grad, rtol=1e-5, atol=1e-6)
    kernels.rmsprop_update([(var, grad, np.zeros(50, "f"))], lr=0.1)
    kernels.adagrad_update([(var, grad, np.full(50, 0.1, "f"))], lr=0.1)
    with pytest.raises(ValueError, match="group 0: expected row-major"):
        kernels.sgd_update([(normal(4, 4).T, normal(4, 4))], lr=0.1)


def test_candidates() -> None:
    assert kernels.candidates("matmul", "ref") == ["matmul_ref"]
