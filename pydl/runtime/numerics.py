"""`debug_numerics`: where NaN and infinities come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from pydl.runtime import watchers

_infinities: bool | None = None  # None: off; else whether infinities count as bad


class NumericsError(FloatingPointError):
    """An op made NaN or an infinity.

    Attributes:
        op: the name of the opcode.
        layer: the path of the layer, "" outside layers.
        index: where the first bad element stands in the result.
        value: that element.
    """

    def __init__(
        self, message: str, op: str = "", layer: str = "",
        index: tuple[int, ...] = (), value: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.op = op
        self.layer = layer
        self.index = index
        self.value = value


class debug_numerics:  # noqa: N801
    """Check the results of all ops for NaN and infinities.

    A switch, for the whole process, that takes effect at once; as a context manager it
    is turned back at the end of the block. The first op that makes a bad number raises
    `NumericsError`, naming op, layer, line, index and value. Compiled steps of `fit`
    and compiled functions run as before; when one leaves bad numbers, its variables get
    back what they were and it runs again op by op (and its Python code once more).

    Args:
        enabled: on or off.
        infinities: whether infinities count as well as NaN; False suits models that
            mask with -inf.

    >>> with pydl.debug_numerics():
    ...     try:
    ...         _ = pydl.ops.log(pydl.ops.convert_to_tensor([1.0, -1.0]))
    ...     except FloatingPointError as error:
    ...         print(error.op, error.index, error.value)
    log (1,) nan
    """

    def __init__(self, enabled: bool = True, *, infinities: bool = True) -> None:
        self._before = _infinities
        _set(infinities if enabled else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        _set(self._before)


def _set(infinities: bool | None) -> None:
    global _infinities
    _infinities = infinities
    watchers.set_check(None if infinities is None else _check)


def enabled() -> bool:
    """Whether results are checked."""
    return _infinities is not None


def _bad(array: Any) -> np.ndarray | None:
    """Where an array is bad; None if it is not."""
    if array.dtype.kind not in "fV" or not array.size:
        return None
    bad = np.isnan(array) if _infinities is False else ~np.isfinite(array)
    return bad if bad.any() else None


def _first(array: Any, bad: np.ndarray) -> tuple[tuple[int, ...], float]:
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return index, float(array[index])


def _check(
    op: str, operands: Sequence[Any], results: Sequence[Any], layer: str, line: str
) -> None:
    for place, array in enumerate(results):
        bad = _bad(array)
        if bad is None:
            continue
        index, value = _first(array, bad)
        which = f", result {place}" if len(results) > 1 else ""
        given = [
            f"operand {i} has {_first(x, at)[1]} at index {_first(x, at)[0]} already"
            for i, x in enumerate(operands)
            if (at := _bad(x)) is not None
        ]
        where = [f"layer {layer!r}" if layer else "outside layers", line]
        told = "; ".join([", ".join(filter(None, where)), *given])
        raise NumericsError(
            f"op {op!r} made {value} at index {index} of {array.shape}{which}, "
            f"{int(bad.sum())} of {bad.size} elements are bad ({told})",
            op, layer, index, value,
        )  # fmt: skip


class Snapshot:
    """What variables were before a program ran."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self._before = [(v, v.buffer.copy()) for v in variables]

    def first_bad(self, outputs: Sequence[np.ndarray]) -> str:
        """The variable or output that has bad numbers since, in words; "" if none."""
        for variable, before in self._before:
            bad = _bad(variable.buffer)
            if bad is not None and _bad(before) is None:
                index, value = _first(variable.buffer, bad)
                return f"{value} at index {index} of variable {variable.path!r}"
        for place, array in enumerate(outputs):
            bad = _bad(array)
            if bad is not None:
                index, value = _first(array, bad)
                return f"{value} at index {index} of output {place}"
        return ""

    def restore(self) -> None:
        """Give the variables back what they were."""
        for variable, before in self._before:
            variable.assign(before)


def not_found_again(name: str, found: str) -> NumericsError:
    """The error when the ops one by one give no bad numbers."""
    return NumericsError(
        f"{name!r} made {found} when it ran compiled, but not when its ops ran one by "
        "one: the numbers are at the edge of the float type's range"
    )
