"""Random functions, seeds and their repeatability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pydl.random as random
from graph_values import values
from numpy_reference import reference
from pydl.graph.trace import Trace
from pydl.random import SeedGenerator


@pytest.fixture(autouse=True)
def fresh_globals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(random, "_global_generator", None)
    monkeypatch.setattr(random, "_defaults", None)
    yield


def draw(**arguments: Any) -> list[float]:
    return random.normal((5,), **arguments).numpy().tolist()


def test_an_integer_seed_repeats() -> None:
    assert draw(seed=3) == draw(seed=3) == draw(seed=3 + 2**32)
    assert draw(seed=3) != draw(seed=4)
    (expected,) = reference(
        "random_normal",
        [np.array([3, 0], np.uint32)],
        {"shape": [5], "dtype": "float32", "mean": 0.0, "stddev": 1.0},
    )
    np.testing.assert_allclose(draw(seed=3), expected, rtol=1e-5, atol=1e-6)


def test_a_generator_moves_on() -> None:
    first, second = SeedGenerator(5), SeedGenerator(5)
    streams = [[draw(seed=g) for _ in range(3)] for g in (first, second)]
    assert streams[0] == streams[1]
    assert len({tuple(numbers) for numbers in streams[0]}) == 3
    assert first.state.numpy().tolist() == [5, 3]
    assert streams[0][0] == draw(seed=5)


def test_what_next_returned_does_not_change() -> None:
    seeds = SeedGenerator(1)
    seed = seeds.next()
    seeds.next()
    assert seed.numpy().tolist() == [1, 0]


def test_a_traced_draw_advances_the_state() -> None:
    seeds = SeedGenerator(9)
    with Trace("step") as trace:
        draws = [random.uniform((4,), seed=seeds) for _ in range(2)]
    state = trace.read(seeds.state)
    found = values(trace.graph, [*draws, state], {})
    assert found[2].tolist() == [9, 2]
    assert list(trace.graph.assigns) == [seeds.state]
    for counter, numbers in enumerate(found[:2]):
        key = np.array([9, counter], np.uint32)
        np.testing.assert_array_equal(numbers, random.uniform((4,), seed=key).numpy())


def test_the_global_seed() -> None:
    assert draw() != draw()
    random.set_global_seed(7)
    first = [draw(), draw(seed=SeedGenerator()), draw()]
    generator = random.global_seed_generator()
    random.set_global_seed(7)
    assert [draw(), draw(seed=SeedGenerator()), draw()] == first
    assert random.global_seed_generator() is generator
    random.set_global_seed(8)
    assert draw() != first[0]


def test_configuration() -> None:
    seeds = SeedGenerator.from_config(SeedGenerator(4, name="mine").get_config())
    assert seeds.get_config() == {"seed": 4, "name": "mine"}
    assert seeds.state.dtype == "uint32" and not seeds.state.trainable


def test_distributions() -> None:
    normal = random.normal((40000,), mean=2.0, stddev=3.0, seed=1).numpy()
    assert abs(normal.mean() - 2) < 0.06 and abs(normal.std() - 3) < 0.06
    cut = random.truncated_normal((40000,), mean=1.0, stddev=0.5, seed=2).numpy()
    assert cut.min() >= 0 and cut.max() <= 2 and abs(cut.std() - 0.44) < 0.01
    flat = random.uniform((40000,), -1.0, 3.0, dtype="float64", seed=3).numpy()
    assert flat.dtype == np.float64 and flat.min() >= -1 and flat.max() < 3
    assert abs(flat.mean() - 1) < 0.03
    whole = random.randint((40000,), -2, 3, seed=4).numpy()
    assert whole.dtype == np.int32 and set(whole.tolist()) == {-2, -1, 0, 1, 2}


def test_gamma_beta_and_binomial() -> None:
    count = 40000
    for alpha in (0.3, 1.0, 4.0):
        x = random.gamma((count,), alpha, seed=1).numpy()
        assert x.dtype == np.float32 and x.min() >= 0
        assert abs(x.mean() / alpha - 1) < 0.04 and abs(x.var() / alpha - 1) < 0.1
    x = random.beta((count, 2), [2.0, 0.5], 3.0, dtype="float64", seed=2).numpy()
    np.testing.assert_allclose(x.mean(0), [2 / 5, 0.5 / 3.5], atol=0.01)
    np.testing.assert_allclose(x[:, 0].var(), 6 / (25 * 6), rtol=0.05)
    n, p = [3, 40, 100000], [0.5, 0.1, 0.7]
    x = random.binomial((count, 3), n, p, seed=3).numpy().astype(float)
    assert (x == np.floor(x)).all() and (x >= 0).all() and (x <= n).all()
    mean, variance = np.multiply(n, p), np.multiply(n, p) * (1 - np.array(p))
    assert (abs(x.mean(0) - mean) < 5 * np.sqrt(variance / count)).all()
    np.testing.assert_allclose(x.var(0), variance, rtol=0.05)
    edges = random.binomial((5, 2), 50, [0.0, 1.0], seed=4).numpy()
    assert (edges == [0, 50]).all()


def test_categorical() -> None:
    chances = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    x = random.categorical(np.log(chances), 40000, seed=1).numpy()
    assert x.dtype == np.int32 and x.shape == (2, 40000)
    found = [np.bincount(row, minlength=3) / 40000 for row in x]
    np.testing.assert_allclose(found, chances, atol=0.015)


def test_shuffle() -> None:
    x = np.arange(60).reshape(20, 3)
    rows = random.shuffle(x, seed=1).numpy()
    assert rows.tolist() != x.tolist() and sorted(rows.tolist()) == x.tolist()
    columns = random.shuffle(x, axis=1, seed=3).numpy()
    assert sorted(columns.T.tolist()) == x.T.tolist()


def test_traced_distributions_are_the_same() -> None:
    def draws() -> list[Any]:
        return [
            random.gamma((7,), 0.5, seed=1),
            random.beta((7,), 2.0, 3.0, seed=2),
            random.binomial((7,), 100, 0.3, seed=3),
            random.categorical(np.zeros((2, 5), np.float32), 3, seed=4),
            random.randint((7,), -5, 5, seed=5),
            random.shuffle(np.arange(9), seed=6),
        ]

    eager = draws()
    with Trace("step") as trace:
        traced = draws()
    for a, b in zip(values(trace.graph, traced, {}), eager, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


def test_dropout() -> None:
    x = np.ones((100, 200), np.float32)
    out = random.dropout(x, 0.25, seed=1).numpy()
    assert abs((out == 0).mean() - 0.25) < 0.02
    np.testing.assert_allclose(out[out != 0], 1 / 0.75, rtol=1e-6)
    columns = random.dropout(x, 0.5, noise_shape=(1, None), seed=1).numpy()
    assert (columns == columns[0]).all() and len(set(columns[0].tolist())) == 2
    np.testing.assert_array_equal(random.dropout(x, 0.0, seed=1).numpy(), x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: SeedGenerator("a"), "seed='a'"),
        (lambda: random.set_global_seed(True), "seed=True"),
        (lambda: random.normal((2,), seed=0.5), "seed=0.5"),
        (lambda: random.normal((2,), dtype="int32"), "dtype='int32'"),
        (lambda: random.randint((2,), 3, 3), "received 3 and 3"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "dtype='float32'"),
        (lambda: random.dropout([1.0], 1.0), "rate=1.0"),
        (lambda: random.categorical([1.0], 2), r"received shape \(1,\)"),
        (lambda: random.randint((2,), 0, 300, dtype="uint8"), "numbers of uint8"),
        (lambda: random.dropout([1.0], 0.5, noise_shape=(1, 1)), r"\(1, 1\)"),
        (lambda: random.normal((-2,)), "shape"),
    ],
)
def test_errors(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
