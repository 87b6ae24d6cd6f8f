"""JAX: a hand-written `lax.scan` over the batches of an epoch, one compiled call."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from serve import Run, repeated, serve

from benchmarks.cases import GEMMS, NETWORKS, Mlp
from benchmarks.stream_cases import STREAMS


def init(case: Mlp) -> list[tuple[jax.Array, jax.Array]]:
    keys = jax.random.split(jax.random.key(0), len(case.sizes))
    pairs = zip(keys, case.sizes, case.sizes[1:], strict=False)
    return [
        (jax.nn.initializers.glorot_uniform()(key, (i, o)), jnp.zeros(o))
        for key, i, o in pairs
    ]


def dropped(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    kept = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0)


def loss_of(
    params: list, x: jax.Array, y: jax.Array, case: Mlp, key: jax.Array
) -> jax.Array:
    for i, (weight, bias) in enumerate(params[:-1]):
        x = jax.nn.relu(x @ weight + bias)
        if case.dropout:
            x = dropped(x, case.dropout, jax.random.fold_in(key, i))
    logits = x @ params[-1][0] + params[-1][1]
    if case.decodes:
        return optax.sigmoid_binary_cross_entropy(logits, y).mean()
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def mlp(case: Mlp) -> Run:
    x, y = (jax.device_put(a) for a in case.data())
    y = y if case.decodes else y.astype(jnp.int32)
    optimizer = optax.adam(1e-3)
    params = init(case)
    carry = (params, optimizer.init(params), jax.random.key(1))

    def step(carry: tuple, rows: jax.Array) -> tuple:
        params, slots, key = carry
        key, use = jax.random.split(key) if case.dropout else (key, key)
        loss, grads = jax.value_and_grad(loss_of)(params, x[rows], y[rows], case, use)
        updates, slots = optimizer.update(grads, slots)
        return (optax.apply_updates(params, updates), slots, key), loss

    @jax.jit
    def epoch(carry: tuple) -> tuple:
        params, slots, key = carry
        key, use = jax.random.split(key)
        order = jax.random.permutation(use, case.rows).reshape(-1, case.batch)
        carry, losses = jax.lax.scan(step, (params, slots, key), order)
        return carry, losses.mean()

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


def chain8(x: jax.Array) -> jax.Array:
    return jnp.minimum(jnp.square(jax.nn.relu(x * 1.5 + 0.5) * 0.25 - 1) + 1, 4)


def layer_norm(x: jax.Array, gamma: jax.Array, beta: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    variance = x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-3) * gamma + beta


def layer_norm_grad(grad: jax.Array, *sources: jax.Array) -> tuple:
    return jax.vjp(layer_norm, *sources)[1](grad)


WORKS = {
    "chain8": chain8,
    "mse": lambda a, b: jnp.square(a - b).mean(),
    "sum": jnp.sum,
    "row_sum": lambda x: x.sum(-1),
    "column_sum": lambda x: x.sum(0),
    "softmax": jax.nn.softmax,
    "layer_norm": layer_norm,
    "layer_norm_grad": layer_norm_grad,
}


def stream(name: str) -> Run:
    case = STREAMS[name]
    arrays = [jax.device_put(array) for array in case.operands()]
    work = jax.jit(WORKS[case.op])
    return repeated(lambda: jax.block_until_ready(work(*arrays)))


def setup(name: str) -> Run | None:
    if name in NETWORKS:
        return mlp(NETWORKS[name])
    if name in STREAMS:
        return stream(name)
    return gemm(name) if name in GEMMS else None


serve(setup)
