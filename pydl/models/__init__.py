"""Models: stacks, graphs and subclasses."""

from pydl.models.cloning import clone_model
from pydl.models.functional import Functional
from pydl.models.model import Model, model_from_json
from pydl.models.sequential import Sequential
from pydl.saving.keras_file import load_model, save_model

__all__ = [
    "Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json",
    "save_model",
]  # fmt: skip
