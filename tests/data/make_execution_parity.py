"""Writes ``execution_parity.json``: control flow, boxes and masks as Keras does them.

    KERAS_BACKEND=jax python tests/data/make_execution_parity.py

Needs keras 3. Each case holds its inputs and Keras's results, flat.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

OUT = Path(__file__).with_name("execution_parity.json")
RANDOM = np.random.default_rng(17)


def numbers(array: Any) -> dict[str, Any]:
    array = np.asarray(array)
    values = [float(f"{v:.9g}") for v in array.astype("float64").ravel()]
    return {"shape": list(array.shape), "values": values}


def case(function: str, inputs: list[Any], results: Any) -> dict[str, Any]:
    flat = keras.tree.flatten(results)
    return {
        "function": function,
        "inputs": [numbers(x) for x in inputs],
        "results": [numbers(x) for x in flat],
    }


def flow_cases() -> list[dict[str, Any]]:
    x = ops.convert_to_tensor(RANDOM.normal(size=(5, 3)).astype("float32"))
    start = ops.convert_to_tensor(RANDOM.normal(size=(3,)).astype("float32"))

    def step(carry: Any, row: Any) -> Any:
        carry = ops.tanh(carry) + row
        return carry, carry * 2

    return [
        case("scan", [start, x], ops.scan(step, start, x)),
        case("scan_reverse", [start, x], ops.scan(step, start, x, reverse=True)),
        case("associative_scan", [x], ops.associative_scan(ops.add, x)),
        case(
            "associative_scan_reverse", [x],
            ops.associative_scan(ops.add, x, reverse=True, axis=1),
        ),
        case("map", [x], ops.map(lambda row: ops.sum(row * row), x)),
        case("vectorized_map", [x], ops.vectorized_map(lambda row: row * 2 + 1, x)),
        case("fori_loop", [x], ops.fori_loop(1, 4, lambda i, a: a + x[i], x[0])),
        case("while_loop", [start], ops.while_loop(
            lambda i, a: ops.sum(a * a) < 100, lambda i, a: (i + 1, a * 1.5),
            (0, start), maximum_iterations=7,
        )),
        *(case(f"switch_{i}", [x], ops.switch(
            i, [lambda a: a, lambda a: a * 2, lambda a: a * 3], x))
            for i in (-1, 1, 9)),
        case("cond", [x], ops.cond(ops.sum(x) > 0, lambda: x + 1, lambda: x - 1)),
    ]  # fmt: skip


def box_cases() -> list[dict[str, Any]]:
    x = RANDOM.normal(size=(3, 4)).astype("float32")
    new = RANDOM.normal(size=(2, 2)).astype("float32")
    ranges = np.array([300.0, -300.0, 1.75, -0.5], "float32")
    return [
        case("slice_update", [x, new], ops.slice_update(x, (1, 1), new)),
        case("slice_update_beyond", [x, new], ops.slice_update(x, (2, 3), new)),
        case("slice", [x], ops.slice(x, (1, 0), (2, 3))),
        *(case(f"unstack_{axis}", [x], ops.unstack(x, axis=axis)) for axis in (0, 1)),
        *(case(f"saturate_cast_{kind}", [ranges], ops.saturate_cast(ranges, kind))
          for kind in ("uint8", "int8", "int16")),
    ]  # fmt: skip


def mask_cases() -> list[dict[str, Any]]:
    x = RANDOM.normal(size=(2, 5, 3)).astype("float32")
    x[0, 3:] = 0
    x[1, 1:] = 0
    masked = keras.layers.Masking()(x)
    target = RANDOM.normal(size=x.shape).astype("float32")
    weight = RANDOM.uniform(0.5, 2.0, size=(2, 5)).astype("float32")
    cases = [case("masking", [x], [masked, masked._keras_mask])]
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none"):
        for given in (None, weight):
            loss = keras.losses.MeanSquaredError(reduction=reduction)
            name = f"loss_{reduction}{'' if given is None else '_weighted'}"
            inputs = [x, target] if given is None else [x, target, weight]
            cases.append(case(name, inputs, loss(target, masked, given)))
    return cases


def main() -> None:
    cases = [*flow_cases(), *box_cases(), *mask_cases()]
    OUT.write_text(json.dumps({"keras": keras.__version__, "cases": cases}) + "\n")
    print(f"{OUT.name}: {len(cases)} cases of keras {keras.__version__}")


if __name__ == "__main__":
    main()
