"""Logs for TensorBoard, written by tensorboardX."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from pydl.graph.trace import outside_trace
from pydl.training.callback import Callback


class TensorBoard(Callback):
    """Writes losses, metrics and more for TensorBoard. Needs the package tensorboardX
    (``pip install pydl[tensorboard]``).

    Args:
        log_dir: the folder; training goes to ``train`` in it, validation to
            ``validation``.
        histogram_freq: every so many epochs histograms of weights are written; 0:
            never.
        write_graph: write the model's configuration as text.
        write_images: write weights as images too, with the histograms.
        write_steps_per_second: write steps per second.
        update_freq: "epoch", "batch" or a number of batches: when numbers are written.
        profile_batch: accepted if it is 0; profiling is offered by `pydl.kernels` and
            `Model.explain`.
        embeddings_freq: every so many epochs the weights of Embedding layers are
            written for the projector; 0: never.
        embeddings_metadata: a list of labels for the rows of every Embedding, or a dict
            of such lists by layer name.
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        if profile_batch:
            raise ValueError(
                "TensorBoard: profile_batch must be 0: there is no profile for "
                f"TensorBoard, received {profile_batch!r}. See Model.explain()."
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        if self.update_freq != "epoch" and (
            not isinstance(self.update_freq, int) or self.update_freq < 1
        ):
            raise ValueError(
                "TensorBoard: update_freq: expected 'epoch', 'batch' or an int >= 1, "
                f"received {update_freq!r}"
            )
        self._writers: dict[str, Any] = {}
        self._step = 0
        self._start = 0.0
        self._steps_before = 0
        if self.update_freq != "epoch":
            # Only now is there a batch hook: writing by epoch keeps slices long.
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def _writer(self, name: str) -> Any:
        if name not in self._writers:
            try:
                from tensorboardX import SummaryWriter
            except ImportError:
                raise ImportError(
                    "TensorBoard needs tensorboardX: pip install tensorboardX"
                ) from None
            self._writers[name] = SummaryWriter(os.path.join(self.log_dir, name))
        return self._writers[name]

    # -- hooks -------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._step = 0
        writer = self._writer("train")
        if self.write_graph:
            with outside_trace():
                writer.add_text("keras", self._configuration(), 0)

    def _configuration(self) -> str:
        try:
            return str(self.model.to_json())
        except (NotImplementedError, ValueError):  # a class without a configuration
            return repr(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start = time.perf_counter()
        self._steps_before = self._iterations()

    def _after_batch(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step += 1
        if self._step % self.update_freq:
            return
        for name, value in (logs or {}).items():
            self._write("train", f"batch_{name}", value, self._step)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._start, 1e-9)
            done = self._iterations() - self._steps_before
            self._write("train", "batch_steps_per_second", done / seconds, self._step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, value in (logs or {}).items():
            if name.startswith("val_"):
                self._write("validation", f"epoch_{name[4:]}", value, epoch)
            else:
                self._write("train", f"epoch_{name}", value, epoch)
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None and "learning_rate" not in (logs or {}):
            self._write("train", "epoch_learning_rate", np.asarray(rate), epoch)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._start, 1e-9)
            done = self._iterations() - self._steps_before
            self._write("train", "epoch_steps_per_second", done / seconds, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.model.optimizer is not None and "epochs" not in self.params:
            step = self._iterations()
            for name, value in (logs or {}).items():
                tag = f"evaluation_{name}_vs_iterations"
                self._write("validation", tag, value, step)
            self.abandon()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.abandon()

    def abandon(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    # -- writing -----------------------------------------------------------------------

    def _iterations(self) -> int:
        return int(self.model.optimizer.iterations)

    def _write(self, writer: str, tag: str, value: Any, step: int) -> None:
        array = np.asarray(value)
        if array.size == 1 and array.dtype.kind in "fiub":
            self._writer(writer).add_scalar(tag, float(array.reshape(())), step)

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name, array = weight.path.replace(":", "_"), weight.numpy()
                writer.add_histogram(
                    f"{name}/histogram", array.astype("float64"), epoch
                )
                image = _as_image(array) if self.write_images else None
                if image is not None:
                    tag = f"{name}/image"
                    writer.add_image(tag, image, epoch, dataformats="HW")

    def _write_embeddings(self, epoch: int) -> None:
        for layer in self.model.layers:
            if type(layer).__name__ != "Embedding":
                continue
            labels = self.embeddings_metadata
            if isinstance(labels, dict):
                labels = labels.get(layer.name)
            table = layer.get_weights()[0]
            writer = self._writer("train")
            writer.add_embedding(table, labels, global_step=epoch, tag=layer.name)


def _as_image(array: np.ndarray) -> np.ndarray | None:
    """A matrix of numbers in [0, 1]; None for what is no vector or matrix."""
    flat = np.atleast_2d(np.squeeze(array)).astype("float64")
    if flat.ndim != 2 or flat.size == 0:
        return None
    span = float(flat.max() - flat.min())
    return np.asarray((flat - flat.min()) / (span or 1.0))
