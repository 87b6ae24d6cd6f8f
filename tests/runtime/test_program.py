"""Programs: ports, state, versions, explanations, the cache."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from pydl import ops
from pydl.graph.debug import debug_level, verifying
from pydl.graph.trace import Trace
from pydl.plan.emit import emit
from pydl.runtime import CompiledProgram, ProgramCache, Variable, compile_graph


def affine(rows: int = 4) -> tuple[CompiledProgram, Variable]:
    w = Variable(np.full((3, 2), 2.0, "float32"), name="w")
    with Trace("affine") as trace:
        x = trace.input("x", (rows, 3), "float32")
        trace.output("y", ops.relu(ops.matmul(x, w)))
    return compile_graph(trace.graph), w


def counter() -> tuple[CompiledProgram, Variable]:
    """Adds a stepped input to a variable, and gives each sum."""
    total = Variable(np.zeros((2,), "float32"), name="total")
    with Trace("count") as trace:
        trace.loop(trace.input("steps", (1,), "int64"))
        x = trace.input("x", (2,), "float32", step=True)
        new = ops.add(total, x)
        trace.assign(total, new)
        trace.output("sums", new, step=True)
        trace.output("last", ops.negative(new))
    return compile_graph(trace.graph), total


def test_run_by_name_and_in_place() -> None:
    program, _ = affine()
    x = np.ones((4, 3), "float32")
    np.testing.assert_array_equal(program.run({"x": x})["y"], 6)
    out = np.zeros((4, 2), "float32")
    assert program.run({"x": x}, {"y": out})["y"] is out
    program.run_fast((x * 2,), (out,))
    np.testing.assert_array_equal(out, 12)


def test_changed_variables_are_seen() -> None:
    program, w = affine()
    x = np.ones((4, 3), "float32")
    program.run({"x": x})
    w.assign(np.ones((3, 2)))
    np.testing.assert_array_equal(program.run({"x": x})["y"], 3)


def test_loops_and_stepped_ports() -> None:
    program, total = counter()
    x = np.arange(6, dtype="float32").reshape(3, 2)
    before = total.value
    result = program.run({"steps": np.array([3]), "x": x})
    np.testing.assert_array_equal(result["sums"], np.cumsum(x, axis=0))
    np.testing.assert_array_equal(result["last"], -x.sum(axis=0))
    np.testing.assert_array_equal(total.numpy(), x.sum(axis=0))
    np.testing.assert_array_equal(before.numpy(), 0)
    assert total.version == 1
    empty = program.run({"steps": np.array([0]), "x": x[:0]})
    assert empty["sums"].shape == (0, 2) and not empty["last"].any()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["missing ['x']"]),
        ({"x": np.ones((4, 3), "f4"), "z": 1}, ["unknown ['z']"]),
        ({"x": np.ones((4, 3))}, ["float32", "float64", "(4, 3)"]),
        ({"x": np.ones((4, 2), "f4")}, ["(4, 3)", "(4, 2)"]),
        ({"x": np.ones((3, 4), "f4").T}, ["row-major"]),
    ],
)
def test_wrong_inputs(inputs: dict, words: list[str]) -> None:
    program, _ = affine()
    with pytest.raises(ValueError) as raised:
        program.run(inputs)
    for word in ["affine", *words]:
        assert word in str(raised.value)


def test_wrong_outputs_and_counts() -> None:
    program, _ = affine()
    x = np.ones((4, 3), "float32")
    locked = np.zeros((4, 2), "float32")
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        program.run({"x": x}, {"y": locked})
    counting, _ = counter()
    with pytest.raises(ValueError, match="at least 0"):
        counting.run({"steps": np.array([-1]), "x": x[:, :2].copy()})
    with pytest.raises(ValueError, match=r"\(9, 2\)"):
        counting.run({"steps": np.array([9]), "x": x[:, :2].copy()})


def test_fused_and_plain_agree() -> None:
    for fuse in (True, False):
        w, b = Variable(np.ones((3, 2), "f4")), Variable(np.array([-4.0, 1.0], "f4"))
        with Trace("layer") as trace:
            x = trace.input("x", (4, 3), "float32")
            trace.output("y", ops.relu(ops.add(ops.matmul(x, w), b)))
        program = compile_graph(trace.graph, fuse=fuse)
        assert program.instructions == (1 if fuse else 3)
        result = program.run({"x": np.ones((4, 3), "float32")})["y"]
        np.testing.assert_array_equal(result, [[0, 4]] * 4)


def test_two_threads_run_one_program() -> None:
    program, _ = affine(64)
    failures: list[int] = []

    def work(number: int) -> None:
        x = np.full((64, 3), number, "float32")
        for _ in range(200):
            if not (program.run({"x": x})["y"] == 6 * number).all():
                failures.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_explain_and_profile() -> None:
    program, _ = affine()
    assert [row["op"] for row in program.explain()] == ["gemm"]
    assert "us" not in repr(program.explain()).split("\n")[1].split()
    table = program.profile({"x": np.ones((4, 3), "float32")})
    assert table.seconds > 0 and table[0]["gflops"] > 0 and table[0]["gbps"] > 0
    assert {"GFLOPS", "GB/s"} <= set(repr(table).split("\n")[1].split())
    assert "gemm" in repr(table)


def test_debug_levels(capfd, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    printed = {}
    for level in range(5):
        monkeypatch.setenv("PYDL_DEBUG", str(level))
        program, _ = affine()
        program.run({"x": np.ones((4, 3), "float32")})
        printed[level] = capfd.readouterr().err
    assert printed[0] == ""
    assert "pydl: affine" in printed[1] and "gemm" not in printed[1]
    assert "gemm" in printed[2] and "after simplify" not in printed[2]
    assert "after simplify: graph affine" in printed[3]
    assert '"pydl-plan"' in printed[4] and '"pydl-plan"' not in printed[3]
    monkeypatch.setenv("PYDL_DEBUG", "lots")
    with pytest.raises(ValueError, match="lots"):
        debug_level()


def test_the_cache_is_bounded() -> None:
    cache: ProgramCache[int] = ProgramCache(limit=2)
    made: list[str] = []

    def make(key: str) -> int:
        made.append(key)
        return len(made)

    for key in ("a", "b", "a", "c", "a", "b"):
        cache.get(key, lambda key=key: make(key))  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"] and len(cache) == 2 and "c" not in cache
    assert cache.notes == ["evicted 'b' (limit 2)", "evicted 'c' (limit 2)"]
    with pytest.raises(ValueError, match="at least 1"):
        ProgramCache(limit=0)


def test_several_entries_share_state() -> None:
    w = Variable(np.full((3, 2), 2.0, "float32"), name="w")
    graphs = []
    for rows in (1, 4):
        with Trace(f"predict:{rows}") as trace:
            x = trace.input("x", (rows, 3), "float32")
            trace.output("y", ops.matmul(x, w))
        graphs.append(trace.graph)
    emitted = emit(graphs)
    assert emitted.state == [w]
    for index, rows in enumerate((1, 4)):
        program = CompiledProgram(emitted, index)
        x = np.ones((rows, 3), "float32")
        np.testing.assert_array_equal(program.run({"x": x})["y"], 6)


def test_a_run_that_fails_leaves_the_program_usable() -> None:
    program, _ = affine()
    with pytest.raises(ValueError):
        program.run_fast((np.ones((2, 3), "float32"),), (np.zeros((4, 2), "f4"),))
    x = np.ones((4, 3), "float32")
    np.testing.assert_array_equal(program.run({"x": x})["y"], 6)


def test_verification_can_be_asked_for(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert not verifying()
    monkeypatch.setenv("PYDL_VERIFY", "1")
    assert verifying()
