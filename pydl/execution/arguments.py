"""The arguments of a compiled function: tensors that go in, and everything else, which
the trace is made for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from pydl import tree
from pydl.config import floatx
from pydl.graph.trace import TraceTensor
from pydl.ops.apply import lift
from pydl.placement import machine
from pydl.runtime import watchers
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


class Arguments:
    """One call's arguments.

    `key` is equal for calls that one trace serves: the same structure, the same shapes
    and dtypes of tensors, equal Python values, the same objects.
    """

    def __init__(self, signature: inspect.Signature, args: Any, kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        self._given = (list(bound.args), bound.kwargs)
        #: The tensors among the arguments, in order.
        self.tensors: list[Tensor] = []
        #: Objects the trace depends on by identity: kept alive with it.
        self.objects: list[Any] = []
        around = (floatx(), machine(), watchers.surroundings())
        self.key: Hashable = (around, self._describe(self._given))

    @property
    def object_key(self) -> Hashable:
        """Which objects the call is made with."""
        return tuple(id(x) for x in self.objects)

    def filled(self, tensors: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments with other tensors in them."""
        rest = iter(tensors)

        def fill(x: Any) -> Any:
            return next(rest) if _is_tensor(x) else x

        flat = [fill(x) for x in tree.flatten(self._given)]
        args, kwargs = tree.pack_sequence_as(self._given, flat)
        return args, kwargs

    def _describe(self, x: Any) -> Hashable:
        # In the order of `tree.flatten`: dicts by sorted key.
        if isinstance(x, dict):
            items = tuple((k, self._describe(x[k])) for k in sorted(x))
            return (type(x), items)
        if isinstance(x, list | tuple):
            return (type(x), tuple(self._describe(item) for item in x))
        if _is_tensor(x):
            tensor = lift(x)
            self.tensors.append(tensor)
            return (tensor.dtype, tensor.shape)
        if isinstance(x, _PLAIN):
            return (type(x), repr(x) if isinstance(x, float | complex) else x)
        self.objects.append(x)
        return (id(x), getattr(x, "structure_version", None))


def _is_tensor(x: Any) -> bool:
    if isinstance(x, Tensor | TraceTensor | np.ndarray):
        return True
    return isinstance(x, np.generic) and not isinstance(x, _PLAIN)


def take_outputs(result: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The tensors a function returned, and what puts others in their places.

    Variables count with the value they have at the end; anything that is no tensor is
    returned as it is at every call.
    """
    flat = tree.flatten(result)
    places = [i for i, x in enumerate(flat) if _is_output(x)]
    tensors = [lift(flat[i]) for i in places]
    for i in places:
        flat[i] = None

    def put(values: Sequence[Any]) -> Any:
        filled = list(flat)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        return tree.pack_sequence_as(result, filled) if flat else result

    return tensors, put


def _is_output(x: Any) -> bool:
    return _is_tensor(x) or isinstance(x, Variable)
