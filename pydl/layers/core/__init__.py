"""Layers by what they do."""
