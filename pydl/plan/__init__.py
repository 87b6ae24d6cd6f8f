"""From a graph to a plan: memory, text, explanation."""

from pydl.plan.emit import Emitted, EntryInfo, Port, emit
from pydl.plan.explain import PlanTable, explain

__all__ = ["Emitted", "EntryInfo", "PlanTable", "Port", "emit", "explain"]
