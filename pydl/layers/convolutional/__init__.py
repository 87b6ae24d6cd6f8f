"""Layers with learned windows over the axes of space and time."""
