"""Optimizers by class and by name. Each loads when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydl.lazy import ByName, members
from pydl.lookup import deserialize_object, serialize_object
from pydl.optimizers import legacy, schedules
from pydl.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from pydl.optimizers.adadelta import Adadelta
    from pydl.optimizers.adafactor import Adafactor
    from pydl.optimizers.adagrad import Adagrad
    from pydl.optimizers.adam import Adam, AdamW
    from pydl.optimizers.adamax import Adamax
    from pydl.optimizers.ftrl import Ftrl
    from pydl.optimizers.lamb import Lamb
    from pydl.optimizers.lazy_adam import LazyAdam
    from pydl.optimizers.lion import Lion
    from pydl.optimizers.loss_scale import LossScaleOptimizer
    from pydl.optimizers.multi import MultiOptimizer, OptimizerMap
    from pydl.optimizers.muon import Muon
    from pydl.optimizers.nadam import Nadam
    from pydl.optimizers.rmsprop import RMSprop
    from pydl.optimizers.schedule_free import ScheduleFreeAdamW
    from pydl.optimizers.sgd import SGD

_PLACES = {
    "Adadelta": "pydl.optimizers.adadelta",
    "Adafactor": "pydl.optimizers.adafactor",
    "Adagrad": "pydl.optimizers.adagrad",
    "Adam": "pydl.optimizers.adam",
    "AdamW": "pydl.optimizers.adam",
    "Adamax": "pydl.optimizers.adamax",
    "Ftrl": "pydl.optimizers.ftrl",
    "Lamb": "pydl.optimizers.lamb",
    "LazyAdam": "pydl.optimizers.lazy_adam",
    "Lion": "pydl.optimizers.lion",
    "LossScaleOptimizer": "pydl.optimizers.loss_scale",
    "MultiOptimizer": "pydl.optimizers.multi",
    "Muon": "pydl.optimizers.muon",
    "Nadam": "pydl.optimizers.nadam",
    "OptimizerMap": "pydl.optimizers.multi",
    "RMSprop": "pydl.optimizers.rmsprop",
    "SGD": "pydl.optimizers.sgd",
    "ScheduleFreeAdamW": "pydl.optimizers.schedule_free",
}

__getattr__ = members(__name__, _PLACES)

__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "LazyAdam",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

_NAMES = [name for name in _PLACES if name != "OptimizerMap"]
_TABLE = ByName(
    __name__, {key: name for name in _NAMES for key in (name, name.lower())}
)


def serialize(optimizer: Optimizer) -> Any:
    """The config of an optimizer."""
    return serialize_object(optimizer, "keras.optimizers")


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The optimizer a config stands for."""
    return deserialize_object(config, _TABLE, "optimizer", custom_objects)


def get(identifier: Any) -> Optimizer:
    """An optimizer from a name, a config, a class or an optimizer.

    >>> get("adam").beta_1
    0.9
    """
    if isinstance(identifier, (str, Mapping)):
        identifier = deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        made: Any = identifier
        identifier = made()
    if isinstance(identifier, Optimizer):
        return identifier
    raise ValueError(
        f"optimizer: expected a name, config or Optimizer, received {identifier!r}"
    )
