"""A loaded model on a GPU, or an emulated one: the same calls, the same results."""

from __future__ import annotations

import ctypes as c
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capi import plans
from capi.library import (
    FAULT,
    INVALID,
    NOT_FOUND,
    OK,
    Model,
    last_error,
    load,
    open_library,
    pointer,
)
from capi.test_capi import make_rows, write
from pydl import _core

LIBRARY = open_library()
DEVICES = _core.devices()
pytestmark = pytest.mark.skipif(
    not DEVICES["count"], reason=f"no device: {DEVICES['missing']}"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    entries = [plans.predict_entry(b) for b in (1, 8, 4)]
    entries += [plans.train_entry(b) for b in (8, 3)]
    return write(tmp_path / "linear.pydl", entries)


@pytest.fixture
def models(path: Path) -> Iterator[tuple[Model, Model]]:
    """The same model on the CPU and on a device."""
    with load(LIBRARY, path) as host, load(LIBRARY, path) as device:
        assert device.call("pydl_set_device", b"cuda") == (OK, "")
        yield host, device


def weight(model: Model) -> np.ndarray:
    return model.get("weight", plans.make_state()[0])


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [0, 1, 7, 100])
def test_predict(models: tuple[Model, Model], rows: int) -> None:
    x, _ = make_rows(rows)
    got = [np.full((rows + 1, plans.CLASSES), -1, np.float32) for _ in models]
    for model, out in zip(models, got, strict=True):
        model.predict(x, out)
    close(got[1], got[0])
    assert (got[1][rows] == -1).all()


def test_train(models: tuple[Model, Model]) -> None:
    x, y = make_rows(83)
    for _ in range(3):
        losses = [model.train(x, y) for model in models]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        close(weight(models[1]), weight(models[0]))


def test_a_bad_label_is_named(models: tuple[Model, Model]) -> None:
    x, y = make_rows(40)
    y[21] = -4
    loss = c.c_float()
    said = [
        model.call("pydl_train", pointer(x), pointer(y), 40, c.byref(loss))
        for model in models
    ]
    assert said[0] == said[1] and said[1][0] == FAULT and "row 21" in said[1][1]
    close(weight(models[1]), weight(models[0]))


def test_weights_follow(models: tuple[Model, Model], tmp_path: Path) -> None:
    """Set, read and saved while the newest are on the device; then back on the CPU."""
    x, y = make_rows(8)
    new = np.linspace(-1, 1, weight(models[0]).size, dtype=np.float32)
    for model in models:
        model.train(x, y)
        args = (b"weight", pointer(new), new.nbytes)
        assert model.call("pydl_set_tensor", *args) == (OK, "")
        model.train(x, y)
    close(weight(models[1]), weight(models[0]))
    saved = tmp_path / "saved.pydl"
    models[1].train(x, y)
    assert models[1].call("pydl_save", str(saved).encode()) == (OK, "")
    with load(LIBRARY, saved) as again:
        np.testing.assert_array_equal(weight(again), weight(models[1]))
    models[0].train(x, y)
    assert models[1].call("pydl_set_device", b"cpu") == (OK, "")
    for model in models:
        model.train(x, y)
    close(weight(models[1]), weight(models[0]))


def test_misuse(models: tuple[Model, Model]) -> None:
    for name in (b"cuda:99", b"cuda:", b"gpu", b""):
        status, message = models[0].call("pydl_set_device", name)
        assert status == NOT_FOUND and message
    assert models[0].call("pydl_set_device", None)[0] == INVALID
    assert LIBRARY.pydl_set_device(None, b"cuda") == INVALID
    count = c.c_int(-1)
    assert LIBRARY.pydl_device_count(c.byref(count)) == OK, last_error(LIBRARY)
    assert count.value == DEVICES["count"]
    assert LIBRARY.pydl_device_count(None) == INVALID
