"""Random tensors, as in `keras.random`: each draw is a function of a seed.

A `SeedGenerator` keeps its seed in a Variable, so draws inside a compiled step differ
from step to step. An integer seed gives the same numbers at every call, on every
machine, and for any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl.config import floatx
from pydl.graph.trace import outside_trace
from pydl.ops.apply import emit, lift, promote_float
from pydl.ops.arithmetic import exp
from pydl.ops.axes import one_axis, to_shape
from pydl.ops.distributions import beta_numbers, binomial_numbers, log_gamma
from pydl.ops.dtypes import is_float, is_int, standardize_dtype
from pydl.ops.gather import take
from pydl.ops.public import public_op
from pydl.runtime.variable import Variable


class SeedGenerator:
    """A stream of seeds.

    Args:
        seed: an integer; None: drawn from the global seed, if one is set, else from the
            operating system.
        name: the generator's name.

    >>> seeds = SeedGenerator(1)
    >>> normal((2,), seed=seeds)  # another result at each call
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self._initial_seed = seed
        self.name = name or "seed_generator"
        self.state = Variable(
            _key(_default_seed() if seed is None else seed),
            dtype="uint32",
            trainable=False,
            name=f"{self.name}_state",
        )

    def next(self, ordered: bool = True) -> Any:
        """The present seed, uint32 ``(2,)``; the state moves on."""
        seed = lift(self.state)
        self.state.assign(emit("add", seed, np.array([0, 1], np.uint32)))
        return seed

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from `get_config`."""
        return cls(**config)


_global_generator: SeedGenerator | None = None
#: Keeps default seeds apart from the draws of the global generator.
_SECOND_HALF = np.array([0, 2**31], np.uint32)
#: Where default seeds come from once a global seed is set; before, from the system.
_defaults: SeedGenerator | None = None


def set_global_seed(seed: int) -> None:
    """Make all later draws without a seed of their own repeatable."""
    global _global_generator, _defaults
    _defaults = SeedGenerator(seed, name="default_seeds")
    _defaults.state.assign(_key(seed) + _SECOND_HALF)
    if _global_generator is None:
        _global_generator = SeedGenerator(seed, name="global_seed_generator")
    else:  # programs hold its variable
        _global_generator.state.assign(_key(seed))


def global_seed_generator() -> SeedGenerator:
    """The generator behind ``seed=None``."""
    global _global_generator
    if _global_generator is None:
        _global_generator = SeedGenerator(name="global_seed_generator")
    return _global_generator


def _default_seed() -> int:
    if _defaults is None:
        return int.from_bytes(os.urandom(4), "little")
    with outside_trace():
        return int(randint((), 0, 2**32, dtype="uint32", seed=_defaults))


def _key(seed: Any) -> np.ndarray:
    """The key ``(seed, 0)``. Seeds are taken modulo 2^32."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ValueError(
            f"seed: expected an integer, received seed={seed!r} of type "
            f"{type(seed).__name__}"
        )
    return np.array([int(seed) % 2**32, 0], np.uint32)


def draw_seed(seed: Any) -> Any:
    """The key a function uses for its `seed` argument: an integer, a `SeedGenerator`,
    a uint32 ``(2,)`` tensor, or None for the global generator."""
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if hasattr(seed, "shape") and tuple(seed.shape) == (2,):
        return lift(seed, "uint32")
    return lift(_key(seed))


def _float_dtype(name: str, dtype: Any) -> str:
    chosen = floatx() if dtype is None else standardize_dtype(dtype)
    if not is_float(chosen):
        raise ValueError(f"{name}: expected a float dtype, received dtype={dtype!r}")
    return chosen


@public_op
def normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Any:
    """Normally distributed numbers."""
    return emit(
        "random_normal", draw_seed(seed), shape=to_shape("normal", shape),
        dtype=_float_dtype("normal", dtype), mean=float(mean), stddev=float(stddev),
    )  # fmt: skip


@public_op
def truncated_normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Any:
    """Normally distributed numbers, those beyond two deviations drawn again."""
    return emit(
        "truncated_normal", draw_seed(seed), shape=to_shape("truncated_normal", shape),
        dtype=_float_dtype("truncated_normal", dtype),
        mean=float(mean), stddev=float(stddev),
    )  # fmt: skip


@public_op
def uniform(
    shape: Sequence[int],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Any:
    """Numbers evenly distributed in ``[minval, maxval)``."""
    return emit(
        "random_uniform", draw_seed(seed), shape=to_shape("uniform", shape),
        dtype=_float_dtype("uniform", dtype), low=float(minval), high=float(maxval),
    )  # fmt: skip


@public_op
def randint(
    shape: Sequence[int],
    minval: int,
    maxval: int,
    dtype: Any = "int32",
    seed: Any = None,
) -> Any:
    """Integers evenly distributed in ``[minval, maxval)``."""
    chosen = standardize_dtype(dtype)
    if not is_int(chosen):
        raise ValueError(
            f"randint: expected an integer dtype, received dtype={dtype!r}"
        )
    if not minval < maxval:
        raise ValueError(
            f"randint: expected minval < maxval, received {minval} and {maxval}"
        )
    return emit(
        "random_integers", draw_seed(seed), shape=to_shape("randint", shape),
        dtype=chosen, low=int(minval), high=int(maxval),
    )  # fmt: skip


@public_op
def gamma(shape: Sequence[int], alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of the gamma distribution of shape `alpha` (a number, or a tensor that
    broadcasts to `shape`) and scale 1."""
    name = _float_dtype("gamma", dtype)
    return lift(exp(log_gamma(draw_seed(seed), to_shape("gamma", shape), alpha)), name)


@public_op
def beta(
    shape: Sequence[int], alpha: Any, beta: Any, dtype: Any = None, seed: Any = None
) -> Any:
    """Numbers of the beta distribution of `alpha` and `beta` (numbers, or tensors that
    broadcast to `shape`)."""
    name = _float_dtype("beta", dtype)
    out = beta_numbers(draw_seed(seed), to_shape("beta", shape), alpha, beta)
    return lift(out, name)


@public_op
def binomial(
    shape: Sequence[int], counts: Any, probabilities: Any, dtype: Any = None,
    seed: Any = None,
) -> Any:  # fmt: skip
    """How many of `counts` trials succeed, with these `probabilities` (numbers, or
    tensors that broadcast to `shape`; counts up to 2^24 under a trace)."""
    name = _float_dtype("binomial", dtype)
    key, dims = draw_seed(seed), to_shape("binomial", shape)
    return lift(binomial_numbers(key, dims, counts, probabilities), name)


@public_op
def categorical(
    logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None
) -> Any:
    """Classes drawn for each row of `logits` ``[batch, classes]``, by their softmax:
    ``[batch, num_samples]``. The greatest logit wins after numbers of Gumbel's
    distribution are added."""
    x = promote_float(logits)[0]
    if x.ndim != 2:
        raise ValueError(
            f"categorical: expected logits [batch, classes], received shape {x.shape}"
        )
    batch, classes = x.shape
    shape = to_shape("categorical", [batch, num_samples, classes])
    u = uniform(shape, dtype=x.dtype, seed=draw_seed(seed))
    gumbel = emit("neg", emit("log", emit("neg", emit("log", u))))
    noisy = emit("reshape", x, shape=[batch, 1, classes]) + gumbel
    return lift(emit("argmax", noisy, axis=2), standardize_dtype(dtype))


@public_op
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """`x` with its slices along `axis` in random order, that of random keys."""
    x = lift(x)
    place = one_axis("shuffle", axis, x.ndim)
    keys = randint((x.shape[place],), 0, 2**63 - 1, dtype="int64", seed=seed)
    return take(x, emit("argsort", keys), axis=place)


@public_op
def dropout(
    inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None,
    seed: Any = None,
) -> Any:  # fmt: skip
    """Elements set to 0 with probability `rate`, the others times ``1 / (1 - rate)``.

    `noise_shape`: one decision for each element of this shape, broadcast to the inputs;
    None in it stands for the size of the inputs' axis.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout: expected 0 <= rate < 1, received rate={rate}")
    x = promote_float(inputs)[0]
    key = draw_seed(seed)
    if noise_shape is None:
        return emit("dropout", x, key, rate=float(rate))
    if len(noise_shape) != x.ndim:
        raise ValueError(
            f"dropout: expected noise_shape to have one entry per axis of the inputs "
            f"{x.shape}, received noise_shape={tuple(noise_shape)}"
        )
    shape = [d if n is None else n for n, d in zip(noise_shape, x.shape, strict=True)]
    ones = emit("full", shape=to_shape("dropout", shape), dtype=x.dtype, value=1.0)
    return x * emit("dropout", ones, key, rate=float(rate))
