"""Two published hash functions of bytes, for buckets that are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _right(x: int, by: int) -> int:
    x &= _MASK
    return (x >> by | x << (64 - by)) & _MASK


def _shift_mix(x: int) -> int:
    x &= _MASK
    return x ^ (x >> 47)


def _mix(u: int, v: int, mul: int) -> int:
    a = ((u ^ v) & _MASK) * mul & _MASK
    b = ((v & _MASK) ^ _shift_mix(a)) * mul & _MASK
    return _shift_mix(b) * mul & _MASK


def _up_to_16(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + n * 2) & _MASK
    if n >= 8:
        a, b = _u64(s, 0) + _K2, _u64(s, n - 8)
        c = _right(b, 37) * mul + a
        d = (_right(a, 25) + b) * mul
        return _mix(c, d, mul)
    if n >= 4:
        return _mix(n + (_u32(s, 0) << 3), _u32(s, n - 4), mul)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
        return _shift_mix(y * _K2 ^ z * _K0) * _K2 & _MASK
    return _K2


def _up_to_32(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + n * 2) & _MASK
    a, b = _u64(s, 0) * _K1, _u64(s, 8)
    c, d = _u64(s, n - 8) * mul, _u64(s, n - 16) * _K2
    first = _right(a + b, 43) + _right(c, 30) + d
    return _mix(first, a + _right(b + _K2, 18) + c, mul)


def _up_to_64(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + n * 2) & _MASK
    a, b = _u64(s, 0) * _K2, _u64(s, 8)
    c, d = _u64(s, n - 8) * mul, _u64(s, n - 16) * _K2
    y = _right(a + b, 43) + _right(c, 30) + d
    z = _mix(y, a + _right(b + _K2, 18) + c, mul)
    e, f = _u64(s, 16) * mul, _u64(s, 24)
    g, h = (y + _u64(s, n - 32)) * mul, (z + _u64(s, n - 24)) * mul
    first = _right(e + f, 43) + _right(g, 30) + h
    return _mix(first, e + _right(f + a, 18) + g, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_u64(s, at + 8 * i) for i in range(4))
    a += w
    b = _right(b + a + z, 21)
    c = a
    a += x + y
    b += _right(a, 44)
    return (a + z) & _MASK, (b + c) & _MASK


_State = tuple[int, int, int, tuple[int, int], tuple[int, int]]


def _round(s: bytes, at: int, state: _State, mul: int, times: int) -> _State:
    """Take in 64 bytes; `times` is 9 in the last round."""
    x, y, z, v, w = state
    x = _right(x + y + v[0] + _u64(s, at + 8), 37) * mul
    y = _right(y + v[1] + _u64(s, at + 48), 42) * mul
    x = (x ^ w[1] * times) & _MASK
    y = (y + v[0] * times + _u64(s, at + 40)) & _MASK
    z = _right(z + w[0], 33) * mul & _MASK
    v = _weak(s, at, v[1] * mul, x + w[0])
    w = _weak(s, at + 32, z + w[1], y + _u64(s, at + 16))
    return z, y, x, v, w


def farmhash64(s: bytes) -> int:
    """FarmHash's 64-bit fingerprint (G. Pike, 2014), which never changes.

    >>> farmhash64(b"")
    11160318154034397263
    """
    n = len(s)
    if n <= 32:
        return _up_to_16(s) if n <= 16 else _up_to_32(s)
    if n <= 64:
        return _up_to_64(s)
    y = (81 * _K1 + 113) & _MASK
    z = _shift_mix(y * _K2 + 113) * _K2 & _MASK
    state: _State = ((81 * _K2 + _u64(s, 0)) & _MASK, y, z, (0, 0), (0, 0))
    for at in range(0, (n - 1) // 64 * 64, 64):
        state = _round(s, at, state, _K1, 1)
    x, y, z, v, w = state
    mul = (_K1 + ((z & 0xFF) << 1)) & _MASK
    w = (w[0] + ((n - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _round(s, n - 64, (x, y, z, v, w), mul, 9)
    first = _mix(v[0], w[0], mul) + _shift_mix(y) * _K0 + z
    return _mix(first, _mix(v[1], w[1], mul) + x, mul)


def _sip_round(v: list[int]) -> None:
    def left(x: int, by: int) -> int:
        return (x << by | x >> (64 - by)) & _MASK

    v[0] = (v[0] + v[1]) & _MASK
    v[2] = (v[2] + v[3]) & _MASK
    v[1], v[3] = left(v[1], 13) ^ v[0], left(v[3], 16) ^ v[2]
    v[0] = left(v[0], 32)
    v[2] = (v[2] + v[1]) & _MASK
    v[0] = (v[0] + v[3]) & _MASK
    v[1], v[3] = left(v[1], 17) ^ v[2], left(v[3], 21) ^ v[0]
    v[2] = left(v[2], 32)


def siphash64(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 (J.-P. Aumasson and D. J. Bernstein, 2012) with a key of two 64-bit
    numbers.

    >>> siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908))
    11613035633349379557
    """
    k0, k1 = (part & _MASK for part in key)
    start = (
        0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573,
    )  # fmt: skip
    v = [c ^ k for c, k in zip(start, (k0, k1, k0, k1), strict=True)]
    whole = len(s) // 8 * 8
    blocks = [_u64(s, at) for at in range(0, whole, 8)]
    blocks.append(int.from_bytes(s[whole:], "little") | (len(s) & 0xFF) << 56)
    for block in blocks:
        v[3] ^= block
        _sip_round(v)
        _sip_round(v)
        v[0] ^= block
    v[2] ^= 0xFF
    for _ in range(4):
        _sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def cross_hash(values: Iterable[object]) -> int:
    """One number for a combination of values, as TensorFlow crosses features: their
    fingerprints (integers stand for themselves) are taken in one after the other."""
    found = 0xDECAFCAFFE
    for value in values:
        found = _joined(found, _number(value))
    return found


def _number(value: object) -> int:
    if isinstance(value, int):
        return value & _MASK
    return farmhash64(value if isinstance(value, bytes) else str(value).encode())


def _joined(a: int, b: int) -> int:
    mul = 0xC6A4A7935BD1E995
    mixed = (a ^ mul ^ (_shift_mix(b * mul) * mul)) & _MASK
    return _shift_mix(_shift_mix(mixed * mul) * mul)


def bucket(value: object, count: int, salt: list[int] | None) -> int:
    """The bucket of a value's text: of FarmHash, or of SipHash with a salt."""
    text = value if isinstance(value, bytes) else str(value).encode()
    if salt is None:
        return farmhash64(text) % count
    return siphash64(text, (salt[0], salt[1])) % count


def parse_salt(name: str, salt: object) -> list[int] | None:
    """A salt argument: None, an integer (used twice), or two of them."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return [int(part) for part in salt]
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{name}` can only be a tuple of size 2 integers, or "
        f"a single integer. Received: salt={salt}."
    )
