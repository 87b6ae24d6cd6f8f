"""Problems for layer and RMS normalization: rows of every width, few rows and many."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

SHAPES: tuple[tuple[int, ...], ...] = (
    (10,),
    (0, 10),
    (5, 0),
    (1, 1),
    (128, 10),
    (3, 7),
    (3, 15),
    (3, 16),
    (33, 17),
    (2, 3, 100),
    (5, 1000),
    (700, 257),
    (3, 1028),
    (2, 5001),
)
FLAGS = ((0, 0), (1, 1), (1, 0), (0, 1))


def forward(op: str, dtype: str, shape: tuple[int, ...], kind: str) -> list[Case]:
    """A call for each set of operands."""
    found = []
    for scale, center in FLAGS:
        if op == "rms_norm" and center:
            continue
        extra = [(dtype, shape[-1:])] * (scale + center)
        attrs: dict[str, Any] = {"epsilon": 1e-3, "scale": scale, "center": center}
        if op == "rms_norm":
            del attrs["center"]
        found.append(
            {"op": op, "inputs": [(dtype, shape, kind), *extra], "attrs": attrs}
        )
    return found


def backward(op: str, dtype: str, shape: tuple[int, ...], kind: str) -> list[Case]:
    """The same of its gradient."""
    centred = op == "layer_norm_grad"
    found = []
    for scale, center in FLAGS:
        if center and not centred:
            continue
        inputs = [(dtype, shape, kind), (dtype, shape, kind)]
        inputs += [(dtype, shape[:-1], "signed_unit")] * centred
        inputs += [(dtype, shape[:-1], "positive")]
        inputs += [(dtype, shape[-1:], "normal")] * scale
        attrs = {"scale": scale, "center": center} if centred else {"scale": scale}
        found.append({"op": op, "inputs": inputs, "attrs": attrs})
    return found


CASES: list[Case] = [
    case
    for dtype in ("float32", "float64")
    for shape in SHAPES
    for kind in ("normal", "infinite")
    for op, cases in (
        ("layer_norm", forward),
        ("rms_norm", forward),
        ("layer_norm_grad", backward),
        ("rms_norm_grad", backward),
    )
    for case in cases(op, dtype, shape, kind)
] + [
    {
        "op": op,
        "inputs": [("float32", (50, 300), "far")],
        "attrs": {"epsilon": 1e-3},
    }
    for op in ("layer_norm", "rms_norm")
]
