"""Connectionist temporal classification: labels without known positions.

A. Graves et al. (2006). Between labels, and around them, there may be blanks; a frame
repeats the label before it, goes on to the next one, or is blank.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from pydl.ops.apply import lift, promote_float
from pydl.ops.arithmetic import cast, maximum, negative, where
from pydl.ops.compare import greater, not_equal
from pydl.ops.creation import full, full_like, zeros
from pydl.ops.host import on_host
from pydl.ops.loops import unrolling
from pydl.ops.public import public_op
from pydl.ops.reduce import logsumexp
from pydl.ops.scatter import take_along_axis
from pydl.ops.shape import broadcast_to, concatenate, expand_dims, reshape, stack
from pydl.ops.softmax import log_softmax

__all__ = ["ctc_decode", "ctc_loss"]

#: Stands for the logarithm of 0: finite, so that gradients are.
_NEVER = -1e5


@public_op
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any,
    mask_index: int = 0,
) -> Any:  # fmt: skip
    """The negative log-likelihood of label sequences, summed over their alignments.

    Made of ops, one group for each frame. Under a trace frames are unrolled.

    Args:
        target: labels, integers ``(batch, labels)``.
        output: logits ``(batch, frames, classes)``.
        target_length: how many labels count, ``(batch,)``.
        output_length: how many frames count, ``(batch,)``.
        mask_index: the class that is the blank.

    Returns:
        ``(batch,)``; about 1e5 where there are too few frames for the labels.

    Raises:
        ValueError: other ranks, or labels outside of the classes.
    """
    labels, logits = lift(target), promote_float(output)[0]
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(
            "ctc_loss: expected target (batch, labels) and output (batch, frames, "
            f"classes), received shapes {tuple(labels.shape)} and {tuple(logits.shape)}"
        )
    if logits.dtype != "float64":
        logits = cast(logits, "float32")
    states = _with_blanks(cast(labels, "int32"), mask_index)
    alpha = _forward(states, log_softmax(logits), cast(output_length, "int32"))
    return _likelihood(alpha, cast(target_length, "int32"))


def _with_blanks(labels: Any, blank: int) -> Any:
    """``(batch, 2 * labels + 1)``: a blank before each label, and behind the last."""
    batch, count = labels.shape
    pairs = stack([full_like(labels, blank), labels], axis=2)
    last = full([batch, 1], blank, dtype="int32")
    return concatenate([reshape(pairs, [batch, 2 * count]), last], axis=1)


def _forward(states: Any, chances: Any, lengths: Any) -> Any:
    """The log-probability of being in each state behind the last frame."""
    batch, frames, _ = chances.shape
    count = states.shape[1]
    unrolling("ctc_loss", frames)
    every = broadcast_to(expand_dims(states, 1), [batch, frames, count])
    emitted = take_along_axis(chances, every, axis=2)
    never = full([batch, 2], _NEVER, dtype=chances.dtype)
    start = zeros([batch, 1], dtype=chances.dtype)
    alpha = concatenate(
        [start, full([batch, count - 1], _NEVER, dtype=chances.dtype)], axis=1
    )
    # A blank may be passed over between two labels that differ.
    skips = not_equal(states, concatenate([states[:, :1], states[:, :-1]], axis=1))
    if count > 2:
        far = not_equal(states[:, 2:], states[:, :-2])
        skips = concatenate([zeros([batch, 2], dtype="bool"), far], axis=1)
    for frame in range(frames):
        behind = concatenate([never, alpha], axis=1)
        ways = [alpha, behind[:, 1:-1], where(skips, behind[:, :-2], _NEVER)]
        moved = logsumexp(stack(ways), axis=0) + emitted[:, frame]
        alpha = where(expand_dims(greater(lengths, frame), 1), moved, alpha)
    return alpha


def _likelihood(alpha: Any, lengths: Any) -> Any:
    """A sequence ends in its last label or in the blank behind it."""
    end = expand_dims(lengths * 2, 1)
    blank = take_along_axis(alpha, end, axis=1)
    label = take_along_axis(alpha, maximum(end - 1, 0), axis=1)
    label = where(greater(end, 0), label, _NEVER)
    return negative(logsumexp(concatenate([blank, label], axis=1), axis=1))


@public_op
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Any, Any]:
    """The labels that logits stand for. Runs in NumPy, not under a trace.

    Args:
        inputs: logits ``(batch, frames, classes)``.
        sequence_lengths: how many frames count, ``(batch,)``.
        strategy: ``"greedy"``: the best class of each frame; ``"beam_search"``: the
            most likely sequences, over all their alignments.
        beam_width: sequences that are kept from frame to frame.
        top_paths: how many to return.
        merge_repeated: whether the greedy strategy takes repeated classes as one.
        mask_index: the class that is the blank.

    Returns:
        Labels, int32 ``(paths, batch, frames)`` filled with -1, and scores ``(batch,
        paths)``: log-probabilities; of the greedy strategy, as in Keras, the negative
        sum of the best logits.

    Raises:
        ValueError: another strategy.
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(
            f"Invalid strategy {strategy}. Supported values are 'greedy' and "
            "'beam_search'."
        )

    def decode(logits: np.ndarray, lengths: np.ndarray) -> tuple[Any, Any]:
        if logits.dtype != np.float64:
            logits = logits.astype(np.float32)
        if strategy == "greedy":
            found = _greedy(logits, lengths, merge_repeated, mask_index)
        else:
            found = _beams(logits, lengths, beam_width, top_paths, mask_index)
        return lift(found[0]), lift(found[1])

    pair: tuple[Any, Any] = on_host("ctc_decode", decode, inputs, sequence_lengths)
    return pair


def _greedy(
    logits: np.ndarray, lengths: np.ndarray, merge: bool, blank: int
) -> tuple[np.ndarray, np.ndarray]:
    batch, frames, _ = logits.shape
    inside = np.arange(frames) < lengths[:, None]
    best = np.where(inside, logits.argmax(-1), blank)
    kept = best != blank
    if merge:
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    paths = np.full((1, batch, frames), -1, np.int32)
    for row, found in enumerate(kept):
        labels = best[row, found]
        paths[0, row, : len(labels)] = labels
    return paths, -np.where(inside, logits.max(-1), 0).sum(1, keepdims=True)


def _beams(
    logits: np.ndarray, lengths: np.ndarray, width: int, top: int, blank: int
) -> tuple[np.ndarray, np.ndarray]:
    batch, frames, _ = logits.shape
    paths = np.full((top, batch, frames), -1, np.int32)
    scores = np.full((batch, top), -np.inf, logits.dtype)
    shifted = logits - logits.max(-1, keepdims=True)
    chances = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    for row in range(batch):
        beams: _Beams = {(): (0.0, -np.inf)}
        for frame in chances[row, : int(lengths[row])].tolist():
            beams = _best(_extended(beams, frame, blank), width)
        for place, (labels, pair) in enumerate(_best(beams, top).items()):
            paths[place, row, : len(labels)] = labels
            scores[row, place] = np.logaddexp(*pair)
    return paths, scores


#: Labels -> log-probability that they end in a blank frame, and that they do not.
_Beams = dict[tuple[int, ...], tuple[float, float]]


def _best(beams: _Beams, count: int) -> _Beams:
    order = sorted(beams.items(), key=lambda item: -np.logaddexp(*item[1]))
    return dict(order[:count])


def _extended(beams: _Beams, frame: list[float], blank: int) -> _Beams:
    """All sequences one frame on."""
    found: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [-np.inf] * 2)

    def enter(labels: tuple[int, ...], kind: int, chance: float) -> None:
        found[labels][kind] = float(np.logaddexp(found[labels][kind], chance))

    for labels, (silent, voiced) in beams.items():
        both = float(np.logaddexp(silent, voiced))
        for label, chance in enumerate(frame):
            if label == blank:
                enter(labels, 0, both + chance)
            elif labels[-1:] == (label,):  # the same label goes on, or comes again
                enter(labels, 1, voiced + chance)
                enter((*labels, label), 1, silent + chance)
            else:
                enter((*labels, label), 1, both + chance)
    return {labels: (pair[0], pair[1]) for labels, pair in found.items()}
