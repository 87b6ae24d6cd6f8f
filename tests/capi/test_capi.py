"""The C API: what it computes, and that misuse is a code and a message."""

from __future__ import annotations

import ctypes as c
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capi import plans
from capi.library import (
    BAD_FILE,
    FAULT,
    INVALID,
    IO,
    NOT_FOUND,
    OK,
    Buffer,
    Model,
    RowSizes,
    Tensor,
    last_error,
    load,
    open_library,
    pointer,
)
from pydl import _core

LIBRARY = open_library()
Array = np.ndarray[Any, Any]


def write(path: Path, entries: list[plans.Entry]) -> Path:
    text = json.dumps(plans.make_plan(entries))
    _core.write_model(str(path), text, plans.make_state())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    entries = [plans.predict_entry(b) for b in (1, 8, 4)]
    entries += [plans.train_entry(b) for b in (8, 3)]
    return write(tmp_path / "linear.pydl", entries)


@pytest.fixture
def model(path: Path) -> Iterator[Model]:
    with load(LIBRARY, path) as loaded:
        yield loaded


def make_rows(rows: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, plans.FEATURES)).astype(np.float32)
    return x, rng.integers(plans.CLASSES, size=rows)


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7, 8, 9, 100, 1000])
def test_predict_takes_any_number_of_rows(model: Model, rows: int) -> None:
    x, _ = make_rows(rows)
    out = np.full((rows + 1, plans.CLASSES), -1, np.float32)
    model.predict(x, out)
    weight, bias, _ = plans.make_state()
    expected = plans.probabilities(x, weight, bias)
    np.testing.assert_allclose(out[:rows], expected, atol=1e-5)
    assert np.all(out[rows] == -1)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_predict_fills_up_a_batch_that_is_too_large(tmp_path: Path, rows: int) -> None:
    x, _ = make_rows(rows)
    out = np.full((rows + 1, plans.CLASSES), -1, np.float32)
    with load(LIBRARY, write(tmp_path / "m", [plans.predict_entry(4)])) as model:
        model.predict(x, out)
    weight, bias, _ = plans.make_state()
    expected = plans.probabilities(x, weight, bias)
    np.testing.assert_allclose(out[:rows], expected, atol=1e-5)
    assert np.all(out[rows] == -1)


def test_training_makes_the_steps_and_predict_sees_them(model: Model) -> None:
    x, y = make_rows(8 * 5 + 3)
    before = plans.make_state()
    out = np.empty((len(x), plans.CLASSES), np.float32)
    model.predict(x, out)
    loss = model.train(x, y)
    assert 0 < loss < 10
    weight, bias = plans.train(x, y, [8] * 5 + [3], before)
    np.testing.assert_allclose(model.get("weight", before[0]), weight, atol=1e-5)
    np.testing.assert_allclose(model.get("bias", before[1]), bias, atol=1e-5)
    model.predict(x, out)
    np.testing.assert_allclose(out, plans.probabilities(x, weight, bias), atol=1e-5)


def test_saved_weights_are_those_of_the_model(model: Model, tmp_path: Path) -> None:
    x, y = make_rows(16)
    model.train(x, y)
    saved = tmp_path / "saved.pydl"
    assert model.call("pydl_save", str(saved).encode()) == (OK, "")
    with load(LIBRARY, saved) as again:
        for name, like in zip(("weight", "bias"), plans.make_state(), strict=False):
            np.testing.assert_array_equal(model.get(name, like), again.get(name, like))
    np.testing.assert_array_equal(
        _core.read_model(str(saved))[1][0], model.get("weight", plans.make_state()[0])
    )


def test_a_bad_label_ends_training_before_its_step(model: Model) -> None:
    x, y = make_rows(24)
    y[13], y[20] = 3, -1
    status = model.call("pydl_train", pointer(x), pointer(y), 24, None)
    assert status == (
        FAULT,
        "train: the label of row 13 is out of range; the step with it changed nothing",
    )
    weight, _ = plans.train(x, y, [8], plans.make_state())
    got = model.get("weight", plans.make_state()[0])
    np.testing.assert_allclose(got, weight, atol=1e-5)


def test_rows_that_fit_no_batch_train_nothing(model: Model) -> None:
    x, y = make_rows(10)
    status, message = model.call("pydl_train", pointer(x), pointer(y), 10, None)
    assert status == INVALID
    assert "(8, 3), received 10: 2 rows are left over" in message
    weight = plans.make_state()[0]
    np.testing.assert_array_equal(model.get("weight", weight), weight)


def test_tensors_are_set_and_got(model: Model) -> None:
    weight = np.ones((plans.FEATURES, plans.CLASSES), np.float32)
    x, _ = make_rows(1)
    out = np.empty((1, plans.CLASSES), np.float32)
    model.predict(x, out)
    args = (b"weight", pointer(weight), weight.nbytes)
    assert model.call("pydl_set_tensor", *args) == (OK, "")
    np.testing.assert_array_equal(model.get("weight", weight), weight)
    model.predict(x, out)
    bias = plans.make_state()[1]
    np.testing.assert_allclose(out, plans.probabilities(x, weight, bias), atol=1e-5)
    for name, nbytes, status, part in [
        (b"weight", 4, INVALID, "expected 60 bytes, received 4"),
        (b"weight", -1, INVALID, "expected 60 bytes, received -1"),
        (b"none", 60, NOT_FOUND, "no tensor 'none'"),
        (None, 60, INVALID, "name is NULL"),
    ]:
        for function in ("pydl_get_tensor", "pydl_set_tensor"):
            got, message = model.call(function, name, pointer(weight), nbytes)
            assert got == status and part in message
    assert model.call("pydl_get_tensor", b"weight", None, 60)[0] == INVALID


def test_what_a_model_holds(model: Model) -> None:
    assert LIBRARY.pydl_entry_count(model.handle) == 5
    names = [LIBRARY.pydl_entry_name(model.handle, i) for i in range(-1, 6)]
    assert names[0] is None and names[6] is None
    assert names[1:3] == [b"predict:1", b"predict:8"]
    assert LIBRARY.pydl_input_count(model.handle, b"train_step:8") == 3
    assert LIBRARY.pydl_output_count(model.handle, b"train_step:8") == 2
    assert LIBRARY.pydl_input_count(model.handle, b"none") == -1
    tensor = Tensor()
    args: tuple[Any, ...] = (b"predict:8", 1, c.byref(tensor))
    assert model.call("pydl_input_info", *args) == (OK, "")
    assert (tensor.name, tensor.dtype, tensor.rank) == (b"x", 0, 2)
    assert tensor.shape[:2] == [8, plans.FEATURES]
    assert (tensor.bytes, tensor.step) == (160, 160)
    for function in ("pydl_input_info", "pydl_output_info"):
        for entry, index, status in [
            (b"predict:8", 9, INVALID), (b"predict:8", -1, INVALID),
            (b"none", 0, NOT_FOUND), (None, 0, NOT_FOUND),
        ]:  # fmt: skip
            got = model.call(function, entry, index, c.byref(tensor))
            assert got[0] == status and got[1]
    assert model.call("pydl_state_info", 0, c.byref(tensor)) == (OK, "")
    assert tensor.name == b"weight"
    assert model.call("pydl_state_info", 3, c.byref(tensor))[0] == INVALID
    sizes = RowSizes()
    assert model.call("pydl_row_bytes", c.byref(sizes)) == (OK, "")
    assert (sizes.x, sizes.y, sizes.out) == (20, 8, 12)


def test_run_an_entry(model: Model) -> None:
    x, _ = make_rows(8)
    out = np.empty((8, plans.CLASSES), np.float32)
    steps, passes = np.array([2]), c.c_int64(-1)
    inputs = (Buffer * 2)((pointer(steps), 8), (pointer(x), x.nbytes))
    outputs = (Buffer * 1)((pointer(out), out.nbytes))
    args = (b"predict:4", inputs, 2, outputs, 1, c.byref(passes))
    assert model.call("pydl_run", *args) == (OK, "")
    assert passes.value == 2
    weight, bias, _ = plans.make_state()
    np.testing.assert_allclose(out, plans.probabilities(x, weight, bias), atol=1e-5)
    for change, part in [
        ((inputs, 1, outputs, 1), "takes 2 inputs and 1 outputs, received 1 and 1"),
        ((inputs, -1, outputs, 1), "received -1 and 1"),
        ((None, 2, outputs, 1), "NULL"),
        (((Buffer * 2)((pointer(steps), 8), (pointer(x), 80)), 2, outputs, 1), "'x'"),
        (((Buffer * 2)((pointer(steps), 8), (None, 160)), 2, outputs, 1), "x' is NULL"),
        (((Buffer * 2)((pointer(steps), 8), (x.ctypes.data + 1, 160)), 2, outputs, 1),
         "input 'x' must begin at a multiple of 4 bytes"),
        ((inputs, 2, (Buffer * 1)((pointer(out), -5)), 1), "'out'"),
    ]:  # fmt: skip
        status, message = model.call("pydl_run", b"predict:4", *change, None)
        assert status == INVALID and part in message
    assert model.call("pydl_run", b"none", inputs, 2, outputs, 1, None)[0] == NOT_FOUND
    for count in (-1, 3, 2**62):
        steps[0] = count
        status, message = model.call("pydl_run", *args)
        assert status == INVALID and message


def test_predict_and_train_misused(model: Model) -> None:
    x, y = make_rows(8)
    out = np.empty((8, plans.CLASSES), np.float32)
    for rows, given_x, given_out, part in [
        (-1, x, out, "expected 0 or more, received -1"),
        (8, None, out, "x is NULL"),
        (8, x, None, "out is NULL"),
        (2**62, x, out, "too many"),
        (2**63 - 1, x, out, "too many"),
    ]:
        args = (pointer(given_x), rows, pointer(given_out))
        status, message = model.call("pydl_predict", *args)
        assert status == INVALID and part in message
    assert model.call("pydl_train", None, pointer(y), 8, None)[0] == INVALID
    assert model.call("pydl_train", pointer(x), None, 8, None)[0] == INVALID
    assert model.call("pydl_train", pointer(x), pointer(y), -8, None)[0] == INVALID
    assert model.call("pydl_train", None, None, 0, None)[0] == OK


def test_null_models() -> None:
    nobody = Model(LIBRARY, c.c_void_p())
    assert nobody.call("pydl_predict", None, 0, None) == (INVALID, "model is NULL")
    assert nobody.call("pydl_train", None, None, 0, None)[0] == INVALID
    assert nobody.call("pydl_run", b"x", None, 0, None, 0, None)[0] == INVALID
    assert nobody.call("pydl_save", b"x")[0] == INVALID
    assert nobody.call("pydl_row_bytes", None)[0] == INVALID
    assert nobody.call("pydl_get_tensor", b"x", None, 0)[0] == INVALID
    assert nobody.call("pydl_state_info", 0, None)[0] == INVALID
    assert LIBRARY.pydl_entry_count(None) == -1
    assert LIBRARY.pydl_entry_name(None, 0) is None
    LIBRARY.pydl_free(None)
    assert LIBRARY.pydl_load(None, None) == INVALID


def test_models_without_the_entries(tmp_path: Path) -> None:
    x, y = make_rows(4)
    with load(LIBRARY, write(tmp_path / "m", [plans.train_entry(4)])) as model:
        status, message = model.call("pydl_predict", pointer(x), 4, pointer(x))
        assert status == NOT_FOUND and "no entry 'predict:<batch size>'" in message
    with load(LIBRARY, write(tmp_path / "m", [plans.predict_entry(4)])) as model:
        status, _ = model.call("pydl_train", pointer(x), pointer(y), 4, None)
        assert status == NOT_FOUND
        sizes = RowSizes()
        assert model.call("pydl_row_bytes", c.byref(sizes)) == (OK, "")
        assert (sizes.x, sizes.y, sizes.out) == (20, 0, 12)


def test_entries_that_disagree_about_rows_are_refused(tmp_path: Path) -> None:
    """A wider row in one entry would write past the caller's memory."""
    liar = plans.predict_entry(8)
    liar["name"] = "predict:4"
    with load(LIBRARY, write(tmp_path / "m", [liar, plans.predict_entry(1)])) as model:
        x = np.zeros((8, plans.FEATURES), np.float32)
        status, message = model.call("pydl_predict", pointer(x), 4, pointer(x))
        assert status == INVALID and "not stepped by batches of 4 rows" in message
    wide = plans.predict_entry(2)
    wide["inputs"][1]["shape"] = [2, plans.FEATURES + 1]
    wide["inputs"][1]["step"] = 8 * (plans.FEATURES + 1)
    entries = [wide, plans.predict_entry(1)]
    with load(LIBRARY, write(tmp_path / "m", entries)) as model:
        status, message = model.call("pydl_predict", pointer(x), 4, pointer(x))
        assert status == INVALID and "rows of different sizes" in message


def test_a_report_of_declared_terabytes_is_not_allocated(tmp_path: Path) -> None:
    entry = plans.train_entry(8)
    entry["outputs"].append(plans.port("metrics", "float32", [2**44]))
    x, y = make_rows(8)
    with load(LIBRARY, write(tmp_path / "m", [entry])) as model:
        status, message = model.call("pydl_train", pointer(x), pointer(y), 8, None)
    assert status == INVALID and "'metrics'" in message and "too large" in message


def test_files_that_do_not_load(tmp_path: Path) -> None:
    handle = c.c_void_p(1)
    missing = str(tmp_path / "missing").encode()
    assert LIBRARY.pydl_load(missing, c.byref(handle)) == IO
    assert handle.value is None
    assert "missing: cannot open" in last_error(LIBRARY)
    bad = tmp_path / "bad"
    bad.write_bytes(b"not a model" * 10)
    assert LIBRARY.pydl_load(str(bad).encode(), c.byref(handle)) == BAD_FILE
    with load(LIBRARY, write(tmp_path / "m", [])) as model:
        unwritable = str(tmp_path / "no" / "m").encode()
        assert model.call("pydl_save", unwritable)[0] == IO


def test_errors_belong_to_the_thread(model: Model) -> None:
    assert model.call("pydl_predict", None, -1, None)[0] == INVALID
    seen: list[str] = []
    other = threading.Thread(target=lambda: seen.append(last_error(LIBRARY)))
    other.start()
    other.join()
    assert seen == [""]
    assert "received -1" in last_error(LIBRARY)


def test_threads_predict_with_one_model(path: Path) -> None:
    """The first calls bind the entries, at the same time."""
    x, _ = make_rows(13)
    weight, bias, _ = plans.make_state()
    expected = plans.probabilities(x, weight, bias)
    wrong: list[int] = []

    def work(model: Model) -> None:
        out = np.empty((len(x), plans.CLASSES), np.float32)
        for _ in range(200):
            model.predict(x, out)
            if not np.allclose(out, expected, atol=1e-5):
                wrong.append(1)

    with load(LIBRARY, path) as model:
        threads = [threading.Thread(target=work, args=(model,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_set_threads() -> None:
    assert LIBRARY.pydl_set_threads(-1) == INVALID
    assert LIBRARY.pydl_set_threads(1000) == INVALID
    assert LIBRARY.pydl_set_threads(0) == OK
    assert LIBRARY.pydl_version().decode().count(".") == 2
