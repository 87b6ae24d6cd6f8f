"""`grad` and `value_and_grad`: functions that give the gradient of a function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from pydl import tree
from pydl.ops.apply import TENSORS, emit, lift
from pydl.ops.dtypes import is_float
from pydl.ops.tape import GradientTape
from pydl.runtime.variable import Variable


def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    variables: Sequence[Variable] | None = None,
) -> Callable[..., Any]:
    """A function that returns what `fun` returns and its gradient.

    Args:
        fun: returns a scalar float tensor.
        argnums: the positional arguments to differentiate by, 0 unless given: one
            number or several. Each may be a structure of float tensors or arrays.
        has_aux: whether `fun` returns ``(value, anything)``.
        variables: differentiate by these variables instead of arguments.

    Returns:
        ``((value, anything) or value, gradients)``: gradients in the structure of the
        argument (a tuple of them for several `argnums`), or a list, one per variable.
        What the value does not depend on has gradient zero.

    Works outside and inside of `pydl.function`, and may be applied again for second
    derivatives.

    >>> slope = pydl.value_and_grad(lambda x: x * x * x)
    >>> value, gradient = slope(pydl.ops.convert_to_tensor(2.0))
    >>> float(value), float(gradient)
    (8.0, 12.0)
    """
    if variables is not None and argnums is not None:
        raise ValueError("value_and_grad: expected `argnums` or `variables`, not both")
    numbers = 0 if argnums is None else argnums
    places = [numbers] if isinstance(numbers, int) else list(numbers)

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = list(args)
        with GradientTape(watch_accessed_variables=False) as tape:
            if variables is None:
                for place in places:
                    _check_place(fun, place, args)
                    given[place] = tree.map_structure(
                        functools.partial(_watched, tape, place), args[place]
                    )
                sources: Any = [given[place] for place in places]
            else:
                sources = list(variables)
                tape.watch(sources)
            result = fun(*given, **kwargs)
            value = _scalar(fun, result, has_aux)
        grads = tape.gradient(value, sources, unconnected_gradients="zero")
        if variables is None:
            grads = grads[0] if isinstance(numbers, int) else tuple(grads)
        return result, grads

    return call


def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    variables: Sequence[Variable] | None = None,
) -> Callable[..., Any]:
    """As `value_and_grad`, without the value: the function returns the gradient, or
    with `has_aux` the gradient and what `fun` returns besides the value.

    >>> float(pydl.grad(pydl.grad(lambda x: x * x * x))(pydl.ops.ones(())))
    6.0
    """
    both = value_and_grad(fun, argnums, has_aux, variables)

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        result, grads = both(*args, **kwargs)
        return (grads, result[1]) if has_aux else grads

    return call


def _check_place(fun: Any, place: int, args: Sequence[Any]) -> None:
    if not -len(args) <= place < len(args):
        raise ValueError(
            f"value_and_grad: argnums: {place} is not among the {len(args)} positional "
            f"argument(s) of {getattr(fun, '__name__', fun)}"
        )


def _watched(tape: GradientTape, place: int, x: Any) -> Any:
    """An argument as a tensor of its own, so that its gradient is of this argument."""
    tensor = lift(x)
    if not is_float(tensor.dtype):
        raise TypeError(
            f"value_and_grad: expected float tensors as argument {place}, received "
            f"{x!r} of dtype {tensor.dtype}"
        )
    alias = emit("reshape", tensor, shape=list(tensor.shape))
    tape.watch(alias)
    return alias


def _scalar(fun: Any, result: Any, has_aux: bool) -> Any:
    name = getattr(fun, "__name__", fun)
    if has_aux and (not isinstance(result, tuple) or len(result) != 2):
        raise ValueError(
            f"value_and_grad: expected {name} to return (value, aux), received "
            f"{result!r}"
        )
    value = result[0] if has_aux else result
    if not isinstance(value, TENSORS) or tuple(value.shape) != ():
        raise ValueError(
            f"value_and_grad: expected {name} to return a scalar tensor, received "
            f"{value!r}"
        )
    return value
