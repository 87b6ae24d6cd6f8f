"""Data from generators, data sets and loaders of other libraries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.training.adapters.tensors import to_numpy
from pydl.utils import PyDataset

BATCH = 32


def batches_of(x: Any, y: Any, *more: Any) -> Any:
    for at in range(0, len(x), BATCH):
        yield tuple(part[at : at + BATCH] for part in (x, y, *more))


class Rows(PyDataset):
    """The rows in batches; remembers what was asked of it."""

    def __init__(self, x: Any, y: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.x, self.y = x, y
        self.calls: list[Any] = []

    def __len__(self) -> int:
        return -(-len(self.x) // BATCH)

    def __getitem__(self, index: int) -> Any:
        self.calls.append(index)
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return self.x[rows], self.y[rows]

    def on_epoch_begin(self) -> None:
        self.calls.append("begin")

    def on_epoch_end(self) -> None:
        self.calls.append("end")


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Any:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def fitted(make_model: Any, blobs: Any) -> Any:
    """What two epochs over the arrays give: the sources must give the same bits."""
    model = make_model(dropout=0.2)
    model.fit(*blobs, epochs=2, shuffle=False, verbose=0)
    return model


def assert_same(left: Any, right: Any) -> None:
    for a, b in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert left.history.history == right.history.history


@pytest.mark.parametrize(
    "options",
    [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}],
    ids=["alone", "threads", "processes"],
)
def test_py_dataset(make_model: Any, blobs: Any, fitted: Any, options: Any) -> None:
    model, data = make_model(dropout=0.2), Rows(*blobs, **options)
    model.fit(data, epochs=2, shuffle=False, verbose=0)
    assert_same(model, fitted)
    assert [call for call in data.calls if isinstance(call, str)] == [
        "begin", "end", "begin", "end",
    ]  # fmt: skip


def test_py_dataset_is_shuffled_by_batches(make_model: Any, blobs: Any) -> None:
    orders = []
    for _ in range(2):
        model, data = make_model(), Rows(*blobs)
        model.fit(data, epochs=2, verbose=0)
        seen = [call for call in data.calls if isinstance(call, int)]
        assert sorted(seen[:8]) == sorted(seen[8:]) == list(range(8))
        assert seen[:8] != seen[8:] and seen[:8] != list(range(8))
        orders.append(seen)
    assert orders[0] == orders[1]  # the seed says


def test_iterator_and_iterable(make_model: Any, blobs: Any, fitted: Any) -> None:
    def twice() -> Any:
        for _ in range(2):
            yield from batches_of(*blobs)

    model = make_model(dropout=0.2)
    model.fit(twice(), epochs=2, steps_per_epoch=8, verbose=0)
    assert_same(model, fitted)

    class Iterable:
        def __iter__(self) -> Any:
            return ([x, y] for x, y in batches_of(*blobs))

    model = make_model(dropout=0.2)
    model.fit(Iterable(), epochs=2, verbose=0)
    assert_same(model, fitted)
    model = make_model(dropout=0.2)
    model.fit(Iterable(), epochs=4, steps_per_epoch=4, verbose=0)
    for a, b in zip(model.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_in_the_source(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    weight = np.linspace(0, 2, len(x))
    one, two = make_model(), make_model()
    one.fit(x, y, sample_weight=weight, shuffle=False, verbose=0)
    two.fit(batches_of(x, y, weight), verbose=0)
    assert_same(one, two)
    one, two = make_model(), make_model()
    classes = {0: 1.0, 1: 3.0, 2: 0.5, 3: 1.0}
    one.fit(x, y, class_weight=classes, shuffle=False, verbose=0)
    two.fit(Rows(x, y), class_weight=classes, shuffle=False, verbose=0)
    assert_same(one, two)


def test_validation_with_a_source(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    one, two = make_model(), make_model()
    options = {"epochs": 3, "shuffle": False, "verbose": 0, "validation_freq": [1, 3]}
    one.fit(x, y, validation_data=(x, y), validation_steps=3, **options)
    two.fit(x, y, validation_data=Rows(x, y), validation_steps=3, **options)
    assert len(one.history.history["val_loss"]) == 2
    assert_same(one, two)


def test_evaluate_and_predict(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    model = make_model()
    assert model.evaluate(Rows(x, y), verbose=0) == model.evaluate(x, y, verbose=0)
    assert model.evaluate(batches_of(x, y), verbose=0) == model.evaluate(
        x, y, verbose=0
    )
    found = model.predict(Rows(x, y), verbose=0)
    np.testing.assert_array_equal(found, model.predict(x, verbose=0))
    found = model.predict((part[:1] for part in batches_of(x, y)), verbose=0, steps=3)
    np.testing.assert_array_equal(found, model.predict(x[:96], verbose=0))


def test_ragged_batches(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    sizes = [1, 7, 32, 7, 50]
    model, stepped = make_model(), make_model()
    starts = np.cumsum([0, *sizes])
    rows = [slice(a, b) for a, b in zip(starts[:-1], starts[1:], strict=True)]
    model.fit(((x[r], y[r]) for r in rows), verbose=0)
    for r in rows:
        last = stepped.train_on_batch(x[r], y[r], return_dict=True)
    for a, b in zip(model.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {k: v[0] for k, v in model.history.history.items()} == last


def test_data_that_runs_out(make_model: Any, blobs: Any) -> None:
    model = make_model()
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting"):
        history = model.fit(
            batches_of(*blobs), steps_per_epoch=5, epochs=4, verbose=0
        ).history
    assert len(history["loss"]) == 2  # 5 batches, then 3; then there are none
    assert int(model.optimizer.iterations) == 8
    with pytest.raises(ValueError, match="must yield at least one batch"):
        model.fit(iter(()), verbose=0)


def test_no_batch_is_read_in_vain(make_model: Any, blobs: Any) -> None:
    generator = batches_of(*blobs)
    make_model().fit(generator, steps_per_epoch=3, verbose=0)
    assert len(list(generator)) == 5


def test_error_of_a_generator_has_its_traceback(make_model: Any, blobs: Any) -> None:
    def broken() -> Any:
        x, y = blobs
        yield x[:4], y[:4]
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows") as caught:
        make_model().fit(broken(), verbose=0)
    assert "in broken" in "".join(traceback.format_exception(caught.value))

    class Broken(Rows):
        def __getitem__(self, index: int) -> Any:
            if index == 3:
                raise LookupError("row 3 is missing")
            return super().__getitem__(index)

    for options in ({}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}):
        with pytest.raises(LookupError, match="row 3 is missing"):
            make_model().fit(Broken(*blobs, **options), shuffle=False, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"y": np.zeros(3)}, "`x` as a generator, `y` should not be passed"),
        ({"sample_weight": np.zeros(3)}, "`sample_weight` should not be passed"),
        ({"validation_split": 0.2}, "`validation_split` is only supported for Tensors"),
    ],
)
def test_what_a_source_excludes(
    make_model: Any, blobs: Any, arguments: Any, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        make_model().fit(batches_of(*blobs), verbose=0, **arguments)


def test_what_batches_must_be(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    with pytest.raises(ValueError, match="the generator must return a tuple, either"):
        make_model().fit(iter([x, y]), verbose=0)

    class Lists(Rows):
        def __getitem__(self, index: int) -> Any:
            return list(super().__getitem__(index))

    with pytest.raises(ValueError, match="__getitem__.* must return a tuple or a dict"):
        make_model().fit(Lists(x, y), verbose=0)
    with pytest.raises(ValueError, match="The PyDataset has length 0"):
        make_model().fit(Rows(x[:0], y[:0]), verbose=0)
    with pytest.raises(ValueError, match="equal length, received x"):
        make_model().fit(iter([(x[:4], y[:3])]), verbose=0)


def test_dataset_that_did_not_call_super(make_model: Any, blobs: Any) -> None:
    class Forgetful(PyDataset):
        def __init__(self) -> None:
            pass

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return blobs[0][:8], blobs[1][:8]

    with pytest.warns(UserWarning, match="should call `super"):
        make_model().fit(Forgetful(), verbose=0)


class Table:
    """Like a data frame."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return self.values


class Series(Table):
    """Like a column of one."""


class Foreign:
    """Like a PyTorch tensor that needs a gradient."""

    def __init__(self, values: Any) -> None:
        self.values, self.dtype = values, "torch.float32"

    def detach(self) -> Any:
        return self

    def cpu(self) -> Any:
        return self

    def numpy(self) -> Any:
        return self.values


class Exported:
    """Speaks DLPack only."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


def test_tables_and_tensors_of_others(make_model: Any, blobs: Any) -> None:
    x, y = blobs
    expected = make_model()
    expected.fit(x, y, verbose=0)
    for a, b in [
        (Table(x), Series(y)),
        (Foreign(x), Foreign(y)),
        (Exported(x), Exported(y)),
        (pydl.ops.convert_to_tensor(x), list(y)),
        (Table(x.astype(object)), y),
    ]:
        model = make_model()
        model.fit(a, b, verbose=0)
        assert_same(model, expected)
    assert to_numpy(Series(y)).shape == (250, 1)
    with pytest.raises(TypeError, match="x: expected numbers"):
        make_model().fit(Table(np.array([["a"]] * 250, dtype=object)), y, verbose=0)


SCRIPT = """
import sys, time, threading
import numpy as np, pydl
x, y = np.zeros((32, 4), "float32"), np.zeros((32, 1), "float32")
def endless():
    while True:
        time.sleep(0.02)
        yield x, y
model = pydl.Sequential([pydl.Input((4,)), pydl.layers.Dense(1)])
model.compile("sgd", "mse")
print("ready", flush=True)
try:
    model.fit(endless(), steps_per_epoch=10**9, verbose=0)
except KeyboardInterrupt:
    assert threading.active_count() == 1, threading.enumerate()
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_the_thread() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert out.readline() == "interrupted\n"
    assert process.wait(10) == 0
