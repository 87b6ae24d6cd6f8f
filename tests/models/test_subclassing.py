"""Subclassed layers and models, as Keras's guide on subclassing writes them, and
training loops written from scratch."""

from __future__ import annotations

import numpy as np
import pytest

import pydl as keras
from pydl import layers, ops

rng = np.random.default_rng(12)


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_var = inputs
        batch, size = ops.shape(mean)
        noise = keras.random.normal(shape=(batch, size), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise


class Encoder(layers.Layer):
    def __init__(self, size, hidden, name="encoder", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hidden = layers.Dense(hidden, activation="relu")
        self.mean, self.log_var = layers.Dense(size), layers.Dense(size)
        self.sampling = Sampling()

    def call(self, inputs):
        x = self.hidden(inputs)
        mean, log_var = self.mean(x), self.log_var(x)
        return mean, log_var, self.sampling((mean, log_var))


class VAE(keras.Model):
    def __init__(self, width, hidden=16, size=4, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Encoder(size, hidden)
        self.decoder = keras.Sequential(
            [
                layers.Dense(hidden, activation="relu"),
                layers.Dense(width, activation="sigmoid"),
            ]
        )

    def call(self, inputs):
        mean, log_var, z = self.encoder(inputs)
        divergence = -0.5 * ops.mean(log_var - ops.square(mean) - ops.exp(log_var) + 1)
        self.add_loss(divergence)
        return self.decoder(z)


X = rng.random((100, 20)).astype("float32")


def test_a_layer_of_the_guide_makes_configures_and_rebuilds():
    layer = Linear(8)
    layer(ops.ones((2, 3)))
    assert [tuple(w.shape) for w in layer.weights] == [(3, 8), (8,)]
    again = Linear.from_config(layer.get_config())
    again.build_from_config(layer.get_build_config())
    assert again.built and tuple(again.w.shape) == (3, 8)


def test_state_that_is_not_trained():
    class Total(layers.Layer):
        def __init__(self, size):
            super().__init__()
            self.total = self.add_weight((size,), "zeros", trainable=False)

        def call(self, inputs):
            self.total.assign_add(ops.sum(inputs, axis=0))
            return self.total

    layer = Total(2)
    assert layer(ops.ones((2, 2))).numpy().tolist() == [2, 2]
    assert layer(ops.ones((2, 2))).numpy().tolist() == [4, 4]
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 1


def test_the_autoencoder_fits_and_its_losses_are_of_the_last_call():
    keras.utils.set_random_seed(1)
    model = VAE(20)
    model.compile(keras.optimizers.Adam(1e-2), loss="mse")
    history = model.fit(X, X, epochs=4, batch_size=25, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model(X)
    model(X)
    assert len(model.losses) == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_the_autoencoder_in_a_loop_from_scratch(compiled):
    keras.utils.set_random_seed(1)
    model, optimizer = VAE(20), keras.optimizers.Adam(1e-2)
    loss_fn, mean = keras.losses.MeanSquaredError(), keras.metrics.Mean()

    def step(x):
        with keras.GradientTape() as tape:
            loss = loss_fn(x, model(x, training=True)) + sum(model.losses)
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply_gradients(zip(grads, model.trainable_weights, strict=True))
        mean.update_state(loss)
        return loss

    step = keras.function(step) if compiled else step
    losses = [float(step(X)) for _ in range(20)]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(float(mean.result()), np.mean(losses), rtol=1e-5)
    if compiled:
        assert step.trace_count == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_two_optimizers_in_one_step(compiled):
    """A GAN: each network moves only by its own optimizer."""
    keras.utils.set_random_seed(1)
    judge = keras.Sequential([keras.Input((8,)), layers.Dense(8), layers.Dense(1)])
    maker = keras.Sequential([keras.Input((4,)), layers.Dense(8)])
    of_judge, of_maker = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.1)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def step(real, noise, train_maker):
        both = ops.concatenate([maker(noise), real], axis=0)
        labels = ops.concatenate([ops.ones((16, 1)), ops.zeros((16, 1))], axis=0)
        with keras.GradientTape() as tape:
            loss = loss_fn(labels, judge(both))
        grads = tape.gradient(loss, judge.trainable_weights)
        of_judge.apply(grads, judge.trainable_weights)
        if train_maker:
            with keras.GradientTape() as tape:
                fooled = loss_fn(ops.zeros((16, 1)), judge(maker(noise)))
            grads = tape.gradient(fooled, maker.trainable_weights)
            of_maker.apply(grads, maker.trainable_weights)
        return loss

    run = keras.function(step) if compiled else step
    real = ops.convert_to_tensor(rng.random((16, 8)).astype("float32"))
    noise = ops.convert_to_tensor(rng.normal(size=(16, 4)).astype("float32"))
    before = maker.get_weights()[0], judge.get_weights()[0]
    run(real, noise, False)
    assert (maker.get_weights()[0] == before[0]).all()
    assert (judge.get_weights()[0] != before[1]).any()
    run(real, noise, True)
    assert (maker.get_weights()[0] != before[0]).any()


def test_layers_in_nested_lists_and_dicts_are_found():
    class Nested(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = {"a": [layers.Dense(3), {"deep": layers.Dense(4)}]}
            self.blocks["b"] = (layers.Dense(5),)

        def call(self, x):
            x = self.blocks["a"][1]["deep"](self.blocks["a"][0](x))
            return self.blocks["b"][0](x)

    model = Nested()
    model(np.ones((1, 2), "float32"))
    assert len(model.weights) == 6 and len(model.layers) == 3
    clone = keras.models.clone_model(model)
    clone(np.ones((1, 2), "float32"))
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 5)), verbose=0)


def test_a_model_that_is_a_layer_by_its_second_base():
    class Trained(keras.Model, layers.Dense):
        pass

    model = Trained(3, activation="tanh", name="trained")
    assert model(np.ones((1, 2), "float32")).shape == (1, 3)
    assert [tuple(w.shape) for w in model.weights] == [(2, 3), (3,)]
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    model.fit(np.ones((4, 2)), np.zeros((4, 3)), verbose=0)
    assert model.name == "trained" and (model.get_weights()[0] != before).any()


def test_own_output_specs():
    class Both(layers.Layer):
        def call(self, x):
            return {"double": x * 2, "sum": ops.sum(x, axis=-1)}

    spec = Both().compute_output_spec(keras.KerasTensor((None, 3)))
    assert (spec["double"].shape, spec["sum"].shape) == ((None, 3), (None,))

    class Declared(layers.Layer):
        def call(self, x):
            return x

        def compute_output_spec(self, x):
            return keras.KerasTensor((*x.shape, 7), "float32")

    assert Declared()(keras.Input((2,))).shape == (None, 2, 7)


@pytest.mark.parametrize("passed", [True, False])
def test_trainable_may_change_between_compiled_calls(passed):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2), layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)

    held = model

    @keras.function
    def step(model, x):
        model = model or held
        with keras.GradientTape() as tape:
            loss = ops.mean(ops.square(model(x) - 1.0))
        optimizer.apply(
            tape.gradient(loss, model.trainable_variables), model.trainable_variables
        )

    x = np.ones((4, 2), "float32")
    argument = model if passed else None
    step(argument, x)
    model.layers[0].trainable = False
    before = model.layers[0].kernel.numpy(), model.layers[1].kernel.numpy()
    step(argument, x)
    assert (model.layers[0].kernel.numpy() == before[0]).all()
    assert (model.layers[1].kernel.numpy() != before[1]).any()
