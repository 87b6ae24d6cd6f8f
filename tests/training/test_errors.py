"""What is said when users are wrong, and that weights survive it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, models, ops
from pydl.callbacks import TerminateOnNaN


def test_not_compiled(blobs: Any) -> None:
    from pydl.layers import Dense, Input
    from pydl.models import Sequential

    model = Sequential([Input((8,)), Dense(4)])
    with pytest.raises(
        ValueError, match=r"must call `compile\(\)` before calling `fit"
    ):
        model.fit(*blobs)


def test_lengths(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    with pytest.raises(
        ValueError, match=r"equal length, received x \(250, 8\), y \(249,\)"
    ):
        make_model().fit(x, y[:-1], verbose=0)


def test_no_rows(make_model: Any) -> None:
    with pytest.raises(ValueError, match=r"x: expected at least one row.*\(0, 8\)"):
        make_model().fit(np.zeros((0, 8)), np.zeros(0), verbose=0)


def test_no_data(make_model: Any) -> None:
    with pytest.raises(ValueError, match="x: expected arrays, received None"):
        make_model().fit(verbose=0)


def test_no_labels(make_model: Any, blobs: Any) -> None:
    with pytest.raises(
        ValueError, match="y: expected labels for the loss 'sparse_.*None"
    ):
        make_model().fit(blobs[0], verbose=0)


def test_rows_of_unequal_length(make_model: Any) -> None:
    with pytest.raises(ValueError, match="x: expected rows of equal length"):
        make_model().fit([[1, 2], [3]], [0, 1], verbose=0)


def test_wrong_width_names_the_layer(make_model: Any, blobs: Any) -> None:
    model = make_model()
    with pytest.raises(ValueError, match=r"(sequential|dense).*8.*\(\w+, 7\)"):
        model.fit(blobs[0][:, :7], blobs[1], verbose=0)


@pytest.mark.parametrize(("bad", "where"), [(4, 77), (-1, 3), (10**12, 249)])
def test_label_out_of_range(make_model: Any, blobs: Any, bad: int, where: int) -> None:
    model, (x, y) = make_model(), blobs
    before = model.get_weights()
    y = y.copy()
    y[where] = bad
    text = (
        rf"y: label {bad} at index {where} is outside \[0, 4\): the model has 4 classes"
    )
    with pytest.raises(ValueError, match=text):
        model.fit(x, y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_label_out_of_range_inside_a_step(make_model: Any, blobs: Any) -> None:
    """`train_on_batch` does not look at labels first: the step itself must."""
    model, (x, y) = make_model(), blobs
    model.train_on_batch(x[:32], y[:32])
    before = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    metrics = model.get_metrics_result()
    y = y.copy()
    y[5] = 9
    with pytest.raises(ValueError, match="labels between 0 and 3; .* index 5 of"):
        model.train_on_batch(x[:32], y[:32])
    after = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.get_metrics_result() == metrics
    y[5] = 0
    model.train_on_batch(x[:32], y[:32])
    assert int(model.optimizer.iterations) == 2


def test_data_that_is_not_numbers(make_model: Any, blobs: Any) -> None:
    with pytest.raises(
        TypeError, match="y: expected numbers, received an array of dtype"
    ):
        make_model().fit(blobs[0], np.array(["a"] * 250), verbose=0)
    with pytest.raises(ValueError, match="x` as a generator, `y` should not be passed"):
        make_model().fit((i for i in range(3)), blobs[1], verbose=0)
    with pytest.raises(TypeError, match="x: expected an array.*received <function"):
        make_model().fit(lambda: 3, blobs[1], verbose=0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"loss": "mean_square_error"},
            "unknown loss 'mean_square_error'. Did you mean",
        ),
        ({"optimizer": "adamm"}, "unknown optimizer 'adamm'. Did you mean 'adam'"),
        ({"metrics": ["acurracy"]}, "unknown metric 'acurracy'"),
    ],
)
def test_unknown_names(make_model: Any, arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make_model(**arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"batch_size": 0}, "batch_size: expected an int >= 1, received 0"),
        ({"validation_split": 1.5}, r"validation_split: expected.*received 1.5"),
        ({"verbose": 7}, "verbose: expected 'auto', 0, 1 or 2, received 7"),
        ({"validation_data": np.zeros(3)}, "validation_data: expected a tuple"),
        ({"callbacks": ["x"]}, "callbacks: expected Callback objects, received 'x'"),
    ],
)
def test_arguments_of_fit(
    make_model: Any, blobs: Any, arguments: Any, text: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        make_model().fit(*blobs, **{"verbose": 0, **arguments})


def test_no_loss(make_model: Any, blobs: Any) -> None:
    with pytest.raises(ValueError, match="there is no loss to minimize"):
        make_model(loss=None, metrics=None).fit(*blobs, verbose=0)


def test_nan_is_data(make_model: Any, blobs: Any) -> None:
    x = blobs[0].copy()
    x[3, 3] = np.nan
    model = make_model()
    history = model.fit(x, blobs[1], epochs=2, verbose=0).history
    assert np.isnan(history["loss"]).all()


def test_terminate_on_nan_ends_at_the_step(
    make_model: Any, blobs: Any, capsys: Any
) -> None:
    x = blobs[0].copy()
    x[70] = np.nan  # in the third batch
    model = make_model()
    model.fit(
        x, blobs[1], epochs=3, shuffle=False, verbose=0, callbacks=[TerminateOnNaN()]
    )
    assert int(model.optimizer.iterations) == 3
    assert "Batch 2: Invalid loss, terminating training" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered"):
        model.fit(x, blobs[1], verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])


def test_changed_optimizer_variables(make_model: Any, blobs: Any) -> None:
    other = make_model()
    other.fit(*blobs, verbose=0)
    model = make_model()
    model.compile(other.optimizer, "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="unknown variable.*built for other variables"):
        model.fit(*blobs, verbose=0)


def test_export_format(make_model: Any, tmp_path: Any) -> None:
    with pytest.raises(ValueError, match="format: expected 'pydl', received 'onnx'"):
        make_model().export(tmp_path / "m.onnx", format="onnx")
    assert pydl.__name__ == "pydl"


class Lookup(layers.Layer):
    """Rows of a table by the first column of the input."""

    def call(self, inputs: Any) -> Any:
        table = ops.reshape(ops.arange(12, dtype="float32"), (4, 3))
        return ops.take(table, ops.cast(inputs[:, 0], "int32"), axis=0)


@pytest.mark.parametrize("eager", [False, True])
def test_bad_index_inside_a_model(eager: bool) -> None:
    """The message is that of the op that found it, and the batch changes nothing."""
    stack = [Lookup(), layers.BatchNormalization(), layers.Dropout(0.5)]
    model = models.Sequential([*stack, layers.Dense(2)])
    model.compile("sgd", "mse", run_eagerly=eager)
    x, y = np.ones((8, 1), "float32"), np.ones((8, 2), "float32")
    model.train_on_batch(x, y)
    before = model.get_weights()  # with the averages that a call moves
    assert before[2].any()
    x[6] = 7
    with pytest.raises(ValueError, match="take: .* between -4 and 3; .* index 6 of"):
        model.train_on_batch(x, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_metrics_in_the_place_of_loss_weights(make_model: Any, blobs: Any) -> None:
    model = make_model()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    with pytest.raises(ValueError, match="loss_weights: expected numbers.*accuracy"):
        model.fit(*blobs, verbose=0)
