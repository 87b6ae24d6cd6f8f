"""Definitions of the control opcodes: instructions of a placed plan, never traced."""

from __future__ import annotations

from pydl.graph.registry import define

define("if", None, "Leave out instructions. Placed by planning, after gradients.")
define("loop", None, "Repeat instructions. Placed by planning, after gradients.")
