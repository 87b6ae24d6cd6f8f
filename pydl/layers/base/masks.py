"""Masks: which time steps of a batch are there. A mask is a bool tensor that hangs on
the tensor it belongs to; layers hand it on."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from pydl import tree
from pydl.layers.base.context import CallArguments, is_any_tensor
from pydl.layers.base.keras_tensor import KerasTensor
from pydl.layers.base.output_spec import trace_output_spec


def get_mask(x: Any) -> Any:
    """The mask of a tensor, None if it has none."""
    return getattr(x, "_keras_mask", None)


def set_mask(x: Any, mask: Any) -> None:
    """Hang a mask on a tensor."""
    x._keras_mask = mask


def keep_mask(x: Any, like: Any) -> Any:
    """`x`, made of `like`, with the mask of `like`."""
    mask = get_mask(like)
    if mask is not None and x is not like:
        set_mask(x, mask)
    return x


def has_masks(structure: Any) -> bool:
    """Whether a tensor of the structure has a mask."""
    return any(get_mask(x) is not None for x in tree.flatten(structure))


def mask_arguments(call: CallArguments, signature: inspect.Signature) -> dict[str, Any]:
    """The masks to pass to `call`, as ``mask`` (of one tensor argument) or
    ``<argument>_mask`` (of several), where it takes them and was given none."""
    tensors = {
        name: value
        for name, value in call.by_name.items()
        if any(is_any_tensor(x) for x in tree.flatten(value))
        and name != "mask"
        and not name.endswith("_mask")
    }
    filled: dict[str, Any] = {}
    for name, value in tensors.items():
        wanted = "mask" if len(tensors) == 1 else f"{name}_mask"
        missing = wanted in signature.parameters and call.by_name.get(wanted) is None
        if missing and has_masks(value):
            filled[wanted] = tree.map_structure(get_mask, value)
    return filled


def previous_mask(call: CallArguments, kwargs: dict[str, Any]) -> Any:
    """The mask of the first argument: as passed, or as it hangs on the tensors."""
    given = call.by_name.get("mask")
    if given is None:
        given = kwargs.get("mask")
    if given is not None:
        return given
    first = call.first
    if not tree.is_nested(first):
        return get_mask(first)
    return tree.map_structure(get_mask, first) if has_masks(first) else None


def hand_on(layer: Any, inputs: Any, outputs: Any, previous: Any) -> None:
    """Give the outputs the masks that `compute_mask` tells; warn where one is lost."""
    if not layer.supports_masking:
        if previous is not None and not layer._holds_masking_layers:
            warnings.warn(
                f"Layer '{layer.name}' (of type {type(layer).__name__}) was passed an "
                "input with a mask attached to it. However, this layer does not "
                "support masking and will therefore destroy the mask information. "
                "Downstream layers will not see the mask.",
                stacklevel=4,
            )
        return
    flat = tree.flatten(outputs)
    if all(get_mask(x) is not None for x in flat):
        return
    if any(isinstance(x, KerasTensor) for x in tree.flatten(inputs)):
        # Only what the masks are like: with values they hang on the tensors.
        masks = trace_output_spec(layer.compute_mask, (inputs, previous), {})
    else:
        masks = layer.compute_mask(inputs, previous)
    if masks is None:
        return
    for tensor, mask in zip(flat, tree.flatten(masks), strict=False):
        if mask is not None and get_mask(tensor) is None and is_any_tensor(tensor):
            set_mask(tensor, mask)
