"""Weights that a program only reads, held as packed panels: every instruction set."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from pydl import _core, ops
from pydl.graph.trace import Trace
from pydl.ops.apply import emit
from pydl.runtime import CompiledProgram, Variable, compile_graph

ISAS = [
    isa
    for isa in _core.info()["bundles"]
    if "gemm_panels" in _core.kernels("matmul", isa)
]
#: M, N, K around the widths of tiles and panels; 256 KiB of weights and more.
SHAPES = (
    (2, 257, 300),
    (3, 63, 4200),
    (6, 264, 257),
    (7, 1031, 67),
    (13, 240, 513),
    (14, 256, 520),
    (15, 250, 1100),
    (33, 4100, 17),
    (150, 271, 260),
)
rng = np.random.default_rng(7)


def normal(dtype: str, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def dense(
    m: int, w: Variable, *, turned: bool = False, isa: str = ""
) -> CompiledProgram:
    """``y = x @ w``, or ``x @ w.T``."""
    k = w.shape[1] if turned else w.shape[0]
    with Trace("dense") as trace:
        x = trace.input("x", (m, k), w.dtype)
        flags = {"transpose_a": 0, "transpose_b": int(turned)}
        trace.output("y", emit("matmul", x, w, **flags))
    return compile_graph(trace.graph, isa=isa)


def kernel(program: CompiledProgram) -> str:
    (row,) = program.explain()
    return str(row["kernel"])


def check(got: np.ndarray, x: np.ndarray, w: np.ndarray) -> None:
    """Against float64 (longdouble), within the error of a sum of K products."""
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    want = x.astype(wide) @ w.astype(wide)
    size = np.abs(x).astype(wide) @ np.abs(w).astype(wide)
    allowed = (np.sqrt(x.shape[1]) + 8) * np.finfo(x.dtype).eps * size
    assert (np.abs(got - want) <= allowed).all()


@pytest.fixture
def threads() -> Iterator[None]:
    yield
    _core.set_threads(0)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_at_the_edges_of_panels(dtype: str, turned: bool, isa: str) -> None:
    for m, n, k in SHAPES:
        w = Variable(normal(dtype, *((n, k) if turned else (k, n))))
        program = dense(m, w, turned=turned, isa=isa)
        assert kernel(program) == "gemm_panels", (m, n, k, program.explain())
        x = normal(dtype, m, k)
        matrix = w.numpy().T if turned else w.numpy()
        check(program.run({"x": x})["y"], x, matrix)


@pytest.mark.parametrize("isa", ISAS)
def test_epilogue(isa: str) -> None:
    w, bias = Variable(normal("float32", 300, 333)), Variable(normal("float32", 333))
    for activation in (ops.relu, ops.tanh, ops.sigmoid):
        with Trace("layer") as trace:
            x = trace.input("x", (20, 300), "float32")
            trace.output("y", activation(ops.add(ops.matmul(x, w), bias)))
        program = compile_graph(trace.graph, isa=isa)
        assert kernel(program) == "gemm_panels" and program.instructions == 1
        plain = compile_graph(trace.graph, isa="ref")
        value = {"x": normal("float32", 20, 300)}
        got, want = program.run(value)["y"], plain.run(value)["y"]
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("isa", ISAS)
def test_panels_follow_the_variable(isa: str) -> None:
    w = Variable(normal("float32", 300, 257))
    program = dense(5, w, isa=isa)
    x = normal("float32", 5, 300)
    for _ in range(3):
        check(program.run({"x": x})["y"], x, w.numpy())
        w.assign(normal("float32", 300, 257))
    w.assign_add(np.ones((300, 257), "float32"))
    check(program.run({"x": x})["y"], x, w.numpy())


def test_panels_follow_a_training_program() -> None:
    """Another program writes the variable; the reader sees it."""
    w = Variable(normal("float32", 300, 257))
    with Trace("halve") as trace:
        trace.assign(w, ops.multiply(w, 0.5))
    writer, reader = compile_graph(trace.graph), dense(5, w)
    x = normal("float32", 5, 300)
    for _ in range(3):
        check(reader.run({"x": x})["y"], x, w.numpy())
        writer.run({})


def test_two_states_of_one_program() -> None:
    """One native program, two states in turn: each has its own weights."""
    first, second = (Variable(normal("float32", 300, 257)) for _ in range(2))
    program = dense(5, first)
    x = normal("float32", 5, 300)
    native = _core.Program(program.plan.text, program.info.name, "")
    states = []
    for w in (first, second):
        state = _core.State(1)
        state.set(0, w.buffer)
        states.append((state, w))
    for state, w in states * 2:
        y = np.empty((5, 257), "float32")
        native.run(state, (x,), (y,))
        check(y, x, w.numpy())


def test_threads_share_one_program() -> None:
    w = Variable(normal("float32", 300, 257))
    program = dense(16, w)
    failures: list[int] = []

    def work(number: int) -> None:
        x = np.random.default_rng(number).standard_normal((16, 300), "float32")
        for _ in range(100):
            try:
                check(program.run({"x": x})["y"], x, w.numpy())
            except Exception:
                failures.append(number)

    for _ in range(3):  # after each write, whoever comes first rebuilds the panels
        workers = [threading.Thread(target=work, args=(i,)) for i in (1, 2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not failures
        w.assign(normal("float32", 300, 257))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("isa", ISAS)
def test_same_bits_on_any_number_of_threads(isa: str) -> None:
    for m, n, k in ((6, 700, 400), (33, 520, 1100), (150, 271, 700)):
        program = dense(m, Variable(normal("float32", k, n)), isa=isa)
        assert kernel(program) == "gemm_panels"
        x, first = normal("float32", m, k), b""
        for count in (1, 2, 3, 5, 5):
            _core.set_threads(count)
            bits = program.run({"x": x})["y"].tobytes()
            first = first or bits
            assert bits == first, (count, m, n, k)


def test_refusals_say_why() -> None:
    def reason(program: CompiledProgram) -> str:
        (row,) = [row for row in program.explain() if row["op"] == "matmul"]
        return str(dict(row["refused"])["gemm_panels"])

    assert reason(dense(5, Variable(normal("float32", 100, 100)))) == "b is small"
    assert "too few tiles" in reason(dense(14, Variable(normal("float32", 7000, 32))))
    w = Variable(normal("float32", 300, 257))
    with Trace("update") as trace:
        x = trace.input("x", (5, 300), "float32")
        trace.output("y", ops.matmul(x, w))
        trace.assign(w, ops.multiply(w, 0.5))
    assert "only reads" in reason(compile_graph(trace.graph))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("op", ["conv", "conv_grad_x"])
def test_packed_filters_follow_the_variable(op: str, isa: str) -> None:
    """The bits of filters packed by the run itself, also after an assignment."""
    attrs = {"strides": [2, 1], "dilations": [1, 2], "low": [2, 1], "high": [1, 0]}
    shape = (2, 9, 8, 20) if op == "conv" else (2, 4, 1, 35)
    if op == "conv_grad_x":
        attrs["size"] = [9, 8]
    w = Variable(normal("float32", 5, 5, 20, 35))
    with Trace("filters") as trace:
        x = trace.input("x", shape, "float32")
        trace.output("y", emit(op, x, w, **attrs))
    program = compile_graph(trace.graph, isa=isa)
    assert kernel(program) == "conv_direct"
    value = normal("float32", *shape)
    for _ in range(2):
        got = program.run({"x": value})["y"]
        operands = [value, w.numpy()]
        (want,) = _core.run_op(op, operands, attrs, isa=isa, kernel="conv_direct")
        assert got.tobytes() == want.tobytes()
        w.assign(normal("float32", 5, 5, 20, 35))
