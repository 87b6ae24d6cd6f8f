"""Functions whose meaning Keras's numbers do not show: edges, gradients, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl.ops as ops
from graph_values import values
from pydl.graph.gradients import gradients
from pydl.graph.trace import Trace

rng = np.random.default_rng(4)
A = rng.normal(size=(3, 4))
B = rng.uniform(0.2, 2.0, size=(3, 4))
INTS = np.array([7, -7, 0, 2**31 - 1, -(2**31)], np.int32)


def slopes(function: Callable[..., Any], x: Any) -> Any:
    """Central differences of the sum of a function of float64 numbers."""
    out = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[place] += step
            ends.append(float(ops.sum(function(ops.convert_to_tensor(moved)))))
        out[place] = (ends[0] - ends[1]) / 2e-6
    return out


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: ops.hypot(x, A[0]), A),
        (lambda x: ops.logaddexp(x, A[0]), A),
        (lambda x: ops.logaddexp2(x, A[0]), A),
        (ops.sinc, A),
        (ops.cbrt, A),
        (ops.erfc, A * 2),
        (ops.i0, A * 4),
        (lambda x: ops.prod(x, axis=1), A),
        (lambda x: ops.fmod(x, B), A * 4),
        (lambda x: ops.nanmean(x, axis=0), A),
        (lambda x: ops.nanvar(x, axis=0), A),
        (lambda x: ops.sparsemax(x) * B, A),
        (lambda x: ops.layer_normalization(x) * B, A),
        (lambda x: ops.rms_normalization(x) * B, A),
        (lambda x: ops.normalize(x, order=3) * B, A),
        (lambda x: ops.glu(x), A),
        (lambda x: ops.correlate(x[0], B[1], "full") * np.arange(7.0), A),
        (lambda x: ops.cross(x[:, :3], B[:, :3]) * B[:, :3], A),
        (lambda x: ops.trapezoid(x, B[0]), A),
    ],
)
def test_gradients(function: Callable[..., Any], x: Any) -> None:
    with Trace("case") as trace:
        tensor = trace.input("x", x.shape, "float64")
        (grad,) = gradients([ops.sum(function(tensor))], [tensor])
    found = values(trace.graph, [grad], {"x": x})[0]
    np.testing.assert_allclose(found, slopes(function, x), rtol=1e-5, atol=1e-7)


def test_slopes_where_functions_meet() -> None:
    """Equal operands, and 0: where maxima have kinks and roots no slope."""
    x = np.array([1.5, -2.0, 0.0])
    with Trace("case") as trace:
        a, b = (trace.input(name, (3,), "float64") for name in "ab")
        results = [ops.hypot(a, b), ops.logaddexp(a, b)]
        grads = [gradients([ops.sum(r)], [a])[0] for r in results]
    lengths, sums = values(trace.graph, grads, {"a": x, "b": x})
    np.testing.assert_allclose(lengths, [0.5**0.5, -(0.5**0.5), 0.0])
    np.testing.assert_allclose(sums, [0.5, 0.5, 0.5])


def projected(row: Any) -> Any:
    """The projection on the simplex by sorting."""
    ordered = np.sort(row)[::-1]
    tau = (np.cumsum(ordered) - 1) / np.arange(1, len(row) + 1)
    return np.maximum(row - tau[np.sum(ordered > tau) - 1], 0)


def test_sparsemax_is_a_projection() -> None:
    rows = np.concatenate([A * 0.3, A, A * 5, np.zeros((1, 4)), [[2.0, 2, 2, 0]]])
    want = np.array([projected(row) for row in rows])
    np.testing.assert_allclose(ops.sparsemax(rows).numpy(), want, atol=1e-12)
    turned = ops.sparsemax(rows.T, axis=0).numpy()
    np.testing.assert_allclose(turned, want.T, atol=1e-12)


def test_whole_quotients_follow_python() -> None:
    for divisor in (3, -3, -1, 2**31 - 1):
        quotient = ops.floor_divide(INTS, divisor).numpy()
        rest = ops.mod(INTS, divisor).numpy()
        want = [divmod(int(x), divisor) for x in INTS]
        wrapped = [(q + 2**31) % 2**32 - 2**31 for q, _ in want]
        assert quotient.tolist() == wrapped
        assert rest.tolist() == [r for _, r in want]
    assert ops.floor_divide(INTS, 0).numpy().tolist() == [0] * 5
    assert ops.mod(INTS, 0).numpy().tolist() == [0] * 5


def test_whole_powers() -> None:
    base = np.array([3, -2, 0, 1, -1], np.int64)
    assert ops.power(base, 39).numpy().tolist() == [3**39, -(2**39), 0, 1, -1]
    assert ops.power(base, np.full(5, -3)).numpy().tolist() == [0, 0, 0, 1, -1]
    assert ops.power(np.array([200], np.uint8), 2).numpy().tolist() == [64]


def test_shifts_move_everything_out() -> None:
    x = np.array([5, -5], np.int32)
    for shift in (32, 40, -1):
        assert ops.left_shift(x, shift).numpy().tolist() == [0, 0]
        assert ops.right_shift(x, shift).numpy().tolist() == [0, -1]


def test_divisors_of_large_numbers() -> None:
    a, b = 7540113804746346429, 4660046610375530309  # neighbours of Fibonacci's
    found = ops.gcd(np.array([a, 12, 0]), np.array([b, -18, 0])).numpy()
    assert found.tolist() == [1, 6, 0]
    assert ops.lcm(np.array([4, 0, -6]), np.array([6, 5, 4])).numpy().tolist() == [
        12,
        0,
        12,
    ]


def test_no_overflow_on_the_way() -> None:
    huge = np.float32(3e38)
    np.testing.assert_allclose(ops.hypot(huge / 2, huge / 2).numpy(), huge / 2**0.5)
    assert ops.hypot(np.float32("inf"), np.float32("nan")).numpy() == np.inf
    assert ops.logaddexp(np.float32(-np.inf), np.float32(-np.inf)).numpy() == -np.inf
    assert ops.logaddexp(1000.0, 1000.0).numpy() == np.float32(1000 + np.log(2))
    np.testing.assert_allclose(ops.ldexp(1.0, 127).numpy(), 2.0**127)
    np.testing.assert_allclose(ops.erfc([9.0]).numpy(), [4.137032e-37], rtol=2e-5)


def test_transforms_invert_each_other() -> None:
    x = A.astype(np.float32)
    back = ops.ifft2(ops.fft2((x, x * 0.5)))
    np.testing.assert_allclose(back[0].numpy(), x, atol=1e-6)
    np.testing.assert_allclose(ops.irfft(ops.rfft(x)).numpy(), x, atol=1e-6)
    signal = rng.normal(size=(2, 40))
    frames = ops.stft(signal, 8, 2, 8)
    again = ops.istft(frames, 8, 2, 8, length=40).numpy()
    np.testing.assert_allclose(again, signal, atol=1e-9)


def test_complex_numbers_are_arrays_of_numpy() -> None:
    pairs = A[:, :2].astype(np.float32)
    numbers = ops.view_as_complex(pairs)
    np.testing.assert_array_equal(numbers, pairs[:, 0] + 1j * pairs[:, 1])
    np.testing.assert_array_equal(ops.view_as_real(numbers).numpy(), pairs)
    turned = ops.polar(B, A)
    np.testing.assert_allclose(turned, B * np.exp(1j * A), rtol=1e-6)


WRONG = [
    (lambda: ops.round([True]), TypeError, "bool"),
    (lambda: ops.ldexp(1.0, 2.0), TypeError, "ldexp.*float32"),
    (lambda: ops.bitwise_and([1.5], [2]), TypeError, "bitwise_and.*float32"),
    (lambda: ops.gcd([1.5], [2]), TypeError, "gcd.*float32"),
    (lambda: ops.average(A, weights=B[0]), ValueError, "axis=None"),
    (lambda: ops.average(A, axis=0, weights=B[0]), ValueError, r"\(3,\).*\(4,\)"),
    (lambda: ops.corrcoef(np.zeros((1, 1, 1))), ValueError, "1 or 2 axes"),
    (lambda: ops.vander(A), ValueError, r"\(3, 4\)"),
    (lambda: ops.diff(A, n=-1), ValueError, "n=-1"),
    (lambda: ops.cross(A, A), ValueError, "2 or 3 components"),
    (lambda: ops.vdot(A, B[0]), ValueError, r"\(3, 4\) and \(4,\)"),
    (lambda: ops.correlate(A, B), ValueError, "two vectors"),
    (lambda: ops.correlate(A[0], B[0], "half"), ValueError, "'half'"),
    (lambda: ops.glu(A[:, :3]), ValueError, "even number"),
    (lambda: ops.normalize(A, order=0), ValueError, "order >= 1"),
    (lambda: ops.moments(A, 0, synchronized=True), NotImplementedError, "one device"),
    (lambda: ops.batch_normalization(A, B[0], B[0], 0), ValueError, r"\(3,\)"),
    (lambda: ops.layer_normalization(A, wrong=1), TypeError, "wrong"),
    (lambda: ops.psnr(A, B[0], 1.0), ValueError, "equal shapes"),
    (lambda: ops.multi_hot([1]), ValueError, "num_classes"),
    (lambda: ops.select([], []), ValueError, "one or more"),
    (lambda: ops.array_split(A, 0), ValueError, "received 0"),
    (lambda: ops.dsplit(A, 2), ValueError, "3 or more axes"),
    (lambda: ops.unravel_index([0.5], (2,)), TypeError, "float32"),
    (lambda: ops.cdist(A, B[:, :3]), ValueError, "equal length"),
    (lambda: ops.view_as_complex(A), ValueError, "size 2"),
    (lambda: ops.fft(A), ValueError, "tuple of two tensors"),
    (lambda: ops.fft((A, B[0])), ValueError, "one shape"),
    (lambda: ops.stft(A, 9, 1, 4), ValueError, "fft_length=4"),
    (lambda: ops.stft(A, 4, 1, 4, window="bell"), ValueError, "'bell'"),
    (lambda: ops.extract_sequences(A, 5, 1), ValueError, "sequence_length=5"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), WRONG)
def test_errors(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
