"""Inner loops of the plan format: what is refused, and that altered plans stay inside
their memory."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pydl import _core, ops
from pydl.graph.trace import Trace
from pydl.ops import loops
from pydl.passes import run_passes
from pydl.plan.emit import Emitted, emit

Plan = dict[str, Any]
HUGE = 2**61


def make_plan() -> Plan:
    """Running sums of the rows of x, from the last, each four times into y's row."""
    return {
        "format": "pydl-plan",
        "version": 1,
        "state": [
            {"name": "count", "dtype": "int64", "shape": [1], "trainable": 0},
            {"name": "stop", "dtype": "int64", "shape": [1], "trainable": 0},
        ],
        "entries": [
            {
                "name": "sums",
                "inputs": [
                    {"name": "x", "dtype": "float32", "shape": [5, 3], "step": 0}
                ],
                "outputs": [
                    {"name": "y", "dtype": "float32", "shape": [5, 4, 3], "step": 0}
                ],
                "arena": 64,
                "values": [
                    ["int64", [1], "state", 0, 0],
                    ["int64", [1], "state", 1, 0],
                    ["float32", [3], "arena", 0, 0],
                    ["float32", [3], "input", 0, 48],
                    ["float32", [3], "output", 0, 0],
                ],
                "code": [
                    ["full", [], [2], {"shape": [3], "dtype": "float32", "value": 0}],
                    ["loop", [0, 1], [], {
                        "body": 3, "most": 5, "values": [3, 4], "steps": [-12, 48],
                    }],
                    ["add", [2, 3], [2], {}],
                    ["loop", [0], [], {
                        "body": 1, "most": 4, "values": [4], "steps": [12],
                    }],
                    ["copy", [2], [4], {}],
                ],
            }
        ],
        "notes": {},
    }  # fmt: skip


def run(plan: Plan, count: int, stop: int = 0, isa: str = "") -> np.ndarray:
    program = _core.Program(json.dumps(plan), "sums", isa)
    slots = [np.array([count]), np.array([stop])]
    state = _core.State(2)
    for i, slot in enumerate(slots):
        state.set(i, slot)
    x = np.arange(15, dtype="float32").reshape(5, 3)
    y = np.full((5, 4, 3), -1, "float32")
    program.run(state, [x], [y])
    return y


@pytest.mark.parametrize("isa", ["", "cuda"])
@pytest.mark.parametrize("count", [-3, 0, 1, 3, 5, 900])
def test_counts_are_clamped_and_rows_move(count: int, isa: str) -> None:
    if isa and not _core.devices()["count"]:
        pytest.skip("no GPU, and none emulated")
    y = run(make_plan(), count, isa=isa)
    x = np.arange(15, dtype="float32").reshape(5, 3)
    sums = np.cumsum(x[::-1], axis=0)
    outer, inner = min(max(count, 0), 5), min(max(count, 0), 4)
    expected = np.full((5, 4, 3), -1, "float32")
    expected[:outer, :inner] = sums[:outer, None]
    np.testing.assert_array_equal(y, expected)


def test_a_stop_flag_ends_a_loop_after_a_pass() -> None:
    assert (run(make_plan(), 5, stop=1)[1:] == -1).all()
    assert (run(make_plan(), 5, stop=1)[0] >= 0).all()


def outer(plan: Plan) -> Plan:
    attrs: Plan = plan["entries"][0]["code"][1][3]
    return attrs


def inner(plan: Plan) -> Plan:
    attrs: Plan = plan["entries"][0]["code"][3][3]
    return attrs


def values(plan: Plan) -> list[list[Any]]:
    found: list[list[Any]] = plan["entries"][0]["values"]
    return found


LIES: list[tuple[str, Any, str]] = [
    ("no most", lambda p: outer(p).pop("most"), "'most'"),
    ("negative most", lambda p: outer(p).update(most=-1), "at least 0"),
    ("uneven", lambda p: outer(p).update(steps=[4]), "2 'values' and 1 'steps'"),
    ("real steps", lambda p: inner(p).update(steps=[0.5]), "steps"),
    ("unknown value", lambda p: inner(p).update(values=[5]), "there are 5"),
    ("negative value", lambda p: inner(p).update(values=[-1]), "there are 5"),
    ("twice", lambda p: inner(p).update(values=[4, 4], steps=[4, 4]), "4 twice"),
    ("half elements", lambda p: inner(p).update(steps=[6]), "no whole elements"),
    ("one pass more", lambda p: outer(p).update(most=6), "of a place with"),
    ("inner pass more", lambda p: inner(p).update(most=5), "of a place with 240"),
    ("further", lambda p: inner(p).update(steps=[16]), "of a place with 240"),
    ("backwards", lambda p: inner(p).update(steps=[-12]), "bytes -36 to"),
    ("below", lambda p: values(p)[3].__setitem__(4, 44), "bytes -4 to"),
    ("far", lambda p: inner(p).update(steps=[HUGE]), "go too far"),
    ("long", lambda p: inner(p).update(most=HUGE), "go too far"),
    ("overflow", lambda p: inner(p).update(most=2**62, steps=[2**40]), "go too far"),
    ("plain inside", lambda p: [inner(p).pop(k) for k in ("most", "values", "steps")],
     "without the attribute 'most' is in no other"),
    ("plain outside", lambda p: [outer(p).pop(k) for k in ("most", "values", "steps")],
     "its count must be an input"),
    ("sweeps its operand", lambda p: values(p)[2].__setitem__(slice(2, 5),
     ["output", 0, 24]), "overlaps"),
    ("arena of another alignment", lambda p: values(p)[2].__setitem__(4, 4),
     "multiple of 64"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"), [row[1:] for row in LIES], ids=[row[0] for row in LIES]
)
def test_a_lie_about_loops_is_refused(change: Any, message: str) -> None:
    plan = make_plan()
    change(plan)
    with pytest.raises(ValueError) as error:
        _core.check_plan(json.dumps(plan))
    assert message in str(error.value)


# -- altered plans --------------------------------------------------------------------


def nested(monkeypatch: pytest.MonkeyPatch) -> Emitted:
    """A real plan: scans in a scan, rows forwards and backwards, a condition."""
    monkeypatch.setattr(loops, "FEW", 0)
    with Trace("nested") as trace:
        x = trace.input("x", (4, 5, 6), "float32")

        def row(c: Any, r: Any) -> Any:
            last, ys = ops.scan(
                lambda d, e: (ops.tanh(d * e + c), ops.flip(d, axis=0)),
                c,
                r,
                reverse=True,
            )
            more = ops.while_loop(
                lambda v: ops.sum(v) < 3.0, lambda v: v + 0.5, last, 6
            )
            return last + more, ys

        last, ys = ops.scan(row, x[0, 0] * 0.5, x)
        trace.output("last", last)
        trace.output("ys", ys)
    return emit(run_passes(trace.graph))


def altered(plan: Plan, rng: np.random.Generator) -> None:
    """One number of the loops, values or operands becomes another."""
    entry = plan["entries"][0]
    code, found = entry["code"], entry["values"]
    moving = [line[3] for line in code if line[0] == "loop"]
    kind = rng.integers(6)
    if kind == 0:
        attrs = moving[rng.integers(len(moving))]
        attrs["most"] = int(rng.integers(-1, 9))
    elif kind in (1, 2):
        attrs = moving[rng.integers(len(moving))]
        numbers = attrs["values" if kind == 1 else "steps"]
        if numbers:
            at = rng.integers(len(numbers))
            by = int(rng.integers(-40, 40))
            numbers[at] = by + 20 if kind == 1 else numbers[at] + 4 * by
    elif kind == 3:
        attrs = moving[rng.integers(len(moving))]
        attrs["body"] = int(rng.integers(0, len(code)))
    elif kind == 4:
        found[rng.integers(len(found))][4] = int(rng.integers(0, 40)) * 16
    else:
        operands = code[rng.integers(len(code))][1 + rng.integers(2)]
        if operands:
            operands[rng.integers(len(operands))] = int(rng.integers(len(found)))


@pytest.mark.parametrize("isa", ["", "cuda"])
def test_altered_loops_stay_in_their_memory(
    isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever passes the checks runs, and writes nothing but what is its own."""
    if isa and not _core.devices()["count"]:
        pytest.skip("no GPU, and none emulated")
    emitted = nested(monkeypatch)
    rng = np.random.default_rng(1)
    ran = 0
    for _ in range(1500):
        plan = json.loads(emitted.text)
        for _ in range(rng.integers(1, 4)):
            altered(plan, rng)
        try:
            program = _core.Program(json.dumps(plan), "nested", isa)
        except ValueError as error:
            assert str(error)
            continue
        ran += run_guarded(program, emitted)
    assert ran > 30


def run_guarded(program: Any, emitted: Emitted) -> bool:
    """Run with memory around state and outputs that must not change."""
    state = _core.State(len(emitted.state))
    slots = [np.array(item) for item in emitted.state]
    for i, slot in enumerate(slots):
        state.set(i, slot)
    info = emitted.entries[0]
    inputs = [np.ones(port.shape, port.dtype) for port in info.inputs]
    blocks, outputs = [], []
    for port in info.outputs:
        size = int(np.prod(port.shape))
        block = np.full(size + 64, 7, port.dtype)
        blocks.append(block)
        outputs.append(block[32 : 32 + size].reshape(port.shape))
    program.run(state, inputs, outputs)
    for block in blocks:
        assert (block[:32] == 7).all() and (block[-32:] == 7).all()
    return True
