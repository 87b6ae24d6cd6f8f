"""Models: stacks, graphs and subclasses."""

from typing import TYPE_CHECKING

from pydl.lazy import members
from pydl.models.functional import Functional
from pydl.models.model import Model, model_from_json
from pydl.models.sequential import Sequential

if TYPE_CHECKING:
    from pydl.models.cloning import clone_model
    from pydl.saving.keras_file import load_model, save_model

__getattr__ = members(
    __name__,
    {
        "clone_model": "pydl.models.cloning",
        "load_model": "pydl.saving.keras_file",
        "save_model": "pydl.saving.keras_file",
    },
)

__all__ = [
    "Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json",
    "save_model",
]  # fmt: skip
