"""Sequences of different lengths."""

from pydl.utils.numerical import pad_sequences

__all__ = ["pad_sequences"]
