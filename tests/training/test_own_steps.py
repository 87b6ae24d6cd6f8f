"""`train_step`, `test_step`, `predict_step` and their like, overridden."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, metrics, models, ops, optimizers
from pydl.graph.gradients import gradients

RNG = np.random.default_rng(1)
X = RNG.standard_normal((70, 8)).astype("float32")
Y = (X[:, :1] - 2 * X[:, 1:2]).astype("float32")


class Plain(models.Sequential):
    """What `fit` does, written by hand."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        grads = gradients([loss], self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=float(x.shape[0]))
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class Looking(Plain):
    """Needs a value, so it cannot be compiled."""

    seen: list[float]

    def train_step(self, data: Any) -> Any:
        logs = super().train_step(data)
        if not hasattr(self, "seen"):
            object.__setattr__(self, "seen", [])
        self.seen.append(float(logs["loss"]))
        return logs


def make(cls: Any = models.Sequential, **options: Any) -> Any:
    pydl.utils.set_random_seed(2)
    model = cls(
        [layers.Input((8,)), layers.Dense(5, "relu"), layers.Dropout(0.2)]
        + [layers.Dense(1)]
    )
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"], **options)
    return model


def assert_same(left: Any, right: Any) -> None:
    for a, b in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    assert list(left.history.history) == list(right.history.history)
    for name, values in left.history.history.items():
        np.testing.assert_allclose(values, right.history.history[name], rtol=1e-6)


FIT = {"epochs": 2, "batch_size": 16, "verbose": 0, "validation_data": (X[:20], Y[:20])}


def test_own_step_is_what_fit_does() -> None:
    expected = make()
    expected.fit(X, Y, **FIT)
    for options in ({}, {"run_eagerly": True}):
        model = make(Plain, **options)
        model.fit(X, Y, **FIT)
        assert_same(model, expected)
    tables = make(Plain).explain()
    assert tables == []
    model = make(Plain)
    model.fit(X, Y, **FIT)
    assert len(model.explain()) >= 2  # it was compiled


def test_step_that_needs_values_runs_op_by_op() -> None:
    expected = make()
    expected.fit(X, Y, **FIT)
    model = make(Looking)
    with pytest.warns(
        UserWarning, match="Looking.train_step cannot be compiled.*float"
    ):
        model.fit(X, Y, **FIT)
    assert_same(model, expected)
    # One more: the value is asked for behind the first attempt's trace too.
    assert len(model.seen) == 10
    assert model.seen[-1] == pytest.approx(model.history.history["loss"][-1])


def test_on_batch_and_sources() -> None:
    one, two = make(), make(Plain)
    for model in (one, two):
        logs = model.train_on_batch(X[:8], Y[:8], return_dict=True)
        again = model.train_on_batch(X[:8], Y[:8])
        assert list(logs) == ["loss", "mae"] and len(again) == 2
    assert one.test_on_batch(X, Y) == pytest.approx(two.test_on_batch(X, Y))
    one, two = make(), make(Plain)
    for model in (one, two):
        model.fit(((X[i : i + 7], Y[i : i + 7]) for i in range(0, 70, 7)), verbose=0)
    assert_same(one, two)


class Encoder(pydl.Model):
    """Trackers of its own and no loss of `compile`: a variational autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = layers.Dense(4), layers.Dense(8)
        self.seed = pydl.random.SeedGenerator(3)
        self.total = metrics.Mean(name="total")
        self.penalty = metrics.Mean(name="penalty")

    @property
    def metrics(self) -> Any:
        return [self.total, self.penalty]

    def call(self, x: Any) -> Any:
        mean, spread = ops.split(self.down(x), 2, axis=-1)
        noise = pydl.random.normal((x.shape[0], 2), seed=self.seed)
        code = mean + ops.exp(0.5 * spread) * noise
        return self.up(code), ops.mean(mean**2 + ops.exp(spread) - spread - 1.0)

    def train_step(self, data: Any) -> Any:
        decoded, penalty = self(data, training=True)
        loss = ops.mean((decoded - data) ** 2) + 0.01 * penalty
        weights = self.trainable_weights
        self.optimizer.apply(gradients([loss], weights), weights)
        self.total.update_state(loss)
        self.penalty.update_state(penalty)
        return {m.name: m.result() for m in self.metrics}


def test_trackers_of_its_own() -> None:
    pydl.utils.set_random_seed(0)
    model = Encoder()
    model.compile(optimizers.Adam(0.01))
    history = model.fit(X, epochs=15, verbose=0, shuffle=False).history
    assert list(history) == ["penalty", "total"]
    assert history["total"][-1] < 0.8 * history["total"][0]
    assert len(set(history["penalty"])) == 15  # noise differs from step to step


class Gan(pydl.Model):
    """Two optimizers in one step."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = models.Sequential([layers.Dense(8, "relu"), layers.Dense(1)])
        self.maker = models.Sequential([layers.Dense(8, "relu"), layers.Dense(2)])
        self.seed = pydl.random.SeedGenerator(5)
        self.c_loss, self.m_loss = metrics.Mean(name="c"), metrics.Mean(name="m")

    def compile(self, c_optimizer: Any, m_optimizer: Any, loss_fn: Any) -> None:
        super().compile()
        self.c_optimizer, self.m_optimizer = c_optimizer, m_optimizer
        self.loss_fn = loss_fn

    @property
    def metrics(self) -> Any:
        return [self.c_loss, self.m_loss]

    def train_step(self, real: Any) -> Any:
        rows = real.shape[0]
        noise = pydl.random.normal((rows, 3), seed=self.seed)
        fake = ops.stop_gradient(self.maker(noise))
        said = self.critic(ops.concatenate([fake, real], axis=0))
        truth = ops.concatenate([ops.ones((rows, 1)), ops.zeros((rows, 1))], axis=0)
        c_loss = self.loss_fn(truth, said)
        weights = self.critic.trainable_weights
        self.c_optimizer.apply(gradients([c_loss], weights), weights)
        made = self.maker(pydl.random.normal((rows, 3), seed=self.seed))
        m_loss = self.loss_fn(ops.zeros((rows, 1)), self.critic(made))
        weights = self.maker.trainable_weights
        self.m_optimizer.apply(gradients([m_loss], weights), weights)
        self.c_loss.update_state(c_loss)
        self.m_loss.update_state(m_loss)
        return {"c": self.c_loss.result(), "m": self.m_loss.result()}


def test_two_optimizers() -> None:
    results = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(0)
        model = Gan()
        model.critic(np.zeros((1, 2), "float32"))
        model.maker(np.zeros((1, 3), "float32"))
        model.compile(
            optimizers.Adam(0.01), optimizers.Adam(0.02),
            pydl.losses.BinaryCrossentropy(from_logits=True),
        )  # fmt: skip
        model.run_eagerly = eagerly
        history = model.fit(X[:, :2] + 3, epochs=4, verbose=0).history
        assert list(history) == ["c", "m"]
        assert int(model.c_optimizer.iterations) == int(model.m_optimizer.iterations)
        results.append([*history["c"], *history["m"]])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_compute_metrics_and_compute_loss() -> None:
    class Own(models.Sequential):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None,
            sample_weight: Any = None,
        ) -> Any:  # fmt: skip
            return super().compute_loss(x, y, y_pred, sample_weight) * 2.0

        def compute_metrics(
            self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
        ) -> Any:
            logs = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**logs, "twice": 2 * logs["mae"], "note": "kept"}

    model = make(Own)
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    plain = make().evaluate(X, Y, verbose=0, return_dict=True)
    assert list(logs) == ["loss", "mae", "note", "twice"]
    assert logs["note"] == "kept"
    assert logs["loss"] == pytest.approx(2 * plain["loss"], rel=1e-6)
    assert logs["twice"] == pytest.approx(2 * plain["mae"], rel=1e-6)
    assert model.fit(X, Y, verbose=0).history["note"] == ["kept"]


def test_predict_step() -> None:
    class Named(models.Sequential):
        def predict_step(self, data: Any) -> Any:
            y = super().predict_step(data)
            return {"y": y, "sign": ops.sign(y)}

    model = make(Named)
    for eagerly in (False, True):
        model.run_eagerly = eagerly
        found = model.predict(X, verbose=0)
        plain = make().predict(X, verbose=0)
        np.testing.assert_allclose(found["y"], plain, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found["sign"], np.sign(found["y"]))


def test_prediction_that_needs_values() -> None:
    class Branching(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x: Any) -> Any:
            y = self.dense(x)
            return y if float(ops.mean(y)) > 0 else -y

    model = Branching()
    with pytest.warns(UserWarning, match="prediction of Branching cannot be compiled"):
        found = model.predict(X, verbose=0, batch_size=35)
    assert found.shape == (70, 1)
    assert found[:35].mean() >= 0 and found[35:].mean() >= 0


def test_functions_of_iterators() -> None:
    class Twice(models.Sequential):
        """Trains on every batch twice, in a function of its own."""

        def make_train_function(self, force: bool = False) -> Any:
            plain = super().make_train_function(force=True)

            def function(iterator: Any) -> Any:
                batch = next(iterator)
                plain(iter([batch]))
                logs = plain(iter([batch]))
                return {**logs, "twice": 1.0}

            object.__setattr__(self, "train_function", function)
            return function

    model, expected = make(Twice), make()
    model.fit(X, Y, shuffle=False, verbose=0, batch_size=35)
    for at in (0, 0, 35, 35):
        expected.train_on_batch(X[at : at + 35], Y[at : at + 35])
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert list(model.history.history) == ["loss", "mae", "twice"]
    assert make().make_predict_function()(iter([(X[:3],)])).shape == (3, 1)


def test_steps_outside_of_fit() -> None:
    model, expected = make(), make()
    logs = model.train_step((X[:16], Y[:16]))
    wanted = expected.train_on_batch(X[:16], Y[:16], return_dict=True)
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(wanted)
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert float(model.test_step((X, Y))["loss"]) > 0
    assert model.predict_step(X).shape == (70, 1)


def test_mistakes() -> None:
    class NoDict(models.Sequential):
        def train_step(self, data: Any) -> Any:
            return 3.0

    class Vector(models.Sequential):
        def compute_loss(self, **kwargs: Any) -> Any:
            return ops.ones((3,))

    with pytest.raises(ValueError, match="NoDict.train_step: expected a dict"):
        make(NoDict).fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="Vector.compute_loss: expected a scalar"):
        make(Vector).fit(X, Y, verbose=0)


def test_export_leaves_an_own_step_out(tmp_path: Any) -> None:
    with pytest.warns(UserWarning, match="train_step of its own, which is not written"):
        make(Plain).export(tmp_path / "m.pydl")


def test_loss_that_is_not_finite_ends_an_own_step() -> None:
    x = X.copy()
    x[33] = np.nan
    model = make(Plain)
    hook = pydl.callbacks.TerminateOnNaN()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, Y, shuffle=False, batch_size=16, verbose=0, callbacks=[hook])
    assert int(model.optimizer.iterations) == 3


def test_step_written_with_a_tape() -> None:
    class Taped(models.Sequential):
        def train_step(self, data: Any) -> Any:
            x, y = data
            with pydl.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(grads, self.trainable_variables)
            self._loss_tracker.update_state(loss, sample_weight=float(x.shape[0]))
            return self.compute_metrics(x, y, y_pred)

    expected = make()
    expected.fit(X, Y, **FIT)
    for options in ({}, {"run_eagerly": True}):
        model = make(Taped, **options)
        model.fit(X, Y, **FIT)
        assert_same(model, expected)
    model, expected = make(Taped), make()
    model.train_step((X[:16], Y[:16]))  # outside of fit and of any trace
    expected.train_on_batch(X[:16], Y[:16])
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
