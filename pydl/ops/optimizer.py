"""Definitions of the optimizer opcodes: they end a step and are not differentiated."""

from __future__ import annotations

from pydl.graph.registry import define

_END = "Not differentiable, by decision: it ends a training step."
define("sgd_update", None, f"SGD, momentum and Nesterov. {_END}")
define("adam_update", None, f"Adam, AdamW and AMSGrad. {_END}")
define("rmsprop_update", None, f"RMSprop. {_END}")
define("adagrad_update", None, f"Adagrad. {_END}")
define(
    "square_norms",
    None,
    "The sum of squares of each tensor, for clipping gradients by norm. Not "
    "differentiable, by decision; `ops.norm` is.",
)
