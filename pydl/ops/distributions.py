"""Numbers of distributions that are made of uniform and normal ones, in float64.

Every function takes a key (a seed, uint32 ``[2]``) and splits it: no two draws share
one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pydl.graph.trace import TraceTensor, current_trace
from pydl.ops.apply import emit, lift
from pydl.ops.creation import convert_to_numpy
from pydl.ops.reduce import sum as sum_
from pydl.ops.shape import broadcast_to, slice_axis
from pydl.runtime.variable import Variable

#: Proposals for each number of a gamma distribution. One is refused with a probability
#: below 0.049, all of them below 3.4e-11; the distribution's mode is taken then.
ROUNDS = 8
#: Trials that are drawn one by one at the end of `binomial_numbers`.
FEW = 16
#: The most trials if their number is not known before the program runs.
MOST = 2**24


def split(key: Any, count: int) -> list[Any]:
    """`count` new keys."""
    keys = emit(
        "random_integers", key, shape=[count, 2], dtype="uint32", low=0, high=2**32
    )
    return [
        emit("reshape", slice_axis(keys, 0, k, k + 1), shape=[2]) for k in range(count)
    ]


def _uniform(key: Any, shape: list[int]) -> Any:
    """In ``(0, 1]``."""
    draws = emit("random_uniform", key, shape=shape, dtype="float64", low=0.0, high=1.0)
    return 1.0 - draws


def _spread(value: Any, shape: list[int]) -> Any:
    return broadcast_to(lift(value, "float64"), shape)


def log_gamma(key: Any, shape: list[int], alpha: Any) -> Any:
    """The logarithm of numbers of the gamma distribution (Marsaglia and Tsang, 2000):
    of ``d v`` with ``v = (1 + z / sqrt(9 d))^3``, ``d = alpha - 1 / 3``, z normal, kept
    when ``ln u < z^2 / 2 + d (1 - v + ln v)``. Below 1 through ``alpha + 1``."""
    keys = split(key, 3)
    alpha = _spread(alpha, shape)
    one = lift(1.0, "float64")
    small = emit("less", alpha, one)
    d = emit("where", small, alpha + 1.0, alpha) - 1 / 3
    z = emit(
        "random_normal", keys[0], shape=[ROUNDS, *shape], dtype="float64", mean=0.0,
        stddev=1.0,
    )  # fmt: skip
    root = z * emit("rsqrt", d * 9.0) + 1.0
    positive = emit("greater", root, lift(0.0, "float64"))
    log_v = emit("log", emit("where", positive, root, one)) * 3.0
    bound = emit("square", z) * 0.5 + d * (1.0 - emit("exp", log_v) + log_v)
    below = emit("less", emit("log", _uniform(keys[1], [ROUNDS, *shape])), bound)
    kept = emit("logical_and", positive, below)
    chosen = _first(kept, log_v, shape)
    boost = emit("log", _uniform(keys[2], shape)) / alpha
    return emit("log", d) + chosen + emit("where", small, boost, lift(0.0, "float64"))


def _first(kept: Any, values: Any, shape: list[int]) -> Any:
    """Of the rounds, the value of the first that is kept; 0 if none is."""
    chosen = lift(0.0, "float64")
    for k in reversed(range(ROUNDS)):
        keep = emit("reshape", slice_axis(kept, 0, k, k + 1), shape=shape)
        value = emit("reshape", slice_axis(values, 0, k, k + 1), shape=shape)
        chosen = emit("where", keep, value, chosen)
    return chosen


def beta_numbers(key: Any, shape: list[int], a: Any, b: Any) -> Any:
    """``x / (x + y)`` of numbers of the gamma distributions of `a` and `b`."""
    keys = split(key, 2)
    difference = log_gamma(keys[0], shape, a) - log_gamma(keys[1], shape, b)
    return emit("sigmoid", difference)


def binomial_numbers(key: Any, shape: list[int], counts: Any, chances: Any) -> Any:
    """Successes among many trials (Devroye, 1986, X.4.3). A trial succeeds when its
    uniform number is at most the chance; the median of those numbers, which has a beta
    distribution, tells which half of the trials is decided. The others are distributed
    evenly above or below it, so they are a smaller problem of the same kind."""
    n, p = _spread(counts, shape), _spread(chances, shape)
    total, one = lift(0.0, "float64"), lift(1.0, "float64")
    last, *keys = split(key, 1 + _halvings(counts))
    for round_key in keys:
        many = emit("greater", n, lift(float(FEW), "float64"))
        rank = emit("floor", n * 0.5) + 1.0
        upper = emit("maximum", n + 1.0 - rank, one)  # where there are few: not used
        median = beta_numbers(round_key, shape, rank, upper)
        low = emit("less_equal", median, p)
        least = lift(1e-300, "float64")
        above = (p - median) / emit("maximum", 1.0 - median, least)
        below = p / emit("maximum", median, least)
        decided = emit("where", low, rank, lift(0.0, "float64"))
        total = total + emit("where", many, decided, lift(0.0, "float64"))
        p = emit("where", many, emit("where", low, above, below), p)
        n = emit("where", many, emit("where", low, n - rank, rank - 1.0), n)
    trial = np.arange(FEW, dtype=np.float64).reshape(FEW, *(1 for _ in shape))
    exists = emit("less", lift(trial), n)
    success = emit("less_equal", _uniform(last, [FEW, *shape]), p)
    found = lift(emit("logical_and", exists, success), "float64")
    return total + sum_(found, 0)


def _halvings(counts: Any) -> int:
    """After how many halvings few trials are left."""
    unknown = current_trace() is not None and isinstance(counts, TraceTensor | Variable)
    most = MOST if unknown else np.max(convert_to_numpy(counts), initial=0)
    return math.ceil(math.log2(most / FEW)) if most > FEW else 0
