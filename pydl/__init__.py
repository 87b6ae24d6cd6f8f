"""Deep learning with Keras's API and native kernels: ``import pydl as keras``.

Modules are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydl import activations as activations
    from pydl import applications as applications
    from pydl import backend as backend
    from pydl import callbacks as callbacks
    from pydl import config as config
    from pydl import constraints as constraints
    from pydl import datasets as datasets
    from pydl import dtype_policies as dtype_policies
    from pydl import initializers as initializers
    from pydl import kernels as kernels
    from pydl import layers as layers
    from pydl import losses as losses
    from pydl import metrics as metrics
    from pydl import mixed_precision as mixed_precision
    from pydl import models as models
    from pydl import ops as ops
    from pydl import optimizers as optimizers
    from pydl import preprocessing as preprocessing
    from pydl import random as random
    from pydl import regularizers as regularizers
    from pydl import saving as saving
    from pydl import tree as tree
    from pydl import utils as utils
    from pydl.constraints import Constraint as Constraint
    from pydl.dtype_policies import DTypePolicy as DTypePolicy
    from pydl.dtype_policies import FloatDTypePolicy as FloatDTypePolicy
    from pydl.execution import function as function
    from pydl.execution import grad as grad
    from pydl.execution import value_and_grad as value_and_grad
    from pydl.initializers import Initializer as Initializer
    from pydl.layers import Input as Input
    from pydl.layers import InputSpec as InputSpec
    from pydl.layers import Layer as Layer
    from pydl.layers.base import KerasTensor as KerasTensor
    from pydl.layers.base import Operation as Operation
    from pydl.layers.base.context import name_scope as name_scope
    from pydl.layers.base.remat import RematScope as RematScope
    from pydl.losses import Loss as Loss
    from pydl.metrics import Metric as Metric
    from pydl.models import Model as Model
    from pydl.models import Sequential as Sequential
    from pydl.models.function import Function as Function
    from pydl.ops.custom import remat as remat
    from pydl.ops.stateless import StatelessScope as StatelessScope
    from pydl.ops.tape import GradientTape as GradientTape
    from pydl.optimizers import Optimizer as Optimizer
    from pydl.placement import device as device
    from pydl.placement import devices as devices
    from pydl.regularizers import Regularizer as Regularizer
    from pydl.runtime.numerics import debug_numerics as debug_numerics
    from pydl.runtime.tensor import Tensor as Tensor
    from pydl.runtime.variable import Variable as Variable

__version__ = "0.1.0"

_MODULES = frozenset({
    "activations", "applications", "backend", "callbacks", "config", "constraints",
    "datasets", "dtype_policies", "initializers", "kernels", "layers", "losses",
    "metrics", "mixed_precision", "models", "ops", "optimizers", "preprocessing",
    "random", "regularizers", "saving", "tree", "utils",
})  # fmt: skip

_OBJECTS = {
    "Constraint": "constraints",
    "DTypePolicy": "dtype_policies",
    "Function": "models.function",
    "GradientTape": "ops.tape",
    "FloatDTypePolicy": "dtype_policies",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "layers.base",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "layers.base",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "RematScope": "layers.base.remat",
    "Sequential": "models",
    "StatelessScope": "ops.stateless",
    "Tensor": "runtime.tensor",
    "Variable": "runtime.variable",
    "device": "placement",
    "devices": "placement",
    "name_scope": "layers.base.context",
    "debug_numerics": "runtime.numerics",
    "function": "execution",
    "grad": "execution",
    "remat": "ops.custom",
    "value_and_grad": "execution",
}


def version() -> str:
    """The version of pydl."""
    return __version__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"pydl.{name}")
    if name in _OBJECTS:
        value = getattr(importlib.import_module(f"pydl.{_OBJECTS[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'pydl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_OBJECTS})
