"""Placement: blocks alive together never overlap, and plans compute what graphs say."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from plan.interpreter import PlanInterpreter, evaluate
from plan.random_graphs import ChoosingWriter, LoopingWriter, Writer, state_of
from pydl import _core, device, ops
from pydl.graph.gradients import gradients
from pydl.graph.node import Graph
from pydl.graph.trace import Trace
from pydl.graph.verify import verify
from pydl.passes import branches, prepare, run_passes
from pydl.plan.emit import Emitted, emit
from pydl.plan.memory import ALIGNMENT, Block, align, place_blocks
from pydl.runtime import compile_graph
from pydl.runtime.variable import Variable


@pytest.mark.parametrize("seed", range(30))
def test_blocks_alive_together_never_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(60):
        start = int(rng.integers(50))
        nbytes = align(int(rng.integers(0, 5000)))
        blocks.append(Block(nbytes, start, start + int(rng.integers(12))))
    end = place_blocks(blocks)
    for i, one in enumerate(blocks):
        assert one.offset % ALIGNMENT == 0 and one.offset >= 0
        assert one.offset + one.nbytes <= end
        for other in blocks[:i]:
            if one.start <= other.stop and other.start <= one.stop:
                apart = (
                    one.offset + one.nbytes <= other.offset
                    or other.offset + other.nbytes <= one.offset
                )
                assert apart or one.nbytes == 0 or other.nbytes == 0
    alive = max(
        sum(b.nbytes for b in blocks if b.start <= t <= b.stop) for t in range(70)
    )
    assert alive <= end <= 1.5 * alive


def run_plan(emitted: Emitted, state: dict, inputs: dict, passes: int) -> dict:
    """Outputs of the interpreter; `state` is updated."""
    arrays = [
        item.copy() if isinstance(item, np.ndarray) else state[item]
        for item in emitted.state
    ]
    info = emitted.entries[0]
    outputs = [
        np.zeros((passes, *port.shape) if port.step else port.shape, port.dtype)
        for port in info.outputs
    ]
    given = [inputs[port.name] for port in info.inputs]
    before = [array.copy() for array in given]
    PlanInterpreter(emitted.text).run(arrays, given, outputs)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    return dict(zip((port.name for port in info.outputs), outputs, strict=True))


def check(graph: Graph, expected_graph: Graph, writer: Writer) -> None:
    inputs = writer.inputs()
    wanted_state, state = state_of(writer), state_of(writer)
    wanted = evaluate(expected_graph, inputs, wanted_state) if writer.passes else {}
    outputs = run_plan(emit(graph), state, inputs, writer.passes)
    for name, value in wanted.items():
        np.testing.assert_array_equal(outputs[name], value, err_msg=name)
    for variable in writer.variables:
        np.testing.assert_array_equal(
            state[variable], wanted_state[variable], err_msg=variable.name
        )


@pytest.mark.parametrize("seed", range(150))
def test_plans_compute_what_graphs_say(seed: int) -> None:
    writer = Writer(seed)
    graph = writer.write()
    verify(graph)
    check(prepare(graph), graph, writer)


@pytest.mark.parametrize("seed", range(300))
def test_passes_keep_every_bit(seed: int) -> None:
    # In float64 the reference rounds a fused gemm as it rounds the separate ops.
    writer = Writer(seed, size=10 + seed % 60, dtype="float64")
    graph = writer.write()
    check(run_passes(graph), graph, writer)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("fuse", [True, False])
def test_native_programs_compute_what_graphs_say(seed: int, fuse: bool) -> None:
    writer = Writer(seed, size=10 + seed, dtype="float64")
    graph, inputs, state = writer.write(), writer.inputs(), state_of(writer)
    wanted = evaluate(graph, inputs, state) if writer.passes else {}
    outputs = compile_graph(graph, fuse=fuse).run(inputs)
    for name, value in wanted.items():
        np.testing.assert_allclose(outputs[name], value, 1e-7, 1e-12, err_msg=name)
    for variable in writer.variables:
        np.testing.assert_allclose(
            variable.numpy(), state[variable], 1e-7, 1e-12, err_msg=variable.name
        )


@pytest.fixture
def every_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each side of a choice gets its `if`, however small."""
    monkeypatch.setattr(sys.modules[branches.__module__], "WORTH", 0)


@pytest.mark.parametrize("seed", range(300))
def test_guarded_sides_keep_every_bit(seed: int, every_choice: None) -> None:
    writer = ChoosingWriter(seed, size=10 + seed % 40, dtype="float64")
    graph = writer.write()
    guarded = branches(graph)
    verify(guarded)
    check(guarded, graph, writer)
    check(run_passes(graph), graph, writer)


@pytest.mark.parametrize("seed", range(40))
def test_native_programs_choose_sides(seed: int, every_choice: None) -> None:
    writer = ChoosingWriter(seed, size=10 + seed, dtype="float64")
    graph, inputs, state = writer.write(), writer.inputs(), state_of(writer)
    wanted = evaluate(graph, inputs, state) if writer.passes else {}
    outputs = compile_graph(graph).run(inputs)
    for name, value in wanted.items():
        np.testing.assert_allclose(outputs[name], value, 1e-7, 1e-12, err_msg=name)
    for variable in writer.variables:
        np.testing.assert_allclose(
            variable.numpy(), state[variable], 1e-7, 1e-12, err_msg=variable.name
        )


def test_a_number_may_be_a_side(every_choice: None) -> None:
    """It is filled in under the guard, not a constant elsewhere."""
    with Trace("number") as trace:
        x = trace.input("x", (1,), "float64")
        flag = ops.less(ops.reshape(x, ()), 0.0)
        half = ops.reshape(ops.full((), 0.5, "float64"), (1,))
        chosen = trace.add("where", (flag, half, ops.tanh(x)), {})[0]
        trace.output("y", ops.add(chosen, ops.exp(chosen)))
    program = compile_graph(trace.graph)
    for number, side in ((-2.0, 0.5), (2.0, np.tanh(2.0))):
        found = program.run({"x": np.array([number])})["y"]
        np.testing.assert_allclose(found, side + np.exp(side))


@pytest.mark.parametrize("seed", range(300))
def test_loops_keep_every_bit(seed: int, every_choice: None) -> None:
    writer = LoopingWriter(seed, size=10 + seed % 30, dtype="float64")
    graph = writer.write()
    verify(graph)
    check(prepare(graph), graph, writer)
    check(run_passes(graph), graph, writer)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("place", ["cpu", "cuda"])
def test_native_programs_loop(seed: int, place: str, every_choice: None) -> None:
    if place == "cuda" and not _core.devices()["count"]:
        pytest.skip("no GPU, and none emulated")
    writer = LoopingWriter(seed, size=10 + seed, dtype="float64")
    graph, inputs, state = writer.write(), writer.inputs(), state_of(writer)
    wanted = evaluate(graph, inputs, state) if writer.passes else {}
    with device(place):
        program = compile_graph(graph)
    outputs = program.run(inputs)
    for name, value in wanted.items():
        np.testing.assert_allclose(outputs[name], value, 1e-7, 1e-12, err_msg=name)
    for variable in writer.variables:
        np.testing.assert_allclose(
            variable.numpy(), state[variable], 1e-7, 1e-12, err_msg=variable.name
        )


def test_an_update_is_in_place() -> None:
    v = Variable(np.ones((8, 8), "float32"), name="v")
    with Trace("step") as trace:
        trace.assign(v, trace.add("neg", (trace.read(v),), {})[0])
    emitted = emit(trace.graph)
    assert '"arena":0' in emitted.text and '"copy"' not in emitted.text
    assert emitted.entries[0].written == (v,)


def test_swapping_variables() -> None:
    a = Variable(np.zeros((8,), "float32"), name="a")
    b = Variable(np.ones((8,), "float32"), name="b")
    with Trace("swap") as trace:
        old_a, old_b = trace.read(a), trace.read(b)
        trace.assign(a, old_b)
        trace.assign(b, old_a)
    state = {a: a.numpy(), b: b.numpy()}
    run_plan(emit(trace.graph), state, {}, 1)
    assert state[a][0] == 1 and state[b][0] == 0


def test_regions_are_side_by_side() -> None:
    with Trace("grads") as trace:
        x = trace.input("x", (16,), "float32")
        grads = [trace.add("neg", (x,), {})[0], trace.add("abs", (x,), {})[0]]
        total = trace.add("add", grads, {})[0]
        trace.output("total", total)
    trace.graph.regions.append([g.value for g in reversed(grads)])
    emitted = emit(trace.graph)
    offsets = [PlanInterpreter(emitted.text).entry["values"][i][4] for i in (1, 2)]
    assert offsets[0] - offsets[1] == 64


def test_results_are_written_into_outputs() -> None:
    with Trace("direct") as trace:
        x = trace.input("x", (16,), "float32")
        trace.output("y", trace.add("exp", (trace.add("neg", (x,), {})[0],), {})[0])
    emitted = emit(trace.graph)
    assert '"copy"' not in emitted.text
    assert PlanInterpreter(emitted.text).entry["arena"] == 64


@pytest.mark.parametrize("fuse", [True, False])
def test_empty_arrays(fuse: bool) -> None:
    w, b = Variable(np.ones((3, 2), "float32")), Variable(np.ones(2, "float32"))
    with Trace("empty") as trace:
        x = trace.input("x", (0, 3), "float32")
        out = ops.tanh(ops.relu(ops.add(ops.matmul(x, w), b)) * 2.0)
        for variable, grad in zip(
            (w, b), gradients([ops.sum(out)], [w, b]), strict=True
        ):
            assert grad is not None
            trace.assign(variable, variable - grad)
        trace.output("y", out)
    result = compile_graph(trace.graph, fuse=fuse).run({"x": np.ones((0, 3), "f4")})
    assert result["y"].shape == (0, 2)
    assert (w.numpy() == 1).all() and (b.numpy() == 1).all()
