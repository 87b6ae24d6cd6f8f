"""Logs, their names and their order against those of Keras: see
tests/data/make_training_parity.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl

DATA = json.loads(
    (Path(__file__).parents[1] / "data" / "training_parity.json").read_text()
)
X, Y, Z, W = (np.asarray(DATA[name], "float32") for name in "xyzw")


class Two(pydl.Model):
    """Two Dense layers; `form` is what is returned."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.a, self.b = pydl.layers.Dense(2), pydl.layers.Dense(2)

    def call(self, x: Any) -> Any:
        left, right = self.a(x), self.b(x)
        forms = {
            "tuple": (left, right),
            "dict": {"p": left, "q": right},
            "nested": {"p": [left, right]},
        }
        return forms[self.form]


def make_model(kind: str) -> Any:
    if kind == "single":
        return pydl.Sequential([pydl.Input((3,)), pydl.layers.Dense(2, name="a")])
    if kind != "functional":
        return Two(kind)
    x = pydl.Input((3,))
    outputs = [pydl.layers.Dense(2, name=name)(x) for name in ("a", "b")]
    return pydl.Model(x, outputs)


def compiled(case: dict[str, Any], **arguments: Any) -> Any:
    model = make_model(case["kind"])
    model(X[:1])
    kernels = DATA["kernels"][: 1 if case["kind"] == "single" else 2]
    model.set_weights([v for k in kernels for v in (np.asarray(k), np.zeros(2))])
    optimizer = pydl.optimizers.SGD(0.05, **case["optimizer"])
    model.compile(optimizer, **case["compile"], **arguments)
    return model


def data_of(case: dict[str, Any]) -> tuple[Any, Any]:
    y: Any = Y if case["kind"] == "single" else [Y, Z]
    y = tuple(y) if case["kind"] == "tuple" else y
    named = {"a": Y, "b": Z}, {"p": Y, "q": Z}, {"p": [Y, Z]}
    targets = dict(zip(("named", "keyed", "nested"), named, strict=True))
    weights = {"plain": W, "each": [W, W[::-1].copy()]}
    return targets.get(case["y"], y), weights.get(case["weight"])


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", sorted(DATA["cases"]))
def test_logs(name: str, eagerly: bool) -> None:
    case = DATA["cases"][name]
    model = compiled(case, run_eagerly=eagerly)
    y, weight = data_of(case)
    options = {"batch_size": 16, "verbose": 0}
    history = model.fit(
        X, y, epochs=2, shuffle=False, sample_weight=weight, **options
    ).history
    expected = case["history"]
    assert list(history) == list(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=2e-5, err_msg=key)
    for weights, wanted in zip(model.get_weights(), case["weights"], strict=True):
        np.testing.assert_allclose(weights, wanted, rtol=2e-5, atol=1e-6)
    found = np.ravel(model.evaluate(X, y, **options))
    np.testing.assert_allclose(found, case["evaluate"], rtol=2e-5)


def test_several_losses_of_one_output() -> None:
    case = {"kind": "single", "optimizer": {}, "compile": {"loss": ["mse", "mae"]}}
    logs = compiled(case).evaluate(X, Y, verbose=0, return_dict=True)
    assert list(logs) == ["loss", "mae_loss", "mse_loss"]
    assert logs["loss"] == pytest.approx(logs["mae_loss"] + logs["mse_loss"])


@pytest.mark.parametrize("name", ["functional", "dict", "nested", "single weighted"])
def test_own_step_logs_the_same(name: str) -> None:
    """`train_step` and `test_step` in Python do what the natively traced ones do."""
    case = DATA["cases"][name]
    y, weight = data_of(case)
    histories = []
    for own in (False, True):
        model = compiled(case)
        if own:
            for step in ("train_step", "test_step"):
                plain = getattr(model, step)
                object.__setattr__(model, step, lambda data, plain=plain: plain(data))
        fitted = model.fit(
            X, y, batch_size=16, epochs=2, shuffle=False, sample_weight=weight,
            verbose=0, validation_data=(X, y),
        )  # fmt: skip
        histories.append(fitted.history)
    assert list(histories[0]) == list(histories[1])
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-6, err_msg=key)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"metrics": "mae"},
            "Expected `metrics` argument to be a list, tuple, or dict",
        ),
        ({"weighted_metrics": "mae"}, "Expected `weighted_metrics` argument"),
    ],
)
def test_forms_that_keras_refuses(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make_model("single").compile("sgd", "mse", **arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"loss": {"a": "mse", "c": "mae"}}, "loss: no output is named 'c'"),
        ({"loss": ["mse"]}, "loss: expected one entry for each of 2 outputs"),
        (
            {"loss": "mse", "loss_weights": [1, 2, 3]},
            "loss_weights: expected one entry",
        ),
        ({"loss": "mse", "metrics": ["mae"]}, "metrics: expected one entry for each"),
        ({"loss": "mse", "metrics": {"x": ["mae"]}}, "metrics: no output is named 'x'"),
    ],
)
def test_what_does_not_match_outputs(arguments: dict[str, Any], text: str) -> None:
    model = make_model("functional")
    model.compile("sgd", **arguments)
    with pytest.raises(ValueError, match=text):
        model.fit(X, [Y, Z], verbose=0)


def test_labels_that_do_not_match_outputs() -> None:
    model = make_model("functional")
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="different structures"):
        model.fit(X, [Y, Z, Y], verbose=0)
