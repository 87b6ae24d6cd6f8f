"""Definitions of the random opcodes. `pydl.random` holds the functions."""

from __future__ import annotations

from typing import Any

from pydl.graph.registry import OpCall, define
from pydl.ops.apply import emit
from pydl.ops.rules import simple


def _dropout_rule(call: OpCall, g: Any) -> list[Any]:
    """The same elements are kept: the seed is the same."""
    seed, rate = call.inputs[1], call.attrs["rate"]
    return [lambda: emit("dropout", g, seed, rate=rate), None]


_OF_SEED = "A function of the seed, an integer: nothing to differentiate."
define("random_uniform", None, f"Uniform in [low, high). {_OF_SEED}")
define("random_integers", None, f"Whole numbers in [low, high). {_OF_SEED}")
define("random_normal", None, f"Normally distributed. {_OF_SEED}")
define("truncated_normal", None, f"Normal within two deviations. {_OF_SEED}")
define(
    "dropout", simple(_dropout_rule), "Zero with probability `rate`, the rest scaled."
)
