"""Values, variables and programs that run."""

from pydl.runtime.cache import ProgramCache
from pydl.runtime.eager import run_op
from pydl.runtime.program import CompiledProgram, compile_graph
from pydl.runtime.tensor import Tensor
from pydl.runtime.variable import Variable

__all__ = [
    "CompiledProgram",
    "ProgramCache",
    "Tensor",
    "Variable",
    "compile_graph",
    "run_op",
]
