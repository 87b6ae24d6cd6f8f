"""The protocol: a case's name comes in, a line of JSON with its time goes out.

A case is set up and warmed at its first request, then only timed. Runs in the peer's
own environment: standard library and NumPy only.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

#: A timed case: does its work once and returns how many steps that was.
Run = Callable[[], float]
#: Case name -> a `Run`, or None when this library has no such case.
Setup = Callable[[str], Run | None]


def repeated(work: Callable[[], Any], seconds: float = 0.02) -> Run:
    """`work` as often as fits `seconds`, for things too short to time alone."""
    work()
    start = time.perf_counter()
    work()
    count = max(1, int(seconds / max(time.perf_counter() - start, 1e-7)))

    def run() -> float:
        for _ in range(count):
            work()
        return count

    return run


def serve(setup: Setup) -> None:
    """Answer requests until standard input ends."""
    ready: dict[str, Run | None] = {}
    _serve(lambda name: _answer(name, setup, ready))


def serve_seconds(seconds: Callable[[str], float | None]) -> None:
    """As `serve`, for a worker that times itself; None: it has no such case."""

    def answer(name: str) -> dict[str, Any]:
        found = seconds(name)
        return {"missing": True} if found is None else {"seconds": found}

    _serve(answer)


def _serve(answer_to: Callable[[str], dict[str, Any]]) -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # libraries may print
    for line in sys.stdin:
        name = line.strip()
        try:
            answer = answer_to(name)
        except Exception:
            answer = {"error": traceback.format_exc(limit=3)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(name: str, setup: Setup, ready: dict[str, Run | None]) -> dict[str, Any]:
    if name not in ready:
        ready[name] = setup(name)
        run = ready[name]
        if run is not None:
            run()  # compiles, touches memory
    run = ready[name]
    if run is None:
        return {"missing": True}
    start = time.perf_counter()
    steps = run()
    return {"seconds": (time.perf_counter() - start) / steps}
