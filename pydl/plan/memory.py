"""Which bytes of the arena each value gets: lifetimes to offsets.

Every root that is not pinned (see `lower`) becomes part of a `Block`. An elementwise
result takes over the block of an operand that dies there. Blocks are placed greedily,
the largest first, each in the smallest gap among the blocks alive at the same time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from pydl.graph.node import END, Node, Value
from pydl.plan.lower import Schedule, exact_alias

ALIGNMENT = 64
_offset = attrgetter("offset")


@dataclass(slots=True)
class Block:
    """Bytes needed from step `start` to step `stop`, both included."""

    nbytes: int
    start: int
    stop: int
    offset: int = -1


def align(nbytes: int) -> int:
    """`nbytes` rounded up to the arena's alignment."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def place_values(schedule: Schedule) -> tuple[dict[Value, int], int]:
    """Arena offset of every root that lives there, and the bytes of the arena."""
    blocks: dict[Value, tuple[Block, int]] = {}  # root -> block, offset inside it
    _add_regions(schedule, blocks)
    _add_arrays(schedule, blocks)
    fixed = set(blocks)
    for position, step in enumerate(schedule.steps):
        donors: set[Value] = set()
        for result in step.outputs:
            root = schedule.root(result)
            if root in blocks or schedule.pinned(root):
                continue
            stop = schedule.last[root]
            donor = _donor(schedule, step, position, result, donors)
            if donor is None or donor in fixed or donor not in blocks:
                blocks[root] = Block(align(root.nbytes), position, stop), 0
                continue
            donors.add(donor)
            blocks[root] = blocks[donor]
            blocks[donor][0].stop = stop
    unique = {id(block): block for block, _ in blocks.values()}
    nbytes = place_blocks(list(unique.values()))
    return {root: block.offset + at for root, (block, at) in blocks.items()}, nbytes


def _donor(
    schedule: Schedule, step: Node, position: int, result: Value, taken: set[Value]
) -> Value | None:
    """An operand read here for the last time whose bytes the result fits."""
    for value in step.inputs:
        root = schedule.root(value)
        if (
            schedule.last[root] == position
            and root not in taken
            and not schedule.pinned(root)
            and exact_alias(schedule, result, root)
        ):
            return root
    return None


def _add_regions(schedule: Schedule, blocks: dict[Value, tuple[Block, int]]) -> None:
    """One block for each region. A member that has a home elsewhere keeps it."""
    for region in schedule.graph.regions:
        offset = 0
        members: list[Value] = []
        block = Block(0, len(schedule.steps), 0)
        for value in region:
            root = schedule.root(value)
            if schedule.pinned(root) or root in blocks:
                continue
            members.append(root)
            blocks[root] = block, offset
            offset += align(root.nbytes)
            block.start = min(block.start, schedule.first[root])
            block.stop = max(block.stop, schedule.last[root])
        block.nbytes = offset


def _add_arrays(schedule: Schedule, blocks: dict[Value, tuple[Block, int]]) -> None:
    """The arrays whose rows the passes of a loop write."""
    for row in schedule.rows.values():
        root = schedule.root(row.array)
        if root.node.op == END and root not in blocks and not schedule.pinned(root):
            start, stop = schedule.first[root], schedule.last[root]
            blocks[root] = Block(align(root.nbytes), start, stop), 0


def place_blocks(blocks: Sequence[Block]) -> int:
    """Give every block its offset; blocks alive together never overlap. Returns the
    bytes of the arena. Deterministic: ties keep the order of `blocks`."""
    placed: list[Block] = []  # by offset
    end = 0
    for block in sorted(blocks, key=lambda b: -b.nbytes):
        if block.nbytes == 0:
            block.offset = 0
            continue
        block.offset = _best_gap(block, placed)
        end = max(end, block.offset + block.nbytes)
        insort(placed, block, key=_offset)
    return end


def _best_gap(block: Block, placed: Sequence[Block]) -> int:
    """The start of the smallest gap that fits, or the end of what is alive then."""
    start, stop, nbytes = block.start, block.stop, block.nbytes
    edge, best, best_size = 0, -1, 0
    for other in placed:
        if other.start > stop or other.stop < start:
            continue
        gap = other.offset - edge
        if gap >= nbytes and (best < 0 or gap < best_size):
            best, best_size = edge, gap
        edge = max(edge, other.offset + other.nbytes)
    return best if best >= 0 else edge
