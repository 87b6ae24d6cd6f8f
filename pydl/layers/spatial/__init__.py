"""Layers over the axes of space and time that learn nothing."""
