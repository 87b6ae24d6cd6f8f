"""Worker processes: pydl here, the others in the environment of PYDL_PEERS."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

WORKERS = Path(__file__).parent / "workers"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Peer:
    """A library in one of its modes."""

    name: str
    script: str
    module: str  # its absence means the peer is missing
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict, hash=False)


PYDL = Peer("pydl", "pydl_worker.py", "pydl")
PEERS = (
    Peer("NumPy", "numpy_worker.py", "numpy"),
    Peer("PyTorch eager, fused Adam", "torch_worker.py", "torch"),
    Peer("PyTorch compiled", "torch_worker.py", "torch", ("--compile",)),
    Peer("JAX lax.scan", "jax_worker.py", "jax"),
    Peer("Keras-JAX", "keras_worker.py", "jax", (), {"KERAS_BACKEND": "jax"}),
    Peer(
        "Keras-JAX, 20 steps an execution", "keras_worker.py", "jax",
        ("--steps", "20"), {"KERAS_BACKEND": "jax"},
    ),
    Peer(
        "Keras-TensorFlow", "keras_worker.py", "tensorflow",
        ("--steps", "20"), {"KERAS_BACKEND": "tensorflow"},
    ),
    Peer("scikit-learn", "sklearn_worker.py", "sklearn"),
)  # fmt: skip

GPU_PYDL = Peer("pydl", "gpu_pydl_worker.py", "pydl")
GPU_PEERS = (
    Peer("PyTorch eager", "gpu_torch_worker.py", "torch", ("eager",)),
    Peer("PyTorch compiled", "gpu_torch_worker.py", "torch", ("compiled",)),
    Peer("PyTorch CUDA graphs", "gpu_torch_worker.py", "torch", ("graphs",)),
    Peer("CuPy", "gpu_cupy_worker.py", "cupy"),
    Peer("JAX lax.scan", "jax_worker.py", "jax", (), {"JAX_PLATFORMS": "cuda"}),
)


def peers_python() -> str:
    """The interpreter the peers are installed for: PYDL_PEERS, else this one."""
    return os.environ.get("PYDL_PEERS", sys.executable)


def missing_peers(peers: Sequence[Peer] = PEERS) -> list[str]:
    """Names of peers whose library cannot be imported there."""
    modules = sorted({peer.module for peer in peers})
    code = (
        "import importlib.util as u, sys;"
        "print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])"
    )
    found = subprocess.run(
        [peers_python(), "-c", code, *modules],
        capture_output=True,
        text=True,
        check=True,
    )
    lacking = set(found.stdout.split())
    return [peer.name for peer in peers if peer.module in lacking]


class Worker:
    """A running worker process, held to the first `threads` CPUs."""

    def __init__(self, peer: Peer, threads: int) -> None:
        self.peer = peer
        python = sys.executable if peer.module == "pydl" else peers_python()
        cpus = sorted(os.sched_getaffinity(0))[:threads]
        count = str(len(cpus))
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": count,
            "OPENBLAS_NUM_THREADS": count,
            "PYDL_NUM_THREADS": count,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **peer.environment,
        }
        self.process = subprocess.Popen(
            [python, str(WORKERS / peer.script), *peer.arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment, cwd=ROOT,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )  # fmt: skip

    def time(self, case: str) -> dict[str, Any]:
        """One run: {"seconds": per step}, {"missing": True} or {"error": text}."""
        requests = self._pipe(self.process.stdin)
        try:
            requests.write(case + "\n")
            requests.flush()
            line = self._pipe(self.process.stdout).readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return {"error": f"{self.peer.name} ended with {self.process.wait()}"}
        return dict(json.loads(line))

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._pipe(self.process.stdin).close()
        self.process.wait()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe
