"""Passes: functions Graph -> Graph that keep what is computed and make it cheaper.

In order: see `PASSES`. Each module tells with an example what it does.
"""

from __future__ import annotations

from collections.abc import Callable

from pydl.graph.debug import debug_level, note, verifying
from pydl.graph.node import Graph
from pydl.graph.printer import graph_text
from pydl.graph.verify import verify
from pydl.passes.batch_norm import batch_norm_epilogues
from pydl.passes.branches import branches
from pydl.passes.chains import chains
from pydl.passes.constants import constants
from pydl.passes.conv_epilogue import conv_epilogues
from pydl.passes.dead_code import dead_code
from pydl.passes.epilogue import gemm_epilogues
from pydl.passes.paddings import paddings
from pydl.passes.simplify import simplify
from pydl.passes.softmax_loss import softmax_loss

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    dead_code,
    simplify,
    softmax_loss,
    dead_code,
    branches,
    paddings,
    gemm_epilogues,
    conv_epilogues,  # first: a mask there is read once, in batch_norm_grad twice
    batch_norm_epilogues,
    chains,
    constants,
    dead_code,
)

#: What every graph needs, fused or not.
_NEEDED: tuple[Pass, ...] = (dead_code,)


def run_passes(graph: Graph) -> Graph:
    """All passes in order. The given graph is not changed."""
    return _run(graph, PASSES)


def prepare(graph: Graph) -> Graph:
    """Only the passes that leave each instruction as it was traced."""
    return _run(graph, _NEEDED)


def _run(graph: Graph, passes: tuple[Pass, ...]) -> Graph:
    checking, printing = verifying(), debug_level() >= 3
    if checking:
        verify(graph)
    if printing:
        note(graph_text(graph))
    for apply in passes:
        graph = apply(graph)
        if checking:
            verify(graph, apply.__name__)
        if printing:
            note(f"after {apply.__name__}: {graph_text(graph)}")
    return graph
