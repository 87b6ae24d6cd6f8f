"""Moving averages swapped in, logs sent to servers and to TensorBoard."""

from __future__ import annotations

import http.server
import json
import sys
import threading
import types
import urllib.parse
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import callbacks, layers

X = np.random.default_rng(0).standard_normal((64, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def make(**options: Any) -> Any:
    pydl.utils.set_random_seed(4)
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(pydl.optimizers.SGD(0.1, **options), "mse")
    return model


class Watch(callbacks.Callback):
    """Copies the weights at the ends of epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(self.model.get_weights()[0])


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_are_swapped_in(swap_on_epoch: bool) -> None:
    options = {"epochs": 3, "verbose": 0, "shuffle": False, "batch_size": 16}
    plain, watch = make(use_ema=True, ema_momentum=0.8), Watch()
    averages = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: averages.append(
            plain.optimizer._average.pairs[0][1].numpy()
        )
    )
    plain.fit(X, Y, callbacks=[watch, keep], **options)
    model, seen = make(use_ema=True, ema_momentum=0.8), Watch()
    hooks = [callbacks.SwapEMAWeights(swap_on_epoch), seen]
    history = model.fit(
        X, Y, callbacks=hooks, validation_data=(X, Y), **options
    ).history
    for a, b in zip(seen.seen, averages if swap_on_epoch else watch.seen, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    if not swap_on_epoch:  # what was validated are the averages
        assert history["val_loss"][-1] == pytest.approx(
            model.evaluate(X, Y, verbose=0), rel=1e-5
        )


def test_no_averages() -> None:
    with pytest.raises(ValueError, match="SwapEMAWeights must be used when `use_ema"):
        make().fit(X, Y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])


@pytest.fixture
def server() -> Any:
    received: list[tuple[str, str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", received
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("as_json", [True, False])
def test_remote_monitor(server: Any, as_json: bool) -> None:
    root, received = server
    hook = callbacks.RemoteMonitor(root, "/here/", field="f", send_as_json=as_json)
    history = make().fit(X, Y, epochs=2, verbose=0, callbacks=[hook]).history
    assert len(received) == 2
    path, kind, body = received[1]
    text = body if as_json else urllib.parse.parse_qs(body)["f"][0]
    assert path == "/here/" and ("json" in kind) == as_json
    assert json.loads(text) == {"epoch": 1, "loss": history["loss"][1]}


def test_server_that_is_not_there() -> None:
    hook = callbacks.RemoteMonitor("http://127.0.0.1:9")
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server"):
        make().fit(X, Y, verbose=0, callbacks=[hook])


class Writer:
    """Stands for tensorboardX's: remembers what is written."""

    written: dict[str, list[Any]] = {}

    def __init__(self, folder: str) -> None:
        self.log = Writer.written.setdefault(folder.rsplit("/", 1)[-1], [])

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.log.append((tag, value, step))

    def add_text(self, tag: str, text: str, step: int) -> None:
        self.log.append((tag, text, step))

    def add_histogram(self, tag: str, values: Any, step: int) -> None:
        self.log.append((tag, values.shape, step))

    def add_image(self, tag: str, image: Any, step: int, dataformats: str) -> None:
        assert dataformats == "HW" and 0 == image.min() <= image.max() <= 1
        self.log.append((tag, image.shape, step))

    def flush(self) -> None:
        self.log.append(("flush", None, None))

    def close(self) -> None:
        self.log.append(("close", None, None))


def test_tensorboard(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setitem(
        sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=Writer)
    )
    Writer.written.clear()
    model = make()
    hook = callbacks.TensorBoard(
        tmp_path, histogram_freq=1, write_images=True, update_freq=2,
        write_steps_per_second=True,
    )  # fmt: skip
    options = {"verbose": 0, "callbacks": [hook], "validation_data": (X, Y)}
    history = model.fit(X, Y, epochs=2, batch_size=16, **options).history
    train, validation = Writer.written["train"], Writer.written["validation"]
    assert ("epoch_loss", history["loss"][1], 1) in train
    assert ("epoch_loss", history["val_loss"][0], 0) in validation
    tags = [entry[0] for entry in train]
    assert tags.count("batch_loss") == 4 and tags[0] == "keras"
    assert {"epoch_learning_rate", "epoch_steps_per_second"} <= set(tags)
    assert any(tag.endswith("kernel/histogram") for tag in tags)
    assert any(tag.endswith("kernel/image") for tag in tags)
    assert tags[-1] == "close"
    model.evaluate(X, Y, verbose=0, callbacks=[hook])
    assert Writer.written["validation"][-2][0] == "evaluation_loss_vs_iterations"


def test_tensorboard_arguments(monkeypatch: Any) -> None:
    with pytest.raises(ValueError, match="update_freq: expected 'epoch', 'batch' or"):
        callbacks.TensorBoard(update_freq=0)
    with pytest.raises(ValueError, match="profile_batch must be 0"):
        callbacks.TensorBoard(profile_batch=2)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        make().fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard()])
