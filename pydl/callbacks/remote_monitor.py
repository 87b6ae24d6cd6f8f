"""Logs of epochs sent to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any

import numpy as np

from pydl.training.callback import Callback


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a server; one that cannot be reached is a
    warning.

    Args:
        root: the server, such as ``"http://localhost:9000"``.
        path: where on the server.
        field: the form's field that holds the JSON text.
        headers: further headers.
        send_as_json: send the JSON text itself rather than a form.
    """

    #: Seconds a server may take to answer.
    timeout = 10.0

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        text = json.dumps({"epoch": epoch, **_plain(logs or {})})
        kind, body = "application/json", text
        if not self.send_as_json:
            kind = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode({self.field: text})
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(
            self.root + self.path, body.encode(), headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout):
                pass
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(
                f"Could not reach RemoteMonitor root server at {self.root}: {error}",
                stacklevel=2,
            )


def _plain(logs: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        for name, value in logs.items()
    }
