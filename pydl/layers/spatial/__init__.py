"""Layers over the axes of space and time that need no window."""
