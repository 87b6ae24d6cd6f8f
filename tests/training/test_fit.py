"""`fit`: that it learns, and that how it is cut into slices leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl.callbacks import Callback, LambdaCallback
from pydl.training import slices


def weights_of(model: Any) -> list[np.ndarray]:
    state = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    assert len(state) > 4
    return state


def assert_same(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


def test_learns(make_model: Any, blobs: Any) -> None:
    model = make_model(pydl.optimizers.Adam(0.01))
    history = model.fit(*blobs, epochs=15, verbose=0).history
    assert history["accuracy"][-1] > 0.9
    assert history["loss"][-1] < history["loss"][0] / 3
    assert len(history["loss"]) == 15
    assert int(model.optimizer.iterations) == 15 * 8


@pytest.mark.parametrize("passes", [1, 3, 7])
def test_slices_leave_the_same_bits(
    make_model: Any, blobs: Any, monkeypatch: Any, passes: int
) -> None:
    whole = make_model(dropout=0.3)
    whole_history = whole.fit(*blobs, epochs=3, verbose=0).history
    monkeypatch.setattr(slices.Pace, "passes", lambda self, left: min(left, passes))
    cut = make_model(dropout=0.3)
    cut_history = cut.fit(*blobs, epochs=3, verbose=0).history
    assert_same(weights_of(whole), weights_of(cut))
    assert whole_history == cut_history


def test_batch_hooks_see_every_batch_and_leave_the_same_bits(
    make_model: Any, blobs: Any
) -> None:
    plain = make_model()
    plain.fit(*blobs, epochs=2, verbose=0)
    seen: list[int] = []
    watched = make_model()
    hook = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    watched.fit(*blobs, epochs=2, verbose=0, callbacks=[hook])
    assert seen == [*range(8), *range(8)]
    assert_same(weights_of(plain), weights_of(watched))


def test_fit_without_shuffle_is_train_on_batch(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    fitted, stepped = make_model(), make_model()
    fitted.fit(x, y, shuffle=False, verbose=0)
    for at in range(0, 250, 32):
        last = stepped.train_on_batch(x[at : at + 32], y[at : at + 32])
    assert_same(weights_of(fitted), weights_of(stepped))
    assert last[0] == fitted.history.history["loss"][0]


def test_shuffle_draws_a_new_order_each_time(make_model: Any, blobs: Any) -> None:
    first, second = make_model(), make_model()
    first.fit(*blobs, epochs=2, verbose=0)
    second.fit(*blobs, epochs=2, verbose=0)
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    unshuffled = make_model()
    unshuffled.fit(*blobs, epochs=2, verbose=0, shuffle=False)
    assert not np.array_equal(first.get_weights()[0], unshuffled.get_weights()[0])


def test_same_seed_same_bits(make_model: Any, blobs: Any) -> None:
    results = []
    for _ in range(2):
        model = make_model(dropout=0.5)
        model.fit(*blobs, epochs=2, verbose=0)
        results.append(weights_of(model))
    assert_same(*results)


def test_against_numpy(blobs: Any) -> None:
    """Two epochs of plain gradient descent on a linear model, ragged batch included."""
    x, _ = blobs
    y = (x @ np.arange(8.0)[:, None]).astype("float32")
    from pydl.layers import Dense, Input
    from pydl.models import Sequential

    model = Sequential([Input((8,)), Dense(1)])
    model.compile(pydl.optimizers.SGD(0.01), "mse")
    weight, bias = (v.astype("float64") for v in model.get_weights())
    losses = []
    model.fit(x, y, epochs=2, batch_size=100, shuffle=False, verbose=0)
    for _ in range(2):
        total = 0.0
        for at in (0, 100, 200):
            xb, yb = x[at : at + 100], y[at : at + 100]
            error = xb @ weight + bias - yb
            total += float((error**2).sum())
            weight = weight - 0.01 * 2 * xb.T @ error / len(xb)
            bias = bias - 0.01 * 2 * error.mean(0)
        losses.append(total / 250)
    np.testing.assert_allclose(model.get_weights()[0], weight, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.history.history["loss"], losses, rtol=1e-4)


def test_sample_weight_zero_is_as_if_absent(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    weight = np.ones(250)
    weight[32:] = 0
    model = make_model("sgd", metrics=None)
    loss = model.train_on_batch(x[:64], y[:64], sample_weight=weight[:64])
    alone = make_model("sgd", metrics=None)
    assert loss == pytest.approx(alone.train_on_batch(x[:32], y[:32]) / 2, rel=1e-5)


def test_class_weight_is_sample_weight(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    by_class, by_row = make_model(), make_model()
    rows = np.where(y == 2, 3.0, np.where(y == 0, 0.5, 1.0))
    by_class.fit(x, y, class_weight={2: 3.0, 0: 0.5}, shuffle=False, verbose=0)
    by_row.fit(x, y, sample_weight=rows, shuffle=False, verbose=0)
    assert_same(weights_of(by_class), weights_of(by_row))


def test_one_hot_labels_are_as_sparse_ones(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    sparse = make_model()
    onehot = make_model(loss="categorical_crossentropy")
    first = sparse.fit(x, y, shuffle=False, verbose=0).history
    second = onehot.fit(x, np.eye(4)[y], shuffle=False, verbose=0).history
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-4)
    assert first["accuracy"] == second["accuracy"]


def test_validation(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    model = make_model()
    history = model.fit(x, y, validation_split=0.2, epochs=4, verbose=0).history
    assert len(history["val_loss"]) == 4
    expected = model.evaluate(x[200:], y[200:], verbose=0)
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == expected
    given = make_model()
    given.fit(x[:200], y[:200], validation_data=(x[200:], y[200:]), epochs=4, verbose=0)
    assert given.history.history == history
    rare = make_model()
    rare.fit(x, y, validation_split=0.2, epochs=4, validation_freq=2, verbose=0)
    assert len(rare.history.history["val_loss"]) == 2


def test_initial_epoch_and_steps_per_epoch(make_model: Any, blobs: Any) -> None:
    model = make_model()
    history = model.fit(*blobs, initial_epoch=3, epochs=5, steps_per_epoch=3, verbose=0)
    assert history.epoch == [3, 4]
    assert int(model.optimizer.iterations) == 6


def test_stop_training_in_a_batch_hook(make_model: Any, blobs: Any) -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 2

    model = make_model()
    model.fit(*blobs, epochs=5, verbose=0, callbacks=[Stop()])
    assert int(model.optimizer.iterations) == 3


def test_frozen_layers_stay(make_model: Any, blobs: Any) -> None:
    model = make_model()
    model.fit(*blobs, verbose=0)
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(*blobs, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    assert not np.array_equal(before[2], model.get_weights()[2])


def test_regularization_is_part_of_the_loss(blobs: Any) -> None:
    from pydl.layers import Dense, Input
    from pydl.models import Sequential

    model = Sequential([Input((8,)), Dense(1, kernel_regularizer="l2")])
    model.compile("sgd", "mse")
    x, _ = blobs
    weight, bias = model.get_weights()
    expected = float(((x @ weight + bias) ** 2).mean() + 0.01 * (weight**2).sum())
    got = model.evaluate(x, np.zeros((250, 1)), verbose=0)
    assert got == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "uint8", "bool"])
def test_inputs_of_any_dtype(make_model: Any, blobs: Any, dtype: str) -> None:
    model = make_model()
    x = np.abs(blobs[0] * 3).astype(dtype)
    assert np.isfinite(model.fit(x, blobs[1], verbose=0).history["loss"][0])


def test_lists_and_other_layouts(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    plain, other, listed = make_model(), make_model(), make_model()
    plain.fit(x, y, shuffle=False, verbose=0)
    other.fit(np.asfortranarray(x), y[::-1][::-1], shuffle=False, verbose=0)
    listed.fit(x.tolist(), y.tolist(), shuffle=False, verbose=0)
    assert_same(plain.get_weights(), other.get_weights())
    assert_same(plain.get_weights(), listed.get_weights())


def test_run_eagerly_gives_the_same_numbers_and_real_values(
    make_model: Any, blobs: Any
) -> None:
    x, y = blobs
    compiled, eager = make_model(), make_model(run_eagerly=True)
    seen: list[float] = []
    call = eager.layers[-1].call

    def spy(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        out = call(inputs, *args, **kwargs)
        seen.append(float(out.numpy().sum()))
        return out

    eager.layers[-1].call = spy
    first = compiled.fit(x, y, shuffle=False, verbose=0).history
    second = eager.fit(x, y, shuffle=False, verbose=0).history
    assert seen == pytest.approx([32.0] * 7 + [26.0], rel=1e-5)
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-4)
    for a, b in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_several_inputs_and_outputs(blobs: Any) -> None:
    from pydl.layers import Concatenate, Dense, Input
    from pydl.models import Model

    x, y = blobs
    left, right = Input((5,), name="left"), Input((3,), name="right")
    joined = Concatenate()([left, right])
    kind = Dense(4, activation="softmax", name="kind")(joined)
    size = Dense(1, name="size")(joined)
    model = Model([left, right], [kind, size])
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.5},
        metrics={"kind": "accuracy"},
    )
    inputs, labels = [x[:, :5], x[:, 5:]], {"kind": y, "size": x.sum(1)}
    logs = model.fit(inputs, labels, shuffle=False, verbose=0).history
    assert set(logs) == {"loss", "kind_loss", "size_loss", "kind_accuracy"}
    weighted = logs["kind_loss"][0] + 0.5 * logs["size_loss"][0]
    assert logs["loss"][0] == pytest.approx(weighted, rel=1e-5)
    shapes = [out.shape for out in model.predict(inputs, verbose=0)]
    assert shapes == [(250, 4), (250, 1)]


def test_own_compute_loss(blobs: Any) -> None:
    from pydl.layers import Dense, Input
    from pydl.models import Sequential

    class Tripled(Sequential):
        def compute_loss(self, **given: Any) -> Any:
            return super().compute_loss(**given) * 3.0

    x, _ = blobs
    losses = []
    for cls in (Sequential, Tripled):
        pydl.utils.set_random_seed(0)
        model = cls([Input((8,)), Dense(1)])
        model.compile("sgd", "mse")
        losses.append(model.evaluate(x, x[:, :1], verbose=0))
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)


def test_training_on_regularization_alone(blobs: Any) -> None:
    from pydl.layers import Dense, Input
    from pydl.models import Sequential

    model = Sequential([Input((8,)), Dense(2, kernel_regularizer="l2", use_bias=False)])
    model.compile(pydl.optimizers.SGD(1.0))
    before = model.get_weights()[0]
    model.fit(blobs[0], batch_size=250, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], before * 0.98, rtol=1e-5)


def test_compile_config_round_trip(make_model: Any, blobs: Any) -> None:
    loss = pydl.losses.SparseCategoricalCrossentropy(ignore_class=3)
    model = make_model(pydl.optimizers.Adam(0.02, beta_1=0.5), loss=loss)
    again = make_model()
    again.compile_from_config(model.get_compile_config())
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.evaluate(*blobs, verbose=0) == model.evaluate(*blobs, verbose=0)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
def test_traced_optimizers_are_the_eager_ones(
    make_model: Any, blobs: Any, name: str
) -> None:
    """The gradients of a traced step, fed to an equal optimizer op by op."""
    x, y = blobs[0][:32], blobs[1][:32]
    options = {"learning_rate": 0.01, "weight_decay": 0.1, "global_clipnorm": 0.05}
    configs = [{"class_name": name, "config": dict(options)} for _ in range(2)]
    model = make_model(pydl.optimizers.get(configs[0]), metrics=None)
    w1, b1, w2, b2 = (w.astype("float64") for w in model.get_weights())
    hidden = np.maximum(x @ w1 + b1, 0)
    logits = hidden @ w2 + b2
    exp = np.exp(logits - logits.max(1, keepdims=True))
    grad = (exp / exp.sum(1, keepdims=True) - np.eye(4)[y]) / 32
    back = (grad @ w2.T) * (hidden > 0)
    grads = [x.T @ back, back.sum(0), hidden.T @ grad, grad.sum(0)]
    by_hand = make_model("sgd")
    optimizer = pydl.optimizers.get(configs[1])
    optimizer.apply([g.astype("float32") for g in grads], by_hand.trainable_variables)
    model.train_on_batch(x, y)
    for a, b in zip(model.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_own_optimizer_in_fit(make_model: Any, blobs: Any) -> None:
    class Descent(pydl.optimizers.Optimizer):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            variable.assign_sub(gradient * learning_rate)

    own, built_in = make_model(Descent(0.01)), make_model("sgd")
    own.fit(*blobs, shuffle=False, verbose=0)
    built_in.fit(*blobs, shuffle=False, verbose=0)
    for a, b in zip(own.get_weights(), built_in.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        pydl.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5),
        pydl.optimizers.SGD(
            pydl.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9
        ),
        pydl.optimizers.RMSprop(0.01, clipnorm=0.1, centered=True, momentum=0.5),
        pydl.optimizers.Adam(0.01, amsgrad=True, clipvalue=0.01, loss_scale_factor=8.0),
    ],
    ids=["ema", "schedule", "rmsprop", "clipvalue"],
)
def test_traced_is_eager_over_steps(
    make_model: Any, blobs: Any, optimizer: Any
) -> None:
    """Eight steps, compiled and op by op."""
    config = pydl.optimizers.serialize(optimizer)
    results = []
    for eager in (False, True):
        model = make_model(pydl.optimizers.get(config), run_eagerly=eager)
        model.fit(*blobs, shuffle=False, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4)


def test_targets_that_are_the_inputs_are_gathered_once() -> None:
    """The same bits as with a copy of them, whatever was converted."""
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        x = rng.random((70, 6)).astype(dtype)
        results, gathers = [], []
        for y in (x, x.copy()):
            pydl.utils.set_random_seed(1)
            model = pydl.Sequential([pydl.Input((6,)), pydl.layers.Dense(6)])
            model.compile("adam", "mse")
            model.fit(x, y, batch_size=32, epochs=2, validation_split=0.2, verbose=0)
            results.append(model.get_weights())
            ops = [row["op"] for row in model.explain()[0].rows]
            gathers.append(ops.count("take"))
        assert gathers == [1, 2]
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a, b)
