"""JAX: a hand-written `lax.scan` over the batches of an epoch, one compiled call."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from serve import Run, repeated, serve

from benchmarks.cases import GEMMS, MLPS, Mlp


def init(case: Mlp) -> list[tuple[jax.Array, jax.Array]]:
    keys = jax.random.split(jax.random.key(0), len(case.sizes))
    pairs = zip(keys, case.sizes, case.sizes[1:], strict=False)
    return [
        (jax.nn.initializers.glorot_uniform()(key, (i, o)), jnp.zeros(o))
        for key, i, o in pairs
    ]


def loss_of(params: list, x: jax.Array, y: jax.Array) -> jax.Array:
    for weight, bias in params[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    logits = x @ params[-1][0] + params[-1][1]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def mlp(case: Mlp) -> Run:
    x, y = (jax.device_put(a) for a in case.data())
    y = y.astype(jnp.int32)
    optimizer = optax.adam(1e-3)
    params = init(case)
    carry = (params, optimizer.init(params), jax.random.key(1))

    def step(carry: tuple, rows: jax.Array) -> tuple:
        params, slots = carry
        loss, grads = jax.value_and_grad(loss_of)(params, x[rows], y[rows])
        updates, slots = optimizer.update(grads, slots)
        return (optax.apply_updates(params, updates), slots), loss

    @jax.jit
    def epoch(carry: tuple) -> tuple:
        params, slots, key = carry
        key, use = jax.random.split(key)
        order = jax.random.permutation(use, case.rows).reshape(-1, case.batch)
        (params, slots), losses = jax.lax.scan(step, (params, slots), order)
        return (params, slots, key), losses.mean()

    def run() -> float:
        nonlocal carry
        for _ in range(case.epochs):
            carry, loss = epoch(carry)
        float(loss)
        return case.steps

    return run


def gemm(name: str) -> Run:
    case = GEMMS[name]
    a, b = (jax.device_put(array) for array in case.operands())

    @jax.jit
    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        return (a.T if case.transpose_a else a) @ (b.T if case.transpose_b else b)

    return repeated(lambda: product(a, b).block_until_ready())


def setup(name: str) -> Run | None:
    if name in MLPS:
        return mlp(MLPS[name])
    return gemm(name) if name in GEMMS else None


serve(setup)
