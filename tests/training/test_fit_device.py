"""Training on a device: one line is changed, and all else stays as it was.

Over the emulation (conftest.py chooses it), or on a GPU.
"""

from __future__ import annotations

import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core
from pydl.callbacks import (
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    TerminateOnNaN,
)
from pydl.runtime import program
from pydl.training import predict, rows, slices, state

FOUND = _core.devices()
pytestmark = pytest.mark.skipif(
    not FOUND["count"], reason=f"no device: {FOUND['missing']}"
)
emulated = pytest.mark.skipif(
    FOUND["filler"] != "emulated", reason="needs the emulation, to compare with"
)


def weights_of(model: Any) -> list[np.ndarray]:
    found = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
    assert len(found) > 4
    return found


def assert_same(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


def train(make: Any, blobs: Any, place: str = "cuda", **arguments: Any) -> Any:
    model = make(dropout=0.3)
    with pydl.device(place):
        model.fit(*blobs, **{"epochs": 2, "verbose": 0, **arguments})
    return model


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data sets do not fit; a slice has room for three batches of 32 rows."""
    monkeypatch.setattr(rows.gpu, "fits", lambda device, nbytes: False)
    monkeypatch.setattr(rows, "SLICE_BYTES", 3 * 32 * 40)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "lazyadam"])
def test_tables_are_updated_by_rows(optimizer: str) -> None:
    """The numbers of the CPU, and rows that were not looked up stay as they were."""
    x = np.random.default_rng(0).integers(0, 40, (96, 5)).astype("int32")
    y = np.random.default_rng(1).standard_normal((96, 2)).astype("float32")
    weights = []
    for place in ("cuda", "cpu"):
        pydl.utils.set_random_seed(0)
        layers = pydl.layers
        model = pydl.Sequential(
            [layers.Embedding(50, 6), layers.Flatten(), layers.Dense(2)]
        )
        model.compile(optimizer, "mse")
        with pydl.device(place):
            model.build((None, 5))
            before = model.get_weights()[0]
            model.fit(x, y, batch_size=32, verbose=0, shuffle=False)
            ops = [row["op"] for table in model.explain() for row in table]
        assert sum(op.endswith("row_update") for op in ops) == 1
        weights.append(model.get_weights())
        assert np.array_equal(before[40:], weights[-1][0][40:])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_learns(make_model: Any, blobs: Any) -> None:
    model = make_model(pydl.optimizers.Adam(0.01))
    with pydl.device("cuda"):
        history = model.fit(*blobs, epochs=10, verbose=0).history
        scores = model.evaluate(*blobs, verbose=0)
        labels = model.predict(blobs[0], verbose=0).argmax(1)
    assert history["accuracy"][-1] > 0.9
    assert scores[1] == np.mean(labels == blobs[1]).astype("float32")
    assert {table.rows[0]["isa"] for table in model.explain()} <= {"emulated", "cuda"}
    assert int(model.optimizer.iterations) == 10 * 8


@emulated
def test_the_device_has_the_bits_of_its_kernels_on_the_cpu(
    make_model: Any, blobs: Any, monkeypatch: Any
) -> None:
    there = train(make_model, blobs)
    for module in (state, predict):
        compiled = partial(program.compile_graph, isa="emulated")
        monkeypatch.setattr(module, "compile_graph", compiled)
    here = train(make_model, blobs, "cpu")
    assert_same(weights_of(there), weights_of(here))
    assert there.history.history == here.history.history
    with pydl.device("cuda"):
        on_device = there.predict(blobs[0], verbose=0)
    np.testing.assert_array_equal(on_device, here.predict(blobs[0], verbose=0))


def test_the_device_agrees_with_the_cpu(make_model: Any, blobs: Any) -> None:
    there, here = train(make_model, blobs), train(make_model, blobs, "cpu")
    for a, b in zip(weights_of(there), weights_of(here), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("passes", [1, 7])
@pytest.mark.parametrize("shuffle", [True, False])
def test_slices_leave_the_same_bits(
    make_model: Any, blobs: Any, monkeypatch: Any, passes: int, shuffle: bool
) -> None:
    whole = train(make_model, blobs, shuffle=shuffle)
    monkeypatch.setattr(slices.Pace, "passes", lambda self, left: min(left, passes))
    cut = train(make_model, blobs, shuffle=shuffle)
    assert_same(weights_of(whole), weights_of(cut))
    assert whole.history.history == cut.history.history


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("passes", [1, 2, 100])
def test_data_that_does_not_fit_leaves_the_same_bits(
    make_model: Any, blobs: Any, monkeypatch: Any, request: Any, shuffle: bool,
    passes: int,
) -> None:  # fmt: skip
    resident = train(make_model, blobs, shuffle=shuffle, validation_split=0.2)
    request.getfixturevalue("staged")
    monkeypatch.setattr(slices.Pace, "passes", lambda self, left: min(left, passes))
    staged = train(make_model, blobs, shuffle=shuffle, validation_split=0.2)
    assert_same(weights_of(resident), weights_of(staged))
    for name, values in resident.history.history.items():
        np.testing.assert_allclose(values, staged.history.history[name], rtol=1e-6)


def transfers() -> dict[str, int]:
    known = _core.device_info("cuda:0")
    names = ("uploads", "uploaded_bytes", "downloads", "downloaded_bytes")
    return {name: known[name] for name in names}


def test_nothing_travels_needlessly(make_model: Any, blobs: Any) -> None:
    """Epochs upload their order, and the number of passes and the metrics' zeros."""
    model = make_model("sgd", loss="mse", metrics=None, units=1, activation=None)
    x, y = blobs[0], blobs[1].astype("float32")
    weights = sum(v.numpy().nbytes for v in model.weights)
    with pydl.device("cuda"):
        model.fit(x, y, verbose=0)
        before = transfers()
        model.fit(x, y, epochs=5, verbose=0)
    after = {name: count - before[name] for name, count in transfers().items()}
    data = x.nbytes + y.nbytes
    order = 5 * 8 * len(x)
    assert data + order <= after["uploaded_bytes"] < data + order + 30 * 1024
    assert after["downloaded_bytes"] < min(weights, 1024)
    loads = transfers()
    model.get_weights()
    model.get_weights()
    fetched = transfers()["downloaded_bytes"] - loads["downloaded_bytes"]
    assert fetched == weights


def test_a_data_set_leaves_the_device_with_its_call(
    make_model: Any, blobs: Any
) -> None:
    model = train(make_model, blobs)
    before = _core.device_info("cuda:0")["in_use_bytes"]
    with pydl.device("cuda"):
        model.fit(*blobs, verbose=0)
    assert _core.device_info("cuda:0")["in_use_bytes"] == before


def test_batches(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    fitted, stepped = make_model(), make_model()
    with pydl.device("cuda"):
        fitted.fit(x, y, shuffle=False, verbose=0)
        for at in range(0, 250, 32):
            last = stepped.train_on_batch(x[at : at + 32], y[at : at + 32])
        tested = stepped.test_on_batch(x[:32], y[:32])
    assert_same(weights_of(fitted), weights_of(stepped))
    assert last[0] == fitted.history.history["loss"][0]
    assert len(tested) == 2


def test_predictions_of_any_size(make_model: Any, blobs: Any) -> None:
    model = make_model()
    for size in (1, 5, 250):
        here = model.predict(blobs[0][:size], verbose=0)
        with pydl.device("cuda"):
            for _ in range(3):  # the long way, the quick one, and a graph
                there = model.predict(blobs[0][:size], verbose=0)
                np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(model.predict(blobs[0][:size], verbose=0), here)


def test_callbacks_see_what_the_device_has(
    make_model: Any, blobs: Any, tmp_path: Path
) -> None:
    model = make_model()
    seen: list[np.ndarray] = []
    watch = LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0])
    )
    best = ModelCheckpoint(tmp_path / "best.weights.h5", save_weights_only=True)
    with pydl.device("cuda"):
        model.fit(
            *blobs, epochs=3, validation_split=0.2, verbose=0,
            callbacks=[watch, best, EarlyStopping(patience=9)],
        )  # fmt: skip
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[-1], model.get_weights()[0])
    again = make_model()
    again.load_weights(tmp_path / "best.weights.h5")
    assert_same(model.get_weights(), again.get_weights())


def test_weights_set_between_calls_are_used(make_model: Any, blobs: Any) -> None:
    model, other = make_model(), make_model()
    with pydl.device("cuda"):
        model.fit(*blobs, verbose=0)
        model.set_weights(other.get_weights())
        np.testing.assert_array_equal(
            model.predict(blobs[0], verbose=0), other.predict(blobs[0], verbose=0)
        )


def test_export_has_the_newest_weights(
    make_model: Any, blobs: Any, tmp_path: Path
) -> None:
    model = train(make_model, blobs)
    model.export(tmp_path / "model.pydl")
    text, arrays = _core.read_model(str(tmp_path / "model.pydl"))
    kernel = model.get_weights()[0]
    assert any(np.array_equal(array, kernel) for array in arrays)


def test_moving_between_machines(make_model: Any, blobs: Any) -> None:
    moved, stayed = make_model(), make_model()
    for place in ("cpu", "cuda", "cpu", "cuda"):
        with pydl.device(place):
            moved.fit(*blobs, verbose=0, shuffle=False)
        stayed.fit(*blobs, verbose=0, shuffle=False)
    assert int(moved.optimizer.iterations) == 32
    for a, b in zip(weights_of(moved), weights_of(stayed), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_bad_labels_leave_the_weights(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    model = make_model()
    with pydl.device("cuda"):
        model.fit(x, y, verbose=0)
        before = weights_of(model)
        with pytest.raises(ValueError, match=r"label 9 .*outside \[0, 4\)"):
            model.fit(x, np.where(np.arange(250) == 40, 9, y), verbose=0)
        bad = y[:32].copy()
        bad[3] = -2
        with pytest.raises(ValueError, match="flat index 3 of a batch is not"):
            model.train_on_batch(x[:32], bad)
    assert_same(before, weights_of(model))


def test_a_loss_that_is_not_finite_stops(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    x = x.copy()
    x[100] = np.nan
    ends = {}
    for place in ("cpu", "cuda"):
        model = make_model("sgd", metrics=None)
        with pydl.device(place):
            model.fit(
                x, y, epochs=3, shuffle=False, verbose=0, callbacks=[TerminateOnNaN()]
            )
        ends[place] = (int(model.optimizer.iterations), len(model.history.epoch))
    assert ends["cuda"] == ends["cpu"] == (4, 1)


def test_stop_training_in_a_batch_hook(make_model: Any, blobs: Any) -> None:
    model = make_model()

    def stop(batch: int, logs: Any) -> None:
        model.stop_training = batch == 2

    with pydl.device("cuda"):
        model.fit(
            *blobs, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=stop)]
        )
    assert int(model.optimizer.iterations) == 3


def test_ctrl_c_leaves_a_step_boundary(make_model: Any, blobs: Any) -> None:
    model = make_model("sgd", metrics=None)
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    with pydl.device("cuda"):
        model.fit(*blobs, shuffle=False, verbose=0)
        start, steps = model.get_weights(), int(model.optimizer.iterations)
        threading.Timer(0.3, press).start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(*blobs, epochs=10_000, shuffle=False, verbose=0)
        assert time.perf_counter() - pressed[0] < 1.0  # 0.2 s on a machine left alone
        full, rest = divmod(int(model.optimizer.iterations) - steps, 8)
        again = make_model("sgd", metrics=None)
        again.set_weights(start)
        again.fit(*blobs, epochs=full, shuffle=False, verbose=0)
        if rest:
            again.fit(*blobs, steps_per_epoch=rest, shuffle=False, verbose=0)
    assert_same(model.get_weights(), again.get_weights())


def test_run_eagerly(make_model: Any, blobs: Any) -> None:
    x, y = blobs[0][:64], blobs[1][:64]
    compiled, eager = make_model(), make_model(run_eagerly=True)
    with pydl.device("cuda"):
        compiled.fit(x, y, shuffle=False, verbose=0)
        eager.fit(x, y, shuffle=False, verbose=0)
    for a, b in zip(weights_of(compiled), weights_of(eager), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_precision_is_part_of_the_program(make_model: Any, blobs: Any) -> None:
    model = make_model()
    try:
        with pydl.device("cuda"):
            exact = model.predict(blobs[0], verbose=0)
            pydl.config.set_float32_matmul_precision("medium")
            rounded = model.predict(blobs[0], verbose=0)
            tables = model.explain()
    finally:
        pydl.config.set_float32_matmul_precision("highest")
    np.testing.assert_allclose(exact, rounded, rtol=0.1, atol=0.02)
    said = [note for table in tables for note in table.notes]
    assert any("cuda:0, float32 products as float32: " in note for note in said)
    assert any("cuda:0, float32 products as bfloat16: " in note for note in said)


def test_explain_has_times_after_a_profiled_run(make_model: Any, blobs: Any) -> None:
    model = make_model()
    with pydl.device("cuda"):
        model.predict(blobs[0], verbose=0)
    step = next(iter(model._predictor.programs.values())).step
    x = np.ascontiguousarray(blobs[0][:32])
    table = step.profile({"steps": np.ones(1, "int64"), "x": x})
    assert table.seconds > 0
    assert "GB/s" in repr(table) and "on cuda:0" in repr(table)


def test_without_a_model_of_known_shape(blobs: Any) -> None:
    pydl.utils.set_random_seed(1)
    model = pydl.Sequential([pydl.layers.Dense(4, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    with pydl.device("cuda"):
        history = model.fit(*blobs, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
