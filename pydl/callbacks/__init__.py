"""Callbacks: what happens between epochs and batches of training."""

from typing import TYPE_CHECKING

from pydl.lazy import members
from pydl.training.callback import Callback, CallbackList
from pydl.training.history import History
from pydl.training.progress import ProgbarLogger

if TYPE_CHECKING:
    from pydl.callbacks.backup_and_restore import BackupAndRestore
    from pydl.callbacks.csv_logger import CSVLogger
    from pydl.callbacks.early_stopping import EarlyStopping
    from pydl.callbacks.lambda_callback import LambdaCallback
    from pydl.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
    from pydl.callbacks.model_checkpoint import ModelCheckpoint
    from pydl.callbacks.monitor import MonitorCallback
    from pydl.callbacks.remote_monitor import RemoteMonitor
    from pydl.callbacks.swap_ema_weights import SwapEMAWeights
    from pydl.callbacks.tensorboard import TensorBoard
    from pydl.callbacks.terminate_on_nan import TerminateOnNaN

__getattr__ = members(
    __name__,
    {
        "BackupAndRestore": "pydl.callbacks.backup_and_restore",
        "CSVLogger": "pydl.callbacks.csv_logger",
        "EarlyStopping": "pydl.callbacks.early_stopping",
        "LambdaCallback": "pydl.callbacks.lambda_callback",
        "LearningRateScheduler": "pydl.callbacks.learning_rate",
        "ModelCheckpoint": "pydl.callbacks.model_checkpoint",
        "MonitorCallback": "pydl.callbacks.monitor",
        "ReduceLROnPlateau": "pydl.callbacks.learning_rate",
        "RemoteMonitor": "pydl.callbacks.remote_monitor",
        "SwapEMAWeights": "pydl.callbacks.swap_ema_weights",
        "TensorBoard": "pydl.callbacks.tensorboard",
        "TerminateOnNaN": "pydl.callbacks.terminate_on_nan",
    },
)

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping",
    "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint",
    "MonitorCallback", "ProgbarLogger", "ReduceLROnPlateau", "RemoteMonitor",
    "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
]  # fmt: skip
