"""pydl: `fit`; products and updates in native loops of a plan; eager ops."""

from __future__ import annotations

import numpy as np
from serve import Run, repeated, serve
from streams_pydl import STREAMS, stream

import pydl
from benchmarks.cases import GEMMS, LOOKUPS, NETWORKS, Lookup, Mlp
from benchmarks.rearranging import REARRANGING, Calls, call_of
from pydl.graph.trace import Trace
from pydl.ops.apply import apply
from pydl.runtime.program import compile_graph
from pydl.runtime.variable import aligned_copy


def mlp(case: Mlp) -> Run:
    x, y = case.data()
    model = pydl.Sequential([pydl.Input((case.sizes[0],))])
    for units in case.sizes[1:-1]:
        model.add(pydl.layers.Dense(units, activation="relu"))
        if case.dropout:
            model.add(pydl.layers.Dropout(case.dropout))
    model.add(pydl.layers.Dense(case.sizes[-1], "sigmoid" if case.decodes else None))
    labels = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", "binary_crossentropy" if case.decodes else labels)

    def run() -> float:
        model.fit(x, y, batch_size=case.batch, epochs=case.epochs, verbose=0)
        return case.steps

    return run


def lookup(case: Lookup) -> Run:
    x, y = case.data()
    model = pydl.Sequential(
        [
            pydl.Input((1,), dtype="int32"),
            pydl.layers.Embedding(case.table, case.width),
            pydl.layers.Flatten(),
            pydl.layers.Dense(1),
        ]
    )
    optimizer = {"adam": "lazyadam"}.get(case.optimizer, case.optimizer)
    model.compile(optimizer, "mse")

    def run() -> float:
        model.fit(x, y, batch_size=case.batch, shuffle=False, verbose=0)
        return case.steps

    return run


def looped(op: str, arrays: list[np.ndarray], attrs: dict, seconds: float) -> Run:
    """One op in a native loop of a plan: what a kernel costs without Python."""
    with Trace(op) as trace:
        count = trace.input("steps", (1,), "int64")
        trace.loop(count)
        inputs = [
            trace.input(str(i), array.shape, array.dtype.name)
            for i, array in enumerate(arrays)
        ]
        outputs = apply(op, inputs, attrs)
        for i, output in enumerate(outputs):
            trace.output(f"out{i}", output)
    program = compile_graph(trace.graph)
    feeds = {str(i): array for i, array in enumerate(arrays)}
    results = {f"out{i}": np.empty(t.shape, t.dtype) for i, t in enumerate(outputs)}

    def call(steps: int) -> None:
        program.run({"steps": np.array([steps], np.int64), **feeds}, results)

    once = repeated(lambda: call(1), seconds)()
    steps = max(1, int(once))

    def run() -> float:
        call(steps)
        return steps

    return run


def gemm(name: str) -> Run:
    case = GEMMS[name]
    attrs = {
        "transpose_a": int(case.transpose_a),
        "transpose_b": int(case.transpose_b),
    }
    return looped("matmul", list(case.operands()), attrs, 0.02)


def adam() -> Run:
    rng = np.random.default_rng(0)
    weight = pydl.Variable(rng.standard_normal(10_000_000).astype(np.float32))
    # Aligned, as the gradients of a plan are: NumPy's arrays are so by chance only.
    grad = aligned_copy(rng.standard_normal(10_000_000).astype(np.float32))
    optimizer = pydl.optimizers.Adam()
    optimizer.build([weight])
    with Trace("adam") as trace:
        optimizer.apply([trace.input("grad", grad.shape, "float32")], [weight])
    program = compile_graph(trace.graph)
    return repeated(lambda: program.run({"grad": grad}))


def scale() -> Run:
    """In place over the bytes Adam touches: four arrays read, three written."""
    arrays = [pydl.Variable(np.ones(35_000_000, np.float32))]
    with Trace("scale") as trace:
        for variable in arrays:
            variable.assign(variable * 1.0001)
    program = compile_graph(trace.graph)
    return repeated(lambda: program.run({}))


CALLS: Calls = {
    "top_k": lambda k, x: pydl.ops.top_k(x, k),
    "sort": lambda _, x: pydl.ops.sort(x),
    "argsort": lambda _, x: pydl.ops.argsort(x),
    "cumsum": lambda axis, x: pydl.ops.cumsum(x, axis),
    "take": lambda _, x, indices: pydl.ops.take(x, indices, 0),
    "take_along_axis": lambda axis, x, at: pydl.ops.take_along_axis(x, at, axis),
    "one_hot": lambda classes, x: pydl.ops.one_hot(x, classes),
    "transpose": lambda perm, x: pydl.ops.transpose(x, perm),
}


def rearranging(name: str) -> Run:
    case = REARRANGING[name]
    operands = [pydl.ops.convert_to_tensor(x) for x in case.operands()]
    return repeated(call_of(case, CALLS, operands))


def eager_add() -> Run:
    a, b = (pydl.ops.convert_to_tensor(np.ones(8, np.float32)) for _ in range(2))
    return repeated(lambda: pydl.ops.add(a, b))


def setup(name: str) -> Run | None:
    if name in NETWORKS:
        return mlp(NETWORKS[name])
    if name in LOOKUPS:
        return lookup(LOOKUPS[name])
    if name in GEMMS:
        return gemm(name)
    if name in REARRANGING:
        return rearranging(name)
    if name in STREAMS:
        return stream(name)
    singles = {"adam-10m": adam, "scale-280mb": scale, "eager-add-8": eager_add}
    return singles[name]()


if __name__ == "__main__":
    serve(setup)
