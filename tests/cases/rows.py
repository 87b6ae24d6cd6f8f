"""Problems for row_sums and the updates of rows: repeated, bad and no indices."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

# Table shape, index shape, range of the indices.
TABLES: tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, int]], ...] = (
    ((5,), (), (0, 5)),
    ((5,), (7,), (-2, 7)),
    ((5, 3), (0,), (0, 1)),
    ((5, 0), (4,), (0, 5)),
    ((0, 3), (4,), (0, 3)),
    ((1, 17), (33,), (0, 1)),
    ((9, 16), (3, 4), (-1, 11)),
    ((9, 4, 5), (2, 3), (0, 9)),
    ((50, 67), (200,), (7, 8)),
    ((300, 70), (500,), (-5, 310)),
    ((1000, 64), (30, 20), (0, 1000)),
    ((100000, 9), (3000,), (-9, 100000)),
    ((3000, 1), (5000,), (0, 3000)),
)
# Rule, attributes, kinds of its slots.
RULES: tuple[tuple[str, Case, tuple[str, ...]], ...] = (
    ("sgd_row_update", {}, ()),
    ("adagrad_row_update", {"epsilon": 1e-7}, ("positive",)),
    (
        "adam_row_update",
        {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7, "amsgrad": 0},
        ("normal", "positive"),
    ),
    (
        "adam_row_update",
        {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-3, "amsgrad": 1},
        ("normal", "positive", "positive"),
    ),
)


def operands(
    table: tuple[int, ...], shape: tuple[int, ...], span: tuple[int, int], index: str,
    dtype: str,
) -> list[Any]:  # fmt: skip
    """grad and indices."""
    return [(dtype, shape + table[1:]), (index, shape, ("int", *span))]


def update_case(
    rule: tuple[str, Case, tuple[str, ...]], grad: list[Any], table: tuple[int, ...],
    dtype: str, has_scale: int, clip_value: float,
) -> Case:  # fmt: skip
    """One update."""
    op, attrs, slots = rule
    inputs: list[Any] = [("float32", (), "unit")]
    if has_scale:
        inputs.append(("float32", (1,), "unit"))
    inputs += [*grad, (dtype, table), *((dtype, table, kind) for kind in slots)]
    attrs = attrs | {"has_scale": has_scale, "clip_value": clip_value}
    return {"op": op, "inputs": inputs, "attrs": attrs}


def row_cases() -> list[Case]:
    """Every rule and table, with both dtypes of indices and of values."""
    cases: list[Case] = []
    for table, shape, span in TABLES:
        for index, dtype in (
            ("int32", "float32"), ("int64", "float32"), ("int64", "float64"),
        ):  # fmt: skip
            grad = operands(table, shape, span, index, dtype)
            attrs = {"rows": table[0]}
            cases.append({"op": "row_sums", "inputs": grad, "attrs": attrs})
            for rule in RULES:
                cases.append(update_case(rule, grad, table, dtype, 0, 0.0))
    table, shape, span = TABLES[9]
    for rule in RULES:
        for dtype in ("float32", "float64"):
            grad = operands(table, shape, span, "int32", dtype)
            for options in ((1, 0.0), (0, 0.3), (1, 0.3)):
                cases.append(update_case(rule, grad, table, dtype, *options))
    return cases


CASES: list[Case] = row_cases()
