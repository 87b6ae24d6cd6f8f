"""Writes training_parity.json: logs of Keras for models of one and several outputs.

    KERAS_BACKEND=jax python tests/data/make_training_parity.py

Every case starts from the weights written here, takes batches of 16 in order and logs
two epochs of `fit` and one `evaluate`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

RNG = np.random.default_rng(7)
X = RNG.standard_normal((40, 3)).astype("float32")
Y = RNG.standard_normal((40, 2)).astype("float32")
Z = RNG.integers(0, 2, (40, 2)).astype("float32")
W = RNG.uniform(0.2, 2, 40).astype("float32")
KERNELS = [RNG.standard_normal((3, 2)).astype("float32") for _ in range(2)]


class Two(keras.Model):
    """Two Dense layers; `form` is what is returned."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.a, self.b = keras.layers.Dense(2), keras.layers.Dense(2)

    def call(self, x: Any) -> Any:
        left, right = self.a(x), self.b(x)
        forms = {
            "tuple": (left, right),
            "dict": {"p": left, "q": right},
            "nested": {"p": [left, right]},
        }
        return forms[self.form]


def functional() -> Any:
    x = keras.Input((3,))
    outputs = [keras.layers.Dense(2, name=name)(x) for name in ("a", "b")]
    return keras.Model(x, outputs)


def single() -> Any:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a")])


CASES: dict[str, dict[str, Any]] = {
    "single": {"compile": {"loss": "mse", "metrics": ["mae"]}},
    "single weighted": {
        "compile": {"loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae"]},
        "weight": "plain",
    },
    "clipped": {"compile": {"loss": "mse"}, "optimizer": {"clipnorm": 0.1}},
    "clipped all": {"compile": {"loss": "mse"}, "optimizer": {"global_clipnorm": 0.1}},
    "clipped values": {"compile": {"loss": "mse"}, "optimizer": {"clipvalue": 0.05}},
    "scaled": {
        "compile": {"loss": "mse"},
        "optimizer": {"loss_scale_factor": 64.0, "clipnorm": 0.2},
    },
    "accumulated": {
        "compile": {"loss": "mse"},
        "optimizer": {"gradient_accumulation_steps": 2, "momentum": 0.9},
    },
    "accumulated and averaged": {
        "compile": {"loss": "mse"},
        "optimizer": {
            "gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5,
            "clipnorm": 0.2,
        },
    },
    "averaged": {
        "compile": {"loss": "mse"},
        "optimizer": {
            "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2,
        },
    },
    "functional": {
        "compile": {
            "loss": ["mse", "mae"], "loss_weights": [1.0, 0.3],
            "metrics": [["mae"], ["mse"]], "weighted_metrics": [["mae"], None],
        },
        "weight": "plain",
    },
    "functional by name": {
        "compile": {
            "loss": {"a": "mse", "b": "mae"}, "loss_weights": {"a": 0.5, "b": 2.0},
            "metrics": {"b": ["mae", "mse"]},
        },
        "y": "named",
    },
    "functional weighted": {
        "compile": {
            "loss": ["mse", "mae"], "weighted_metrics": [["mae"], ["mse"]],
        },
        "weight": "each",
    },
    "functional one loss": {"compile": {"loss": "mse"}},
    "functional part": {"compile": {"loss": ["mse", None]}},
    "tuple": {
        "compile": {"loss": ["mse", "mse"], "metrics": [["mae"], ["mae", "mse"]]}
    },
    "tuple one metric each": {"compile": {"loss": "mse", "metrics": ["mae", "mse"]}},
    "dict": {
        "compile": {"loss": {"p": "mse", "q": "mae"}, "metrics": {"q": ["mae"]}},
        "y": "keyed",
    },
    "nested": {
        "compile": {
            "loss": {"p": ["mse", "mae"]}, "loss_weights": {"p": [1.0, 2.0]},
            "metrics": {"p": [["mae"], ["mse"]]},
        },
        "y": "nested",
    },
}  # fmt: skip

MODELS = {"single": single, "functional": functional}
TARGETS = {
    "named": {"a": Y, "b": Z},
    "keyed": {"p": Y, "q": Z},
    "nested": {"p": [Y, Z]},
}
WEIGHTS = {"plain": W, "each": [W, W[::-1].copy()]}


def kind_of(name: str) -> str:
    first = name.split()[0]
    if first in ("tuple", "dict", "nested", "functional"):
        return first
    return "single"


def run(name: str, case: dict[str, Any]) -> dict[str, Any]:
    kind = kind_of(name)
    model = MODELS[kind]() if kind in MODELS else Two(kind)
    model(X[:1])
    count = 1 if kind == "single" else 2
    model.set_weights([v for k in KERNELS[:count] for v in (k, np.zeros(2, "float32"))])
    optimizer = keras.optimizers.SGD(0.05, **case.get("optimizer", {}))
    model.compile(optimizer, **case["compile"])
    y: Any = Y if count == 1 else [Y, Z]
    y = tuple(y) if kind == "tuple" else TARGETS.get(case.get("y", ""), y)
    weight = WEIGHTS.get(case.get("weight", ""))
    options = {"batch_size": 16, "verbose": 0}
    history = model.fit(
        X, y, epochs=2, shuffle=False, sample_weight=weight, **options
    ).history
    return {
        "kind": kind,
        "compile": case["compile"],
        "optimizer": case.get("optimizer", {}),
        "y": case.get("y", ""),
        "weight": case.get("weight", ""),
        "history": history,
        "evaluate": np.ravel(model.evaluate(X, y, **options)).tolist(),
        "weights": [w.tolist() for w in model.get_weights()],
    }


def main() -> None:
    data = {
        "x": X.tolist(), "y": Y.tolist(), "z": Z.tolist(), "w": W.tolist(),
        "kernels": [k.tolist() for k in KERNELS],
        "cases": {name: run(name, case) for name, case in CASES.items()},
    }  # fmt: skip
    path = Path(__file__).with_name("training_parity.json")
    path.write_text(json.dumps(data) + "\n")


if __name__ == "__main__":
    main()
