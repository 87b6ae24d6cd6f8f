"""Learning rates that change with the step, under Keras's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydl.lookup import deserialize_object, serialize_object
from pydl.optimizers.schedules.decays import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from pydl.optimizers.schedules.epochs import (
    CosineDecayRestarts,
    EpochDecay,
    StepDecay,
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "EpochDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
    "deserialize",
    "serialize",
]

_TABLE: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        EpochDecay,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        StepDecay,
    )
}


def serialize(learning_rate_schedule: LearningRateSchedule) -> Any:
    """The config of a schedule."""
    return serialize_object(learning_rate_schedule, "keras.optimizers.schedules")


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The schedule a config stands for."""
    return deserialize_object(config, _TABLE, "schedule", custom_objects)
