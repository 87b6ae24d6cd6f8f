"""Helpers, under Keras's names."""

from __future__ import annotations

import random as python_random
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import random
from pydl.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from pydl.layers.base import is_keras_tensor
from pydl.lazy import members
from pydl.objects.naming import reset_names
from pydl.ops.dtypes import standardize_dtype
from pydl.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from pydl.training.adapters.packing import (
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from pydl.training.adapters.py_dataset import PyDataset
from pydl.utils import bounding_boxes, legacy
from pydl.utils.files import get_file
from pydl.utils.numerical import (
    normalize,
    pad_sequences,
    to_categorical,
)
from pydl.utils.progbar import Progbar
from pydl.utils.samples import SampleDataset
from pydl.utils.settings import Config
from pydl.utils.splitting import split_dataset
from pydl.utils.timeseries import timeseries_dataset_from_array

if TYPE_CHECKING:
    from pydl.utils.feature_space import FeatureSpace
    from pydl.utils.image_datasets import image_dataset_from_directory
    from pydl.utils.images import array_to_img, img_to_array, load_img, save_img
    from pydl.utils.texts import text_dataset_from_directory

__getattr__ = members(
    __name__,
    {
        "FeatureSpace": "pydl.utils.feature_space",
        "array_to_img": "pydl.utils.images",
        "image_dataset_from_directory": "pydl.utils.image_datasets",
        "img_to_array": "pydl.utils.images",
        "load_img": "pydl.utils.images",
        "save_img": "pydl.utils.images",
        "text_dataset_from_directory": "pydl.utils.texts",
    },
)


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and pydl's generators: the same numbers in every run.

    Args:
        seed: integer in [0, 2**32).
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(
            f"Expected `seed` argument to be an integer. Received: seed={seed!r} (of "
            f"type {type(seed).__name__})"
        )
    if not 0 <= seed < 2**32:
        raise ValueError(f"Expected `seed` to be in [0, 2**32). Received: seed={seed}")
    python_random.seed(int(seed))
    np.random.seed(int(seed))
    random.set_global_seed(int(seed))


def get_source_inputs(tensor: Any) -> Any:
    """The symbolic inputs that a symbolic tensor is made of, without repetition."""
    history = getattr(tensor, "_keras_history", None)
    if not hasattr(tensor, "_keras_history"):
        return tensor
    if history is None:
        return [tensor]
    node = history.operation._inbound_nodes[history.node_index]
    if node.is_input:
        return list(node.output_tensors)
    found = [x for source in node.input_tensors for x in get_source_inputs(source)]
    return list({id(x): x for x in found}.values())


def clear_session(free_memory: bool = True) -> None:
    """Start the automatic names of layers again.

    Args:
        free_memory: accepted; memory is freed with the models that hold it.
    """
    reset_names()


__all__ = [
    "Config", "CustomObjectScope", "FeatureSpace", "Progbar", "PyDataset",
    "SampleDataset", "array_to_img", "bounding_boxes",
    "clear_session", "custom_object_scope", "deserialize_keras_object",
    "disable_interactive_logging", "enable_interactive_logging", "get_custom_objects",
    "get_file", "get_registered_name", "get_registered_object", "get_source_inputs",
    "image_dataset_from_directory", "img_to_array",
    "is_interactive_logging_enabled", "is_keras_tensor", "legacy", "load_img",
    "normalize", "pack_x_y_sample_weight", "pad_sequences",
    "register_keras_serializable", "save_img",
    "serialize_keras_object", "set_random_seed", "split_dataset", "standardize_dtype",
    "text_dataset_from_directory", "timeseries_dataset_from_array", "to_categorical",
    "unpack_x_y_sample_weight",
]  # fmt: skip
