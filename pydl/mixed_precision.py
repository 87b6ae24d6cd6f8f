"""Mixed precision, under Keras's older names."""

from pydl.config import dtype_policy, set_dtype_policy
from pydl.dtype_policies import DTypePolicy
from pydl.dtype_policies import default_policy as global_policy
from pydl.dtype_policies import set_default_policy as set_global_policy
from pydl.optimizers.loss_scale import LossScaleOptimizer

Policy = DTypePolicy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
