"""Layers that prepare images and make more of them; one file for each kind."""
