"""Segments, alignments, axes by name, functions of elements: beyond Keras's numbers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, losses, models, ops
from pydl.ops.tape import GradientTape

rng = np.random.default_rng(6)


def gradient(fn: Any, x: np.ndarray) -> np.ndarray:
    variable = pydl.Variable(x, dtype=x.dtype.name)
    with GradientTape() as tape:
        out = ops.sum(fn(variable))
    return np.asarray(tape.gradient(out, variable))


def differences(fn: Any, x: np.ndarray) -> np.ndarray:
    found = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[at] += step
            ends.append(float(ops.sum(fn(moved))))
        found[at] = (ends[0] - ends[1]) / 2e-6
    return found


@pytest.mark.parametrize("name", ["segment_max", "segment_min", "segment_prod"])
def test_gradients_of_segments(name: str) -> None:
    x, ids = rng.normal(size=(7, 2)), np.array([1, 0, 1, 3, 3, -1, 3])
    own = ops.cast(rng.normal(size=(4, 2)), "float64")
    filled = np.array([[True], [True], [False], [True]])

    def fn(data: Any) -> Any:
        rows = getattr(ops, name)(data, ids, num_segments=4)
        return ops.where(filled, rows, 0.0) * own

    np.testing.assert_allclose(gradient(fn, x), differences(fn, x), atol=1e-7)


def test_segments_in_a_compiled_function_and_at_the_edges() -> None:
    ids = np.array([2, 0, 2], "uint8")
    compiled = pydl.function(lambda x: ops.segment_max(x, ids, num_segments=4))
    found = np.asarray(compiled(np.array([1.0, -5.0, 3.0], "float32")))
    np.testing.assert_array_equal(found, np.float32([-5, -np.inf, 3, -np.inf]))
    none = ops.segment_prod(np.zeros((0, 2)), np.zeros(0, "int32"), 2)
    np.testing.assert_array_equal(none, np.ones((2, 2)))
    assert ops.segment_min(np.zeros((3, 2)), np.array([-1, -1, -1])).shape == (0, 2)
    lonely = ops.segment_prod(np.array([[2, 3]]), np.array([0]))
    assert np.asarray(lonely).tolist() == [[2, 3]]
    for wrong in (np.zeros((3, 1), "int32"), np.zeros(3), np.zeros(2, "int32")):
        with pytest.raises(ValueError, match="segment_max: expected one integer of"):
            ops.segment_max(np.zeros(3), wrong, 2)


def likelihood(logits: np.ndarray, labels: tuple[int, ...]) -> float:
    """The sum over all ways of writing the labels, one by one."""
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    total = 0.0
    for path in product(range(logits.shape[1]), repeat=len(logits)):
        runs = [c for i, c in enumerate(path) if i == 0 or path[i - 1] != c]
        if tuple(c for c in runs if c != 0) == labels:
            total += np.prod([chances[i, c] for i, c in enumerate(path)])
    return float(total)


@pytest.mark.parametrize("labels", [(1,), (1, 2), (1, 1), (2, 1, 2), ()])
def test_alignments_are_summed(labels: tuple[int, ...]) -> None:
    logits = rng.normal(size=(1, 5, 3))
    padded = np.array([[*labels, 0, 0, 0][:3]])
    loss = ops.ctc_loss(padded, logits, np.array([len(labels)]), np.array([5]))
    assert float(loss[0]) == pytest.approx(-np.log(likelihood(logits[0], labels)))
    paths, scores = ops.ctc_decode(logits, [5], strategy="beam_search", top_paths=40)
    rows = [tuple(c for c in row if c >= 0) for row in np.asarray(paths)[:, 0].tolist()]
    at = rows.index(labels)
    assert float(scores[0, at]) == pytest.approx(-float(loss[0]), rel=1e-5)


def test_gradient_of_ctc() -> None:
    labels, counts = np.array([[1, 2], [3, 3]]), np.array([2, 2])

    def fn(x: Any) -> Any:
        return ops.ctc_loss(labels, x, counts, np.array([4, 5]))

    x = rng.normal(size=(2, 5, 4))
    np.testing.assert_allclose(gradient(fn, x), differences(fn, x), atol=1e-7)


def test_ctc_is_trained() -> None:
    x = rng.normal(size=(8, 6, 5)).astype("float32")
    y = rng.integers(1, 4, (8, 2)).astype("int32")
    model = models.Sequential([layers.Input((6, 5)), layers.Dense(4)])
    model.compile(pydl.optimizers.Adam(0.05), losses.CTC())
    history = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    assert losses.deserialize(losses.serialize(losses.CTC())).name == "ctc"


def test_mistakes_of_ctc() -> None:
    with pytest.raises(ValueError, match=r"received shapes \(2,\) and \(2, 3\)"):
        ops.ctc_loss(np.zeros(2, "int32"), np.zeros((2, 3)), [1, 1], [1, 1])
    with pytest.raises(ValueError, match="`y_true` are expected.*shape=\\(2,\\)"):
        losses.ctc(np.zeros(2, "int32"), np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="`y_pred` are expected.*shape=\\(2, 3\\)"):
        losses.ctc(np.zeros((2, 1), "int32"), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="Invalid strategy best"):
        ops.ctc_decode(np.zeros((1, 2, 3)), [2], strategy="best")


@pytest.mark.parametrize(
    ("pattern", "lengths", "text"),
    [
        ("a b", {}, "one '->'"),
        ("a -> a", {}, "has 1 axes, received a tensor of shape"),
        ("a b -> a c", {}, "each name once on both sides"),
        ("a a -> a a", {}, "each name once|do not make up"),
        ("a (b c) -> a b c", {}, r"lengths of \['b', 'c'\] cannot be known"),
        ("a (b c) -> a b c", {"b": 4}, "do not make up an axis of length 6"),
    ],
)
def test_patterns_that_do_not_fit(
    pattern: str, lengths: dict[str, int], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        ops.rearrange(np.zeros((2, 6)), pattern, **lengths)


def test_functions_of_elements() -> None:
    add = ops.vectorize(lambda a, b: a + b)
    np.testing.assert_array_equal(add([[1], [2]], [10, 20]), [[11, 21], [12, 22]])
    product_of = ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")
    matrices, vector = rng.normal(size=(3, 2, 4)), rng.normal(size=4)
    np.testing.assert_allclose(product_of(matrices, vector), matrices @ vector)
    scale = ops.vectorize(lambda x, by: x * by["k"], excluded={1})
    np.testing.assert_array_equal(scale([1, 2], {"k": 3}), [3, 6])
    pair = ops.vectorize(lambda x: (x, -x))([1.0, 2.0])
    np.testing.assert_array_equal(pair[1], [-1.0, -2.0])
    compiled = pydl.function(lambda x: ops.vectorize(lambda a: a * a)(x))
    np.testing.assert_array_equal(compiled(np.float32([1, 3])), [1, 9])
    with pytest.raises(ValueError, match="`pyfunc` to be a callable"):
        ops.vectorize(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="signature: expected a form such as"):
        ops.vectorize(abs, signature="(m")
    with pytest.raises(ValueError, match="has 2 arguments, received 1"):
        product_of(vector)
