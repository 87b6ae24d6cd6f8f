"""Problems for the losses: dense and sparse, rows of every width."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

SHAPES: tuple[tuple[int, ...], ...] = (
    (10,),
    (0, 10),
    (1, 1),
    (128, 10),
    (5, 15),
    (5, 16),
    (5, 17),
    (3, 4, 33),
    (7, 1000),
    (700, 100),
    (4200, 3),
    (3, 1028),
    (2, 5001),
)


def loss_cases() -> list[Case]:
    """Each loss over both float dtypes; sparse ones with good and bad labels."""
    cases: list[Case] = []
    for dtype in ("float32", "float64"):
        for shape in SHAPES:
            width = shape[-1]
            for op, kind in (
                ("softmax_cross_entropy", "normal"),
                ("cross_entropy", "probabilities"),
                ("cross_entropy", "unit"),
            ):
                for targets in ("probabilities", "unit"):
                    inputs = [(dtype, shape, kind), (dtype, shape, targets)]
                    cases.append({"op": op, "inputs": inputs, "attrs": {}})
            for op, kind in (
                ("sparse_softmax_cross_entropy", "normal"),
                ("sparse_cross_entropy", "probabilities"),
            ):
                for label in ("int32", "int64"):
                    for low, high in ((0, width), (-1, width + 1)):
                        labels = (label, shape[:-1], ("int", low, high))
                        inputs = [(dtype, shape, kind), labels]
                        cases.append({"op": op, "inputs": inputs, "attrs": {}})
    return cases


CASES: list[Case] = loss_cases()
