"""Problems for matmul and gemm: edges of tiles, all layouts, every epilogue."""

from __future__ import annotations

from itertools import cycle, product
from typing import Any

Case = dict[str, Any]

# M, N, K: nothing, single rows and columns, one less and one more than the tiles.
SHAPES: tuple[tuple[int, int, int], ...] = (
    (0, 5, 3),
    (5, 0, 3),
    (5, 3, 0),
    (1, 1, 1),
    (1, 70, 9),
    (1, 300, 517),
    (70, 1, 33),
    (6, 100, 20),
    (2, 3, 5),
    (7, 16, 17),
    (12, 40, 130),
    (13, 31, 8),
    (14, 32, 64),
    (15, 33, 65),
    (29, 10, 61),
    (45, 10, 203),
    (32, 10, 64),
    (47, 49, 23),
    (67, 127, 31),
    (6, 30, 7000),
    (33, 523, 70),
    (43, 256, 1024),
    (131, 65, 129),
    (6, 8, 120000),
)
# B stored transposed and large against A and C: A is turned over rather than B.
TURNED = ((13, 250, 120), (33, 300, 400), (66, 700, 380))
# Large enough for both operands to be packed, in several blocks of depth.
PACKED = (50, 1030, 2000)
# Enough work for matrix units that need copies of the operands first; ragged.
UNITS = (264, 392, 1010)
LAYOUTS = tuple(product((0, 1), (0, 1)))
ACTIVATIONS = ("", "relu", "sigmoid", "tanh")
# Shapes that reach each kernel with every epilogue; the last but one is cut.
EPILOGUE_SHAPES = cycle(
    (
        (17, 37, 19),
        (1, 45, 33),
        (29, 1, 40),
        (5, 23, 70),
        (0, 7, 6),
        (6, 30, 7000),
        (9, 14, 0),
        (150, 66, 64),
        (15, 250, 120),
        (45, 10, 203),
    )
)


def operands(dtype: str, m: int, n: int, k: int, attrs: dict[str, Any]) -> list[Any]:
    a = (k, m) if attrs["transpose_a"] else (m, k)
    b = (n, k) if attrs["transpose_b"] else (k, n)
    inputs: list[Any] = [(dtype, a), (dtype, b)]
    if attrs.get("bias"):
        inputs.append((dtype, (n,)))
    if attrs.get("grad"):
        inputs.append((dtype, (m, n)))
    if attrs.get("dropout"):
        inputs.append(("uint32", (2,), "seed"))
    return inputs


def case(
    op: str, dtype: str, size: tuple[int, int, int], attrs: dict[str, Any]
) -> Case:
    return {"op": op, "inputs": operands(dtype, *size, attrs), "attrs": attrs}


def layout_cases() -> list[Case]:
    """Every shape in every layout, as float32 and, in one of them, float64."""
    cases: list[Case] = []
    for number, size in enumerate(SHAPES):
        for index, (transpose_a, transpose_b) in enumerate(LAYOUTS):
            attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
            cases.append(case("matmul", "float32", size, attrs))
            if index == number % len(LAYOUTS):
                cases.append(case("matmul", "float64", size, attrs))
    for dtype, size in product(("float32", "float64"), TURNED):
        attrs = {"transpose_a": 0, "transpose_b": 1}
        cases.append(case("matmul", dtype, size, attrs))
    attrs = {"transpose_a": 0, "transpose_b": 0}
    cases.append(case("matmul", "float32", PACKED, attrs))
    return cases


def packed_epilogue_cases() -> list[Case]:
    """Epilogues of large products: in registers and over finished rows."""
    epilogues: tuple[dict[str, Any], ...] = (
        {"bias": 1, "activation": "relu"},
        {"bias": 0, "grad": "relu", "column_sum": 1},
        {"bias": 1, "activation": "tanh", "dropout": 0.3},
    )
    layouts = ((0, 1), (1, 0), (1, 1))
    cases: list[Case] = []
    for epilogue, (transpose_a, transpose_b) in zip(epilogues, layouts, strict=True):
        attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b, **epilogue}
        attrs.setdefault("column_sum", 0)
        cases.append(case("gemm", "float32", PACKED, attrs))
    return cases


def unit_cases() -> list[Case]:
    """Products as large as tensor cores want, in every layout, and an epilogue."""
    cases: list[Case] = []
    for transpose_a, transpose_b in LAYOUTS:
        attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
        cases.append(case("matmul", "float32", UNITS, attrs))
    sums = {"transpose_a": 1, "transpose_b": 0, "bias": 1, "column_sum": 1}
    cases.append(case("gemm", "float32", UNITS, {**sums, "activation": "relu"}))
    return cases


def epilogue_cases() -> list[Case]:
    """Bias, activation, dropout, gradient and column sums in all combinations."""
    cases: list[Case] = []
    layouts = cycle((*LAYOUTS, (0, 0)))
    dtypes = cycle(("float32", "float32", "float32", "float64", "float32"))
    for bias, activation, grad in product((0, 1), ACTIVATIONS, ACTIVATIONS):
        for dropout, column_sum in ((0.0, 0), (0.3, 0), (0.0, 1)):
            transpose_a, transpose_b = next(layouts)
            attrs: dict[str, Any] = {
                "transpose_a": transpose_a,
                "transpose_b": transpose_b,
                "bias": bias,
                "column_sum": column_sum,
            }
            named = {"activation": activation, "grad": grad, "dropout": dropout}
            attrs.update({name: value for name, value in named.items() if value})
            cases.append(case("gemm", next(dtypes), next(EPILOGUE_SHAPES), attrs))
    return cases


# Batch, M, N, K: nothing, one product, many small ones, few large ones, products that
# need scratch memory and those that are cut.
BATCHES: tuple[tuple[int, int, int, int], ...] = (
    (0, 2, 3, 4),
    (3, 0, 2, 2),
    (3, 2, 5, 0),
    (1, 7, 5, 9),
    (5, 1, 1, 1),
    (4, 1, 70, 9),
    (4, 70, 1, 33),
    (1000, 2, 2, 2),
    (300, 9, 17, 6),
    (24, 33, 40, 21),
    (6, 13, 130, 90),
    (3, 45, 10, 203),
    (12, 128, 128, 64),
    (2, 150, 170, 190),
    (2, 6, 30, 5000),
)


def batch_cases() -> list[Case]:
    """Every batch in every layout, as float32 and, in one of them, float64."""
    cases: list[Case] = []
    for number, (batch, m, n, k) in enumerate(BATCHES):
        for index, (transpose_a, transpose_b) in enumerate(LAYOUTS):
            attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
            dtypes = ["float32", "float64"]
            for dtype in dtypes if index == number % len(LAYOUTS) else dtypes[:1]:
                pair = operands(dtype, m, n, k, attrs)
                inputs = [(name, (batch, *shape)) for name, shape in pair]
                cases.append({"op": "batch_matmul", "inputs": inputs, "attrs": attrs})
    return cases


CASES: list[Case] = (
    layout_cases()
    + unit_cases()
    + epilogue_cases()
    + packed_epilogue_cases()
    + batch_cases()
)
