"""`predict` and `evaluate`: any number of rows, the same numbers."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest


def forward(model: Any, x: np.ndarray) -> np.ndarray:
    w1, b1, w2, b2 = (w.astype("float64") for w in model.get_weights())
    logits = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    exp = np.exp(logits - logits.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 64, 250])
def test_predict(make_model: Any, blobs: Any, rows: int) -> None:
    model, x = make_model(), blobs[0][:rows]
    expected = forward(model, x)
    for _ in range(2):  # the second time the quick way where there is one
        got = model.predict(x, verbose=0)
        assert got.shape == (rows, 4) and got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        model.predict(x, batch_size=7, verbose=0), expected, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        model.predict_on_batch(x), expected, rtol=1e-5, atol=1e-6
    )


def test_predict_sees_new_weights(make_model: Any, blobs: Any) -> None:
    model, x = make_model(), blobs[0][:1]
    model.predict(x, verbose=0)
    model.set_weights([w * 2 for w in model.get_weights()])
    got = model.predict(x, verbose=0)
    np.testing.assert_allclose(got, forward(model, x), rtol=1e-5, atol=1e-6)


def test_predict_after_the_structure_changed(make_model: Any, blobs: Any) -> None:
    from pydl.layers import Dense

    model, x = make_model(), blobs[0][:1]
    model.predict(x, verbose=0)
    model.add(Dense(2))
    assert model.predict(x, verbose=0).shape == (1, 2)


def test_quick_way_checks_shapes(make_model: Any, blobs: Any) -> None:
    model, x = make_model(), blobs[0]
    model.predict(x[:1], verbose=0)
    with pytest.raises(ValueError, match=r"\(\w+, 7\)"):
        model.predict(x[:1, :7], verbose=0)
    strided = np.asfortranarray(np.tile(x[:4], (2, 1)))[:4]
    np.testing.assert_array_equal(
        model.predict(strided, verbose=0), model.predict(x[:4], verbose=0)
    )


def test_predict_from_two_threads(make_model: Any, blobs: Any) -> None:
    model, x = make_model(), blobs[0]
    # One row at a time, as the threads will: other batch sizes add in another order.
    expected = [model.predict(row[None], verbose=0)[0] for row in x]
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(start, 200, 2):
            if not np.array_equal(
                model.predict(x[i : i + 1], verbose=0)[0], expected[i]
            ):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_evaluate(make_model: Any, blobs: Any) -> None:
    model, (x, y) = make_model(), blobs
    probabilities = forward(model, x)
    loss = -np.log(probabilities[np.arange(250), y]).mean()
    accuracy = (probabilities.argmax(1) == y).mean()
    assert model.evaluate(x, y, verbose=0) == pytest.approx([loss, accuracy], rel=1e-5)
    logs = model.evaluate(x, y, verbose=0, return_dict=True, batch_size=11)
    assert logs == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-5)


def test_evaluate_changes_nothing(make_model: Any, blobs: Any) -> None:
    model = make_model(dropout=0.5)
    before = model.get_weights()
    first = model.evaluate(*blobs, verbose=0)
    assert model.evaluate(*blobs, verbose=0) == first
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weighted_metrics(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    weight = (np.arange(250) < 40).astype("float32")
    model = make_model(metrics=["accuracy"], weighted_metrics=["acc"])
    logs = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    right = forward(model, x).argmax(1) == y
    assert logs["accuracy"] == pytest.approx(right.mean(), rel=1e-5)
    assert logs["acc"] == pytest.approx(right[:40].mean(), rel=1e-5)


def test_binary_accuracy_is_chosen(make_model: Any, blobs: Any) -> None:
    model = make_model(loss="binary_crossentropy", activation="sigmoid", units=1)
    x, y = blobs
    logs = model.evaluate(x, (y > 1).astype(int), verbose=0, return_dict=True)
    said = model.predict(x, verbose=0)[:, 0] > 0.5
    assert logs["accuracy"] == pytest.approx((said == (y > 1)).mean(), rel=1e-5)
    assert type(model.metrics[1].metrics[0]).__name__ == "BinaryAccuracy"


def test_run_eagerly(make_model: Any, blobs: Any) -> None:
    model = make_model(run_eagerly=True)
    got = model.predict(blobs[0][:50], verbose=0)
    np.testing.assert_allclose(got, forward(model, blobs[0][:50]), rtol=1e-5, atol=1e-6)


def test_explain_shows_every_program(make_model: Any, blobs: Any) -> None:
    model = make_model()
    assert model.explain() == []
    model.fit(*blobs, verbose=0)
    model.predict(blobs[0][:1], verbose=0)
    tables = model.explain()
    assert [table.name for table in tables] == ["train", "train", "predict"]
    ops = [row["op"] for row in tables[0]]
    assert "adam_update" in ops and "take" in ops
    assert all(row["kernel"] for row in tables[2] if row["op"] == "gemm")
    assert "adam_update" in repr(tables[0])
