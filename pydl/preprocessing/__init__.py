"""Data made ready for models: older names of what `pydl.utils` has."""

from typing import TYPE_CHECKING

from pydl.lazy import members
from pydl.preprocessing import image, sequence

if TYPE_CHECKING:
    from pydl.utils.image_datasets import image_dataset_from_directory
    from pydl.utils.texts import text_dataset_from_directory
    from pydl.utils.timeseries import timeseries_dataset_from_array

__getattr__ = members(
    __name__,
    {
        "image_dataset_from_directory": "pydl.utils.image_datasets",
        "text_dataset_from_directory": "pydl.utils.texts",
        "timeseries_dataset_from_array": "pydl.utils.timeseries",
    },
)

__all__ = [
    "image", "image_dataset_from_directory", "sequence", "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]  # fmt: skip
