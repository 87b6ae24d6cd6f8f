"""Data sets for first steps and tests, each with ``load_data``."""

from pydl.datasets import digits, mnist

__all__ = ["digits", "mnist"]
