"""matmul of any ranks, einsum, tensordot and their relatives against NumPy."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import pydl.ops as ops
from graph_values import values
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace
from pydl.layers.base import KerasTensor

rng = np.random.default_rng(3)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


def close(got: Any, want: Any) -> None:
    got = np.asarray(got)
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


MATMUL = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((6, 5, 2, 3), (6, 1, 3, 4)),
    ((0, 2, 3), (0, 3, 4)),
    ((5, 2, 0), (5, 0, 4)),
]


@pytest.mark.parametrize("a, b", MATMUL)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = normal(*a), normal(*b)
    close(ops.matmul(x, y), np.matmul(x, y))
    symbolic = ops.matmul(KerasTensor(a, "float64"), KerasTensor(b, "float64"))
    assert tuple(symbolic.shape) == np.matmul(x, y).shape


def test_matmul_of_unknown_sizes() -> None:
    a = KerasTensor((None, 4, 2, 3), "float32")
    b = KerasTensor((None, 4, 3, 5), "float32")
    assert tuple(ops.matmul(a, b).shape) == (None, 4, 2, 5)
    assert tuple(ops.einsum("bhqd,bhdk->bhqk", a, b).shape) == (None, 4, 2, 5)


@pytest.mark.parametrize(
    "dtype, result",
    [("int32", "int32"), ("int8", "int32"), ("uint8", "uint8"), ("bool", "bool")],
)
def test_matmul_of_integers(dtype: str, result: str) -> None:
    x = rng.integers(0, 2 if dtype == "bool" else 9, (3, 4)).astype(dtype)
    y = rng.integers(0, 2 if dtype == "bool" else 9, (4, 2)).astype(dtype)
    out = ops.matmul(x, y)
    assert out.dtype == result
    wide = np.matmul(x.astype("int64"), y.astype("int64"))
    np.testing.assert_array_equal(np.asarray(out), wide.astype(result))


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match=r"at least one axis.*\(\) and \(2,\)"):
        ops.matmul(1.0, normal(2))
    with pytest.raises(ValueError, match="second to last"):
        ops.matmul(normal(2, 3), normal(5, 4, 3))
    with pytest.raises(ValueError, match="broadcast"):
        ops.matmul(normal(2, 2, 3), normal(5, 3, 4))


DOT = [((), (2,)), ((3,), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (6, 3, 4))]


@pytest.mark.parametrize("a, b", DOT)
def test_dot(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = normal(*a), normal(*b)
    close(ops.dot(x, y), np.dot(x, y))


@pytest.mark.parametrize(
    "a, b, axes",
    [
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (4,), 0),
        ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])),
        ((2, 3, 4), (5, 3), (1, 1)),
        ((2, 3, 4), (5, 4), ([-1], [-1])),
        ((2, 0), (0, 3), 1),
        ((0, 3), (3, 2), 1),
    ],
)
def test_tensordot(a: Any, b: Any, axes: Any) -> None:
    x, y = normal(*a), normal(*b)
    close(ops.tensordot(x, y, axes), np.tensordot(x, y, axes))


def test_wrong_axes_of_tensordot() -> None:
    x, y = normal(2, 3), normal(3, 4)
    for axes in (3, ([0], [0]), ([0, 0], [0, 1]), ([2], [0])):
        with pytest.raises(ValueError, match="tensordot: expected"):
            ops.tensordot(x, y, axes)


def test_relatives() -> None:
    x, y, z = normal(2, 3), normal(4, 3), normal(3)
    close(ops.inner(x, y), np.inner(x, y))
    close(ops.inner(x, z), np.inner(x, z))
    close(ops.inner(2.0, z), np.inner(2.0, z))
    close(ops.outer(x, y), np.outer(x, y))
    close(ops.outer(z, 2.0), np.outer(z, 2.0))
    close(ops.vdot(x, normal(2, 3) * 0 + 1), x.sum())
    close(ops.kron(x, y), np.kron(x, y))
    close(ops.kron(z, x), np.kron(z, x))
    a, b = rng.integers(0, 9, (2, 2)), rng.integers(0, 9, (2, 3))
    np.testing.assert_array_equal(np.asarray(ops.kron(a, b)), np.kron(a, b))


EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("ji,jk", (3, 2), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("bij,bkj->kbi", (5, 2, 3), (5, 4, 3)),
    ("bqhd,bkhd->bhqk", (2, 3, 4, 5), (2, 6, 4, 5)),
    ("bhqk,bkhd->bqhd", (2, 4, 3, 6), (2, 6, 4, 5)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("...ij,...jk->...ik", (6, 1, 2, 3), (5, 3, 4)),
    ("...i,i->...", (2, 4, 3), (3,)),
    ("i...,i...->...", (3, 2, 4), (3, 4)),
    ("ab,bc,cd->ad", (2, 3), (3, 4), (4, 5)),
    ("ab,bc,cd,de->ea", (2, 3), (3, 4), (4, 5), (5, 2)),
    ("i,j,k->kij", (2,), (3,), (4,)),
    ("i,i,i->", (3,), (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->j", (2, 3)),
    ("ij->", (2, 3)),
    ("ij", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->ij", (3, 3, 2)),
    ("iji->j", (3, 2, 3)),
    ("iii->i", (3, 3, 3)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,kl->ijkl", (2, 3), (4, 5)),
    ("ijk,j->ik", (2, 3, 4), (3,)),
    ("ij,i->ij", (2, 3), (2,)),
    ("ij,ij,ij->i", (2, 3), (2, 3), (2, 3)),
    ("aij,jbk->abik", (2, 3, 4), (4, 5, 6)),
    ("ij,jk->ik", (2, 0), (0, 4)),
    ("...->...", (2, 3)),
    ("...", (2, 3)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
]


@pytest.mark.parametrize("case", EINSUM, ids=lambda case: case[0])
def test_einsum(case: Any) -> None:
    subscripts, *shapes = case
    arrays = [normal(*shape) for shape in shapes]
    close(ops.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays))


@pytest.mark.parametrize("case", EINSUM, ids=lambda case: case[0])
def test_gradient_of_einsum(case: Any) -> None:
    """An einsum is linear in each operand: exact directional derivatives."""
    subscripts, *shapes = case
    arrays = [normal(*shape) for shape in shapes]
    with Trace("einsum") as trace:
        xs = [trace.input(f"x{i}", x.shape, "float64") for i, x in enumerate(arrays)]
        out = ops.einsum(subscripts, *xs)
        weight = normal(*out.shape)
        grads = gradients([out], xs, [trace.constant(np.asarray(weight))])
    feeds = {f"x{i}": x for i, x in enumerate(arrays)}
    for i, grad in enumerate(grads):
        assert grad is not None
        step = normal(*arrays[i].shape)
        moved = [*arrays[:i], step, *arrays[i + 1 :]]
        slope = np.sum(np.einsum(subscripts, *moved) * weight)
        (found,) = values(trace.graph, [grad], feeds)
        np.testing.assert_allclose(np.sum(found * step), slope, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "subscripts, shapes, message",
    [
        ("ij,jk->ik", [(2, 3)], "one operand for each of the 2 terms"),
        ("ij->ik", [(2, 3)], "different letters behind"),
        ("ij->ii", [(2, 3)], "different letters behind"),
        ("ij", [(2, 3, 4)], "operand of 2 axes"),
        ("i1->i", [(2, 3)], "terms of letters"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "equal sizes"),
    ],
)
def test_wrong_subscripts(subscripts: str, shapes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ops.einsum(subscripts, *[normal(*shape) for shape in shapes])


def test_attention_is_made_of_products_without_transpositions() -> None:
    with Trace("attention") as trace:
        q = trace.input("q", (2, 4, 3, 5), "float32")
        k = trace.input("k", (2, 4, 6, 5), "float32")
        ops.einsum("bhqd,bhkd->bhqk", q, k)
    made = [node.op for node in trace.graph.nodes]
    assert "transpose" not in made and made.count("batch_matmul") == 1


def test_a_long_chain_is_multiplied_from_the_cheap_end() -> None:
    with Trace("chain") as trace:
        a, b = (trace.input(name, (50, 50), "float32") for name in "ab")
        v = trace.input("v", (50,), "float32")
        ops.einsum("ij,jk,k->i", a, b, v)
    shapes = [n.outputs[0].shape for n in trace.graph.nodes if n.op == "matmul"]
    assert (50, 50) not in shapes and len(shapes) == 2


def test_bfloat16() -> None:
    x = normal(4, 3, 5).astype(ml_dtypes.bfloat16)
    y = normal(4, 5, 2).astype(ml_dtypes.bfloat16)
    out = ops.matmul(x, y)
    assert out.dtype == "bfloat16"
    want = x.astype("float32") @ y.astype("float32")
    np.testing.assert_allclose(np.asarray(out, "float32"), want, rtol=1e-2, atol=1e-2)
