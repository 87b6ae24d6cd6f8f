"""`_core.run_eager`: what `run_op` gives, call after call, and what it leaves."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core


def both(op: str, arrays: list[np.ndarray], attrs: dict[str, Any]) -> None:
    want = _core.run_op(op, arrays, attrs)
    for _ in range(2):  # bound by the first call, remembered for the second
        got = _core.run_eager(op, arrays, attrs)
        assert got is not None
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_equals_run_op() -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    both("add", [x, x], {})
    both("transpose", [x], {"perm": [1, 0]})
    both("transpose", [x], {"perm": [0, 1]})  # other attributes, another program
    both("transpose", [x.reshape(4, 3)], {"perm": [1, 0]})
    both("cast", [x], {"dtype": "int8"})
    both("cast", [x], {"dtype": "float16"})
    both("pad", [x], {"low": [1, 0], "high": [0, 2], "value": -1.5})
    both("pad", [x], {"low": [1, 0], "high": [0, 2], "value": 2.5})
    both("top_k", [x], {"k": 2})
    both("add", [np.zeros((0, 4), np.float32), x[:1]], {})
    both("add", [np.array(1.0), np.array(2.0)], {})
    large = np.arange(300_000, dtype=np.float64)  # in pieces, the lock released
    both("mul", [large, large], {})


def test_what_it_leaves_to_run_op() -> None:
    x = np.ones((4, 4), np.float32)
    for array in (x.T[:2], x.astype(">f4"), x.tolist(), np.float32(1)):
        assert _core.run_eager("neg", [array], {}) is None
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert _core.run_eager("neg", [x.astype(ml_dtypes.bfloat16)], {}) is None
    assert _core.run_eager("cast", [x], {"dtype": "bfloat16"}) is None
    many = [np.ones((1, 1), np.float32)] * 20
    assert _core.run_eager("concatenate", many, {"axis": 0}) is None


def test_errors_are_those_of_the_gate() -> None:
    x = np.ones(3, np.float32)
    for _ in range(2):
        with pytest.raises(ValueError, match="add"):
            _core.run_eager("add", [x, np.ones(2, np.float32)], {})
        with pytest.raises(ValueError, match="unknown op"):
            _core.run_eager("nope", [x], {})
        with pytest.raises(TypeError, match="attribute"):
            _core.run_eager("neg", [x], {"a": object()}) or _core.run_op(
                "neg", [x], {"a": object()}
            )


def test_more_calls_than_are_remembered() -> None:
    for n in range(1, 1500):
        (out,) = _core.run_eager("neg", [np.full(n, 2.0, np.float32)], {}) or [None]
        assert out is not None
        assert out.shape == (n,)
        assert out[-1] == -2


def test_threads_share_programs() -> None:
    a = pydl.ops.convert_to_tensor(np.arange(70_000, dtype=np.float32))
    wrong: list[Any] = []

    def work(k: int) -> None:
        for _ in range(50):
            out = (a * float(k)).numpy()
            if not np.array_equal(out, a.numpy() * np.float32(k)):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
