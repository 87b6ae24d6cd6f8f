"""Layers that make noise in training, or penalize activities."""
