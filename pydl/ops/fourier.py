"""Fourier transforms, on the host through NumPy, and what goes with them.

Complex numbers are pairs of tensors, (real, imaginary). No kernel computes these, so
they are refused under a trace; `extract_sequences` alone is made of kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.ops.apply import lift, promote_float
from pydl.ops.creation import zeros_like
from pydl.ops.dtypes import is_float
from pydl.ops.gather import take
from pydl.ops.host import on_host
from pydl.ops.public import public_op
from pydl.ops.shape import stack

__all__ = [
    "extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "polar", "rfft",
    "stft", "view_as_complex", "view_as_real",
]  # fmt: skip

Pair = tuple[Any, Any]


def _pair(name: str, x: Any) -> Pair:
    if not isinstance(x, tuple | list) or len(x) != 2:
        raise ValueError(
            f"{name}: expected a tuple of two tensors, the real and the imaginary "
            f"part; received x={x}"
        )
    real, imag = lift(x[0]), lift(x[1])
    if real.shape != imag.shape or not (is_float(real.dtype) and is_float(imag.dtype)):
        raise ValueError(
            f"{name}: expected two float tensors of one shape, received {real.dtype} "
            f"{real.shape} and {imag.dtype} {imag.shape}"
        )
    return real, imag


def _parts(complex_numbers: Any, dtype: str) -> Pair:
    return (
        lift(complex_numbers.real.astype(dtype)),
        lift(complex_numbers.imag.astype(dtype)),
    )


def _transform(name: str, function: Callable[[Any], Any], x: Any) -> Pair:
    pair = _pair(name, x)
    out = on_host(name, lambda real, imag: function(real + 1j * imag), *pair)
    return _parts(out, pair[0].dtype)


@public_op
def fft(x: Any) -> Pair:
    """The discrete Fourier transform over the last axis, of a pair."""
    return _transform("fft", np.fft.fft, x)


@public_op
def fft2(x: Any) -> Pair:
    """The discrete Fourier transform over the last two axes, of a pair."""
    return _transform("fft2", np.fft.fft2, x)


@public_op
def ifft2(x: Any) -> Pair:
    """The inverse of `fft2`."""
    return _transform("ifft2", np.fft.ifft2, x)


@public_op
def rfft(x: Any, fft_length: int | None = None) -> Pair:
    """The transform of real numbers over the last axis: its first half and one."""
    x = lift(x)
    out = on_host("rfft", lambda array: np.fft.rfft(array, n=fft_length), x)
    return _parts(out, x.dtype)


@public_op
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`, of a pair; `fft_length`: of the result."""
    pair = _pair("irfft", x)
    out = on_host(
        "irfft", lambda real, imag: np.fft.irfft(real + 1j * imag, n=fft_length), *pair
    )
    return lift(out.astype(pair[0].dtype))


@public_op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """The windows of `sequence_length` elements of the last axis that begin every
    `sequence_stride` elements: ``[..., windows, sequence_length]``."""
    x = lift(x)
    count = (x.shape[-1] - sequence_length) // sequence_stride + 1
    if sequence_length < 1 or sequence_stride < 1 or count < 1:
        raise ValueError(
            f"extract_sequences: expected a length of 1 to {x.shape[-1]} and a "
            f"stride of 1 or more, received sequence_length={sequence_length}, "
            f"sequence_stride={sequence_stride}"
        )
    starts = np.arange(count, dtype=np.int32) * sequence_stride
    places = starts[:, None] + np.arange(sequence_length, dtype=np.int32)
    return take(x, places, axis=-1)


@public_op
def view_as_complex(x: Any) -> np.ndarray:
    """The complex numbers whose parts stand along the last axis, of size 2. Tensors
    hold real numbers: the result is a NumPy array, complex64."""
    x = lift(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(
            f"view_as_complex: expected a last axis of size 2, received shape {x.shape}"
        )
    return np.asarray(
        on_host("view_as_complex", lambda a: a[..., 0] + 1j * a[..., 1], x), "complex64"
    )


@public_op
def view_as_real(x: Any) -> Any:
    """The real and the imaginary parts of a NumPy array along a new last axis."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "c":
        return lift(np.stack([x.real, x.imag], axis=-1))
    x = lift(x)
    return stack([x, zeros_like(x)], axis=-1)


@public_op
def polar(abs_: Any, angle: Any) -> np.ndarray:
    """The complex numbers of these lengths and angles: a NumPy array, complex64."""
    size, turn = promote_float(abs_, angle)
    out = on_host("polar", lambda a, b: a * np.exp(1j * b), size, turn)
    return np.asarray(out, "complex64")


def _window(name: str, window: Any, length: int, fft_length: int) -> Any:
    """The window in the middle of `fft_length` elements, float64. Named ones are
    periodic."""
    if window is None:
        return np.ones(fft_length)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                f"{name}: expected window 'hann' or 'hamming', received {window!r}"
            )
        make = np.hanning if window == "hann" else np.hamming
        values = make(length + 1)[:-1]
    else:
        values = lift(window).numpy().astype(np.float64)
    if values.shape != (length,):
        raise ValueError(
            f"{name}: expected a window of shape ({length},), received {values.shape}"
        )
    left = (fft_length - length) // 2
    return np.pad(values, (left, fft_length - length - left))


def _check_frames(name: str, length: int, stride: int, fft_length: int) -> None:
    if not isinstance(stride, int) or stride < 1 or not 1 <= length <= fft_length:
        raise ValueError(
            f"{name}: expected sequence_stride >= 1 and 1 <= sequence_length <= "
            f"fft_length, received sequence_stride={stride}, sequence_length={length}, "
            f"fft_length={fft_length}"
        )


@public_op
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int,
    window: Any = "hann", center: bool = True,
) -> Pair:  # fmt: skip
    """The transforms of windows of `x` (see `rfft`): ``[..., windows, fft_length // 2 +
    1]``. `center`: `x` is mirrored at its ends, so that windows are centred at
    multiples of the stride."""
    _check_frames("stft", sequence_length, sequence_stride, fft_length)
    x = lift(x)
    if x.dtype not in ("float32", "float64"):
        raise TypeError(f"stft: expected float32 or float64, received {x.dtype}")
    shape = _window("stft", window, sequence_length, fft_length)

    def transform(array: Any) -> Any:
        if center:
            edges = [(0, 0)] * (array.ndim - 1) + [(fft_length // 2,) * 2]
            array = np.pad(array, edges, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(array, fft_length, axis=-1)
        return np.fft.rfft(frames[..., ::sequence_stride, :] * shape)

    return _parts(on_host("stft", transform, x), x.dtype)


@public_op
def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int,
    length: int | None = None, window: Any = "hann", center: bool = True,
) -> Any:  # fmt: skip
    """The inverse of `stft`, of a pair: windows added where they overlap, over the sum
    of the squares of the window there."""
    _check_frames("istft", sequence_length, sequence_stride, fft_length)
    pair = _pair("istft", x)
    shape = _window("istft", window, sequence_length, fft_length)

    def transform(real: Any, imag: Any) -> Any:
        frames = np.fft.irfft(real + 1j * imag, n=fft_length) * shape
        count = frames.shape[-2]
        size = fft_length + sequence_stride * (count - 1)
        out, weight = np.zeros((*frames.shape[:-2], size)), np.zeros(size)
        for k in range(count):
            place = slice(k * sequence_stride, k * sequence_stride + fft_length)
            out[..., place] += frames[..., k, :]
            weight[place] += shape**2
        out = np.where(weight > 1e-10, out / np.where(weight > 1e-10, weight, 1), out)
        start = fft_length // 2 if center else 0
        end = size - start if length is None else start + length
        return out[..., start:end]

    return lift(on_host("istft", transform, *pair).astype(pair[0].dtype))
