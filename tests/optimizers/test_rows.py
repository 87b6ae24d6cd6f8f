"""Tables updated by rows: the numbers of the dense way, without its work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core, ops, optimizers
from pydl.graph.trace import Trace
from pydl.layers import Dense, Embedding, Flatten, GlobalAveragePooling1D
from pydl.optimizers import rows as row_updates
from pydl.runtime.program import compile_graph

ROWS, WIDTH = 50, 7
EXACT: dict[str, Callable[..., optimizers.Optimizer]] = {
    "sgd": lambda **more: optimizers.SGD(0.1, **more),
    "adagrad": lambda **more: optimizers.Adagrad(0.1, **more),
}
LAZY: dict[str, Callable[..., optimizers.Optimizer]] = {
    "lazy_adam": lambda **more: optimizers.LazyAdam(0.1, **more),
    "lazy_amsgrad": lambda **more: optimizers.LazyAdam(0.1, amsgrad=True, **more),
}
ALL = EXACT | LAZY


@pytest.fixture
def dense_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and gradients of lookups are tensors as large as the table from here."""

    def turn_off() -> None:
        monkeypatch.setattr(row_updates, "row_gradient", lambda grad: None)

    return turn_off


def table(dtype: str = "float32", rows: int = ROWS) -> pydl.Variable:
    content = np.random.default_rng(1).standard_normal((rows, WIDTH))
    return pydl.Variable(content.astype(dtype), dtype=dtype, name="table")


def train(
    optimizer: Any, variables: list[Any], loss: Callable[..., Any],
    batches: list[np.ndarray],
) -> list[str]:  # fmt: skip
    """Steps of a plan of their own on int32 batches; the opcodes of the plan."""
    with Trace("train") as trace:
        x = trace.input("x", batches[0].shape, "int32")
        with pydl.GradientTape() as tape:
            value = loss(x)
        optimizer.apply(tape.gradient(value, variables), variables)
    program = compile_graph(trace.graph)
    for batch in batches:
        program.run({"x": batch})
    return [row["op"] for row in program.explain()]


def batches(*shape: int, low: int = 0, high: int = ROWS) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(low, high, shape).astype("int32") for _ in range(3)]


def look_up(variable: Any, indices: Any) -> Any:
    return ops.sum(ops.sin(ops.take(variable, indices, axis=0)) ** 2)


def state(optimizer: Any, variables: list[Any]) -> list[np.ndarray]:
    return [v.numpy() for v in (*variables, *optimizer.variables)]


SHAPES = {
    "a batch": batches(9),
    "two axes": batches(6, 5),
    "many": batches(3000),
    "one row": batches(1),
    "all the same": batches(40, low=7, high=8),
    "none": batches(0),
    "a number": [np.asarray(b[0]) for b in batches(1)],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXACT)
def test_same_bits_as_the_dense_way(
    name: str, dtype: str, shape: str, dense_way: Callable[[], None]
) -> None:
    """One lookup: gradients are added in the same order."""
    results = []
    for by_rows in (True, False):
        optimizer, variable = EXACT[name](), table(dtype)
        if not by_rows:
            dense_way()
        found = train(
            optimizer, [variable], lambda x, v=variable: look_up(v, x), SHAPES[shape]
        )
        assert (f"{name}_row_update" in found) == by_rows
        assert ("take_grad" in found) != by_rows
        results.append(state(optimizer, [variable]))
    for one, other in zip(*results, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(
    "clip",
    [{}, {"clipvalue": 0.2}, {"clipnorm": 0.3}, {"global_clipnorm": 0.3},
     {"loss_scale_factor": 8.0}, {"clipnorm": 0.3, "loss_scale_factor": 8.0}],
)  # fmt: skip
def test_several_lookups_tables_and_clipping(
    name: str, clip: dict[str, float], dense_way: Callable[[], None]
) -> None:
    """Two lookups of one table, another table, a variable that is none: as the dense
    way to rounding, since sums are added in another order."""
    results = []
    for by_rows in (True, False):
        optimizer = EXACT[name](**clip)
        variables = [table(), pydl.Variable(np.ones(3, "float32"), name="w"), table()]
        first, weight, second = variables

        def loss(
            x: Any, a: Any = first, w: Any = weight, b: Any = second, o: Any = optimizer
        ) -> Any:
            found = look_up(a, x) + look_up(a, x[:4]) * 2.0 + look_up(b, x)
            return o.scale_loss(found + ops.sum(ops.square(w)))

        if not by_rows:
            dense_way()
        found = train(optimizer, variables, loss, batches(30))
        assert found.count(f"{name}_row_update") == 2 * by_rows
        assert found.count(f"{name}_update") == 1
        results.append(state(optimizer, variables))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6)


def test_lazy_adam_is_adam_of_the_rows_looked_up() -> None:
    """Rows of every batch move as with Adam, others not at all."""
    lazy, plain = optimizers.LazyAdam(0.1), optimizers.Adam(0.1)
    tables = [table(), table()]
    start = tables[0].numpy()
    data = [np.concatenate([np.arange(10), b]).astype("int32") for b in batches(8)]
    for optimizer, variable in zip((lazy, plain), tables, strict=True):
        train(optimizer, [variable], lambda x, v=variable: look_up(v, x), data)
    got, want = (variable.numpy() for variable in tables)
    np.testing.assert_allclose(got[:10], want[:10], rtol=1e-6)
    untouched = np.setdiff1d(np.arange(ROWS), np.concatenate(data))
    assert len(untouched)
    assert np.array_equal(got[untouched], start[untouched])
    seldom = np.setdiff1d(data[0], np.concatenate(data[1:]))
    assert not np.allclose(got[seldom], want[seldom])
    for slot, other in zip(lazy.slots_of(tables[0]), plain.slots_of(tables[1]),
                           strict=True):  # fmt: skip
        np.testing.assert_allclose(slot.numpy()[:10], other.numpy()[:10], rtol=1e-6)
        assert not slot.numpy()[untouched].any()


@pytest.mark.parametrize("name", LAZY)
def test_lazy_adam_by_its_formula(name: str) -> None:
    optimizer, variable = LAZY[name](), table()
    indices = np.array([3, 9, 3], "int32")
    x = variable.numpy()[indices].astype("f8")
    want, m, v = variable.numpy().astype("f8"), 0.0, 0.0
    train(optimizer, [variable], lambda i: look_up(variable, i), [indices])
    g = np.zeros((ROWS, WIDTH))
    np.add.at(g, indices, np.sin(2 * x))
    m, v = 0.1 * g, 0.001 * g**2
    want -= 0.1 * np.sqrt(0.001) / 0.1 * m / (np.sqrt(v) + 1e-7)
    np.testing.assert_allclose(variable.numpy(), want, rtol=1e-4, atol=1e-6)
    kept, squares = (s.numpy() for s in optimizer.slots_of(variable)[:2])
    np.testing.assert_allclose(kept, m, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(squares, v, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_16_bit_tables(name: str) -> None:
    """As float32, rounded after each step."""
    half, whole = table("bfloat16"), table("float32")
    whole.assign(half.numpy().astype("float32"))
    for variable in (half, whole):
        train(ALL[name](), [variable], lambda x, v=variable: look_up(v, x), batches(9))
    got, want = half.numpy().astype("float32"), whole.numpy()
    np.testing.assert_allclose(got, want, rtol=0.05, atol=0.05)
    moved = (want != table("bfloat16").numpy().astype("float32")).any(1)
    assert moved.any()
    assert not moved.all()


@pytest.mark.parametrize("name", ALL)
def test_eager_is_the_same(name: str) -> None:
    """A tape outside a trace keeps the rows of gradients too: two lookups."""
    results = []
    for eager in (False, True):
        optimizer, variable = ALL[name](), table()

        def loss(x: Any, v: Any = variable) -> Any:
            return look_up(v, x) + look_up(v, x + 1)

        data = batches(9, high=ROWS - 1)
        if not eager:
            train(optimizer, [variable], loss, data)
        for batch in data if eager else ():
            with pydl.GradientTape() as tape:
                value = loss(batch)
            optimizer.apply([tape.gradient(value, variable)], [variable])
        results.append(state(optimizer, [variable]))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# -- Keras's numbers (tests/data/make_table_parity.py) --------------------------------

KERAS = json.loads(
    (Path(__file__).parents[1] / "data" / "table_parity.json").read_text()
)
#: Those that Keras's meaning lets go by rows.
KERAS_BY_ROWS = {
    "sgd", "sgd clipnorm", "sgd clipvalue", "sgd global_clipnorm", "sgd averaged",
    "sgd masked", "adagrad", "adagrad clipnorm", "adagrad constrained",
}  # fmt: skip


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", KERAS["cases"])
def test_as_keras(name: str, eagerly: bool) -> None:
    case = KERAS["cases"][name]
    indices, y = np.asarray(KERAS["x"]), np.asarray(KERAS["y"])
    x = pydl.Input(indices.shape[1:], dtype="int32")
    layer = Embedding(*np.shape(KERAS["start"]), **case["layer"])
    made = pydl.Model(x, GlobalAveragePooling1D()(layer(x)))
    layer.set_weights([np.asarray(KERAS["start"])])
    arguments = {"learning_rate": 0.5, **case["arguments"]}
    chosen = getattr(optimizers, case["optimizer"])(**arguments)
    made.compile(chosen, "mse", run_eagerly=eagerly)
    fitted = made.fit(indices, y, batch_size=6, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(fitted.history["loss"], case["loss"], rtol=2e-5)
    np.testing.assert_allclose(
        layer.get_weights()[0], case["table"], rtol=2e-5, atol=1e-6
    )
    if not eagerly:
        by_rows = any(op.endswith("row_update") for op in opcodes(made))
        assert by_rows == (name in KERAS_BY_ROWS)


# -- models ----------------------------------------------------------------------------


def model(optimizer: Any, **layer: Any) -> pydl.Model:
    pydl.utils.set_random_seed(0)
    made = pydl.Sequential(
        [
            pydl.Input((4,), dtype="int32"),
            Embedding(ROWS, WIDTH, name="words", **layer),
            GlobalAveragePooling1D() if layer.get("mask_zero") else Flatten(),
            Dense(3),
        ]
    )
    made.compile(optimizer, "mse")
    return made


def data(count: int = 64, low: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.integers(low, ROWS - 9, (count, 4)).astype("int32")
    return x, rng.standard_normal((count, 3)).astype("float32")


def opcodes(made: pydl.Model) -> list[str]:
    return [row["op"] for found in made.explain() for row in found]


def notes(made: pydl.Model) -> str:
    return "\n".join(note for found in made.explain() for note in found.notes)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("masked", [False, True])
def test_fit_train_on_batch_and_eager_steps_agree(name: str, masked: bool) -> None:
    x, y = data()
    weights = []
    for way in ("fit", "batches", "eager"):
        made = model(ALL[name](), mask_zero=masked)
        made.run_eagerly = way == "eager"
        if way == "fit":
            made.fit(x, y, batch_size=16, shuffle=False, verbose=0)
        for i in range(0, 64, 16) if way != "fit" else ():
            made.train_on_batch(x[i : i + 16], y[i : i + 16])
        if way != "eager":
            kind = "adam" if "lazy" in name else name
            assert opcodes(made).count(f"{kind}_row_update") == 1
            assert "take_grad" not in opcodes(made)
            assert "as a whole" not in notes(made)
        weights.append(made.get_weights())
    for one, *others in zip(*weights, strict=True):
        for other in others:
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_same_bits_on_any_number_of_threads(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.zipf(1.3, (512, 64)).clip(0, 2999).astype("int32")
    y = rng.standard_normal((512, 1)).astype("float32")
    contents = []
    for threads in (1, 2, 3, 5):
        _core.set_threads(threads)
        try:
            pydl.utils.set_random_seed(0)
            made = pydl.Sequential(
                [Embedding(3000, 16), GlobalAveragePooling1D(), Dense(1)]
            )
            made.compile(ALL[name](), "mse")
            made.fit(x, y, batch_size=256, epochs=2, verbose=0)
        finally:
            _core.set_threads(0)
        contents.append(b"".join(w.tobytes() for w in made.get_weights()))
    assert len(set(contents)) == 1


@pytest.mark.parametrize("name", ALL)
def test_bad_indices_change_nothing(name: str) -> None:
    x, y = data()
    made = model(ALL[name]())
    made.fit(x, y, batch_size=16, verbose=0)
    before = [*made.get_weights(), *(v.numpy() for v in made.optimizer.variables)]
    x[5, 2] = ROWS
    with pytest.raises(ValueError, match="words.*expected indices between 0 and 49"):
        made.train_on_batch(x[:16], y[:16])
    after = [*made.get_weights(), *(v.numpy() for v in made.optimizer.variables)]
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other)


def test_frozen_tables_stay() -> None:
    x, y = data()
    made = model(optimizers.SGD(0.1))
    made.get_layer("words").trainable = False
    made.compile(optimizers.SGD(0.1), "mse")
    before = made.get_layer("words").get_weights()[0]
    made.fit(x, y, verbose=0)
    assert np.array_equal(before, made.get_layer("words").get_weights()[0])
    assert "sgd_row_update" not in opcodes(made)


@pytest.mark.parametrize(
    ("optimizer", "layer", "reason"),
    [
        (lambda: optimizers.Adam(), {}, "Adam moves rows without a gradient too"),
        (lambda: optimizers.RMSprop(), {}, "RMSprop moves rows without a gradient"),
        (lambda: optimizers.Adadelta(), {}, "Adadelta moves rows without a grad"),
        (lambda: optimizers.SGD(momentum=0.9), {}, "momentum moves all rows"),
        (lambda: optimizers.SGD(weight_decay=0.1), {}, "weight decay moves all rows"),
        (
            lambda: optimizers.SGD(gradient_accumulation_steps=2),
            {},
            "its gradients are added up over steps",
        ),
        (
            lambda: optimizers.Adagrad(),
            {"embeddings_regularizer": "l2"},
            "its gradient is not of lookups alone ('mul'",
        ),
    ],
)
def test_explain_says_why_a_table_is_updated_as_a_whole(
    optimizer: Callable[[], Any], layer: dict[str, Any], reason: str
) -> None:
    x, y = data()
    made = model(optimizer(), **layer)
    made.fit(x, y, verbose=0)
    assert "words/embeddings: updated as a whole, not by rows: " + reason in notes(made)
    assert not any(op.endswith("row_update") for op in opcodes(made))


@pytest.mark.parametrize("more", [{"use_ema": True}, {}])
def test_averages_and_constraints(
    more: dict[str, Any], dense_way: Callable[[], None]
) -> None:
    """What reads the whole table after the update sees it updated."""
    x, y = data()
    weights = []
    for by_rows in (True, False):
        if not by_rows:
            dense_way()
        made = model(
            optimizers.Adagrad(0.1, **more),
            embeddings_constraint=None if more else "unit_norm",
        )
        made.fit(x, y, batch_size=16, shuffle=False, verbose=0, epochs=2)
        assert ("adagrad_row_update" in opcodes(made)) == by_rows
        weights.append(made.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_dynamic_loss_scale() -> None:
    """Whether gradients are finite is asked of the rows."""
    x, y = data()
    made = model(optimizers.LossScaleOptimizer(optimizers.SGD(0.1)))
    made.fit(x, y, batch_size=16, verbose=0)
    assert "take_grad" not in opcodes(made)
    plain = model(optimizers.SGD(0.1))
    plain.fit(x, y, batch_size=16, verbose=0)
    for one, other in zip(made.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    made.fit(x, np.full_like(y, np.inf), batch_size=64, verbose=0)  # left out
    assert all(np.isfinite(w).all() for w in made.get_weights())
    assert float(made.optimizer.dynamic_scale) == 2.0**14


def test_own_step_and_function() -> None:
    """`optimizer.apply` in a step of the user's and in a compiled function; a gradient
    that is logged is made, and the update is by rows all the same."""

    class Own(pydl.Sequential):
        def train_step(self, batch: Any) -> dict[str, Any]:
            x, y = batch
            with pydl.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x, training=True) - y))
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(grads, self.trainable_variables)
            return {"loss": loss, "size": ops.sum(ops.square(grads[0]))}

    x, y = data()
    pydl.utils.set_random_seed(0)
    own = Own([Embedding(ROWS, WIDTH), Flatten(), Dense(3)])
    own.compile(optimizers.Adagrad(0.1))
    logs = own.train_on_batch(x, y, return_dict=True)
    assert logs["size"] > 0
    assert "adagrad_row_update" in opcodes(own)
    variable, optimizer = table(), optimizers.SGD(0.1)
    optimizer.build([variable])

    @pydl.function
    def step(indices: Any) -> Any:
        with pydl.GradientTape() as tape:
            loss = look_up(variable, indices)
        optimizer.apply([tape.gradient(loss, variable)], [variable])
        return loss

    other, same = table(), optimizers.SGD(0.1)
    step(np.array([3, 4, 3], "int32"))
    train(same, [other], lambda i: look_up(other, i), [np.array([3, 4, 3], "int32")])
    assert np.array_equal(variable.numpy(), other.numpy())


def test_stateless_apply_leaves_the_table(dense_way: Callable[[], None]) -> None:
    """Values in, values out: the new table stands elsewhere."""
    optimizer, variable = optimizers.Adagrad(0.1), table()
    optimizer.build([variable])
    start = variable.numpy()
    indices = batches(9)[0]

    def run() -> list[np.ndarray]:
        with pydl.GradientTape() as tape:
            loss = look_up(variable, indices)
        grad = tape.gradient(loss, variable)
        new, slots = optimizer.stateless_apply(
            [v.value for v in optimizer.variables], [grad], [variable.value]
        )
        return [np.asarray(x) for x in (*new, *slots)]

    by_rows = run()
    dense_way()
    for one, other in zip(by_rows, run(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert np.array_equal(variable.numpy(), start)


def test_lazy_adam_config() -> None:
    optimizer = optimizers.LazyAdam(0.01, beta_1=0.8, amsgrad=True, clipvalue=1.0)
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is optimizers.LazyAdam
    assert again.get_config() == optimizer.get_config()
    assert type(optimizers.get("lazyadam")) is optimizers.LazyAdam
    for argument in ({"weight_decay": 0.1}, {"gradient_accumulation_steps": 2}):
        with pytest.raises(ValueError, match=f"LazyAdam: {next(iter(argument))}"):
            optimizers.LazyAdam(**argument)
