"""NumPy: matrix products, as its BLAS does them; streams, sorting, moving elements."""

from __future__ import annotations

import numpy as np
from serve import Run, repeated, serve

from benchmarks.cases import GEMMS
from benchmarks.rearranging import REARRANGING, Calls, call_of
from benchmarks.stream_cases import STREAMS


def gemm(name: str) -> Run:
    case = GEMMS[name]
    a, b = case.operands()
    a = a.T if case.transpose_a else a
    b = b.T if case.transpose_b else b
    out = np.empty((case.m, case.n), np.float32)
    return repeated(lambda: np.matmul(a, b, out=out))


def top_k(k: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A partition, whose part is sorted."""
    found = np.argpartition(x, -k, axis=-1)[..., -k:]
    values = np.take_along_axis(x, found, -1)
    order = np.argsort(values, axis=-1)[..., ::-1]
    values = np.take_along_axis(values, order, -1)
    return values, np.take_along_axis(found, order, -1)


def one_hot(classes: int, x: np.ndarray) -> np.ndarray:
    rows = np.zeros((len(x), classes), np.float32)
    rows[np.arange(len(x)), x] = 1
    return rows


CALLS: Calls = {
    "top_k": top_k,
    "sort": lambda _, x: np.sort(x),
    "argsort": lambda _, x: np.argsort(x, kind="stable"),
    "cumsum": lambda axis, x: np.cumsum(x, axis),
    "take": lambda _, x, indices: np.take(x, indices, 0),
    "take_along_axis": lambda axis, x, indices: np.take_along_axis(x, indices, axis),
    "one_hot": one_hot,
    "transpose": lambda perm, x: np.ascontiguousarray(x.transpose(perm)),
}


def chain8(x: np.ndarray) -> np.ndarray:
    out = x * np.float32(1.5)
    out += np.float32(0.5)
    np.maximum(out, 0, out=out)
    out *= np.float32(0.25)
    out -= np.float32(1)
    np.square(out, out=out)
    out += np.float32(1)
    return np.minimum(out, 4, out=out)


def softmax(x: np.ndarray) -> np.ndarray:
    out = x - x.max(axis=-1, keepdims=True)
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def layer_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    out = x - x.mean(axis=-1, keepdims=True)
    out /= np.sqrt(np.square(out).mean(axis=-1, keepdims=True) + 1e-3)
    out *= gamma
    out += beta
    return out


WORKS = {
    "chain8": chain8,
    "mse": lambda a, b: np.square(a - b).mean(),
    "sum": np.sum,
    "row_sum": lambda x: x.sum(axis=-1),
    "column_sum": lambda x: x.sum(axis=0),
    "softmax": softmax,
    "layer_norm": layer_norm,
}


def setup(name: str) -> Run | None:
    if name in GEMMS:
        return gemm(name)
    if name in REARRANGING:
        case = REARRANGING[name]
        return repeated(call_of(case, CALLS, case.operands()))
    if name == "eager-add-8":
        a, b = np.ones(8, np.float32), np.ones(8, np.float32)
        return repeated(lambda: np.add(a, b))
    case = STREAMS.get(name)
    if case is None or case.op not in WORKS:
        return None
    arrays = case.operands()
    return repeated(lambda: WORKS[case.op](*arrays))


serve(setup)
