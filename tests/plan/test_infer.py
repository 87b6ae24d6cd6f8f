"""The one gate: results of every family, and what it says about wrong calls."""

from __future__ import annotations

from typing import Any

import pytest

import infer_images
from pydl import _core

Spec = tuple[str, tuple[int, ...]]

F = "float32"
SEED: Spec = ("uint32", (2,))
LR: Spec = (F, ())
V: Spec = (F, (3,))


def f32(*shape: int) -> Spec:
    return (F, shape)


def i32(*shape: int) -> Spec:
    return ("int32", shape)


def i64(*shape: int) -> Spec:
    return ("int64", shape)


def boolean(*shape: int) -> Spec:
    return ("bool", shape)


FAULT: Spec = ("int64", (1,))
CHAIN = "mul 0 #0.5;add 2 1;relu 3"
EXP: dict[str, Any] = {"steps": "exp 0", "results": [1]}

GOOD: list[tuple[str, list[Spec], dict[str, Any], list[Spec]]] = [
    *infer_images.GOOD,
    ("exp", [f32(2, 3)], {}, [f32(2, 3)]),
    ("neg", [i32(2)], {}, [i32(2)]),
    ("isfinite", [f32(2)], {}, [boolean(2)]),
    ("add", [f32(2, 1), f32(3)], {}, [f32(2, 3)]),
    ("add", [f32(-1, 10), f32(10)], {}, [f32(-1, 10)]),
    ("add", [f32(-1, 10), f32(32, 1)], {}, [f32(32, 10)]),
    ("add", [f32(0, 3), f32(1, 3)], {}, [f32(0, 3)]),
    ("less", [i32(4), i32()], {}, [boolean(4)]),
    ("where", [boolean(3), i32(2, 1), i32()], {}, [i32(2, 3)]),
    ("cast", [boolean(3)], {"dtype": "float64"}, [("float64", (3,))]),
    ("chain", [f32(2, 3), f32(3)], {"steps": CHAIN, "results": [4]}, [f32(2, 3)]),
    (
        "chain",
        [f32(2), boolean(2)],
        {"steps": "where 1 0 #-inf;exp 2", "results": [3, 2]},
        [f32(2), f32(2)],
    ),
    (
        "chain",
        [f32(2, 3), f32(3)],
        {
            "steps": "mul 0 1",
            "results": [2, 2],
            "reduce": "reduce_sum;none",
            "axes": [0],
        },
        [f32(3), f32(2, 3)],
    ),
    (
        "chain",
        [f32(-1, 3)],
        {
            "steps": "exp 0",
            "results": [1],
            "reduce": "reduce_max",
            "axes": [0, 1],
            "keepdims": 1,
        },
        [f32(1, 1)],
    ),
    (
        "layer_norm",
        [f32(2, 3), f32(3), f32(3)],
        {"epsilon": 0.1, "scale": 1, "center": 1},
        [f32(2, 3), f32(2), f32(2)],
    ),
    (
        "layer_norm_grad",
        [f32(-1, 4, 3), f32(-1, 4, 3), f32(-1, 4), f32(-1, 4)],
        {"center": 1},
        [f32(-1, 4, 3), f32(3)],
    ),
    (
        "rms_norm",
        [f32(3), f32(3)],
        {"epsilon": 0.0, "scale": 1},
        [f32(3), f32()],
    ),
    (
        "rms_norm_grad",
        [f32(2, 3), f32(2, 3), f32(2), f32(3)],
        {"scale": 1},
        [f32(2, 3), f32(3)],
    ),
    ("reshape", [f32(2, 6)], {"shape": [3, -1]}, [f32(3, 4)]),
    ("reshape", [f32(-1, 8, 8)], {"shape": [-1, 64]}, [f32(-1, 64)]),
    ("reshape", [f32(0, 4)], {"shape": [-1, 2]}, [f32(0, 2)]),
    ("transpose", [f32(2, 3, 4)], {"perm": [2, 0, 1]}, [f32(4, 2, 3)]),
    ("transpose", [f32()], {"perm": []}, [f32()]),
    ("broadcast_to", [f32(3)], {"shape": [2, 3]}, [f32(2, 3)]),
    ("broadcast_to", [f32(-1, 1)], {"shape": [-1, 3]}, [f32(-1, 3)]),
    ("concatenate", [f32(2, 3), f32(2, 1)], {"axis": 1}, [f32(2, 4)]),
    ("concatenate", [f32(-1, 3), f32(2, 1)], {"axis": 1}, [f32(2, 4)]),
    ("concatenate", [f32(-1, 3), f32(2, 3)], {"axis": 0}, [f32(-1, 3)]),
    (
        "slice",
        [f32(5, 4)],
        {"begin": [1, 0], "end": [5, 4], "stride": [2, 3]},
        [f32(2, 2)],
    ),
    ("slice", [f32(5)], {"begin": [0], "end": [5], "stride": [2**62]}, [f32(1)]),
    ("slice", [f32(-1)], {"begin": [1], "end": [-1], "stride": [1]}, [f32(-1)]),
    ("pad", [f32(2)], {"low": [1], "high": [3], "value": 0.5}, [f32(6)]),
    ("full", [], {"shape": [2], "dtype": "int8", "value": -128}, [("int8", (2,))]),
    ("one_hot", [i32(2)], {"depth": 10, "dtype": F}, [f32(2, 10)]),
    ("reduce_sum", [f32(2, 3, 4)], {"axes": [0, 2]}, [f32(3)]),
    ("reduce_max", [f32(2, 3)], {"axes": [1], "keepdims": 1}, [f32(2, 1)]),
    ("reduce_mean", [f32(0, 3)], {"axes": []}, [f32(0, 3)]),
    ("argmax", [f32(2, 3)], {"axis": 1}, [i32(2)]),
    ("matmul", [f32(2, 3), f32(3, 4)], {}, [f32(2, 4)]),
    (
        "matmul",
        [f32(3, 2), f32(4, 3)],
        {"transpose_a": 1, "transpose_b": 1},
        [f32(2, 4)],
    ),
    ("matmul", [f32(-1, 3), f32(3, 4)], {}, [f32(-1, 4)]),
    (
        "gemm",
        [f32(2, 3), f32(3, 4), f32(4), f32(2, 4), SEED],
        {"bias": 1, "grad": "relu", "dropout": 0.5, "column_sum": 1},
        [f32(2, 4), f32(4)],
    ),
    ("softmax", [f32(2, 3)], {}, [f32(2, 3)]),
    ("softmax_cross_entropy", [f32(2, 3), f32(2, 3)], {}, [f32(2), f32(2, 3)]),
    ("sparse_cross_entropy", [f32(2, 3), i32(2)], {}, [f32(2), f32(2, 3), FAULT]),
    ("sparse_cross_entropy", [f32(-1, 3), i32(2)], {}, [f32(2), f32(2, 3), FAULT]),
    ("take", [f32(10, 4), i32(2, 3)], {}, [f32(2, 3, 4), FAULT]),
    ("take_grad", [f32(2, 3, 4), i32(2, 3)], {"rows": 10}, [f32(10, 4)]),
    ("flip", [f32(2, 3)], {"axes": [0, 1]}, [f32(2, 3)]),
    ("flip", [("bfloat16", ())], {"axes": []}, [("bfloat16", ())]),
    ("dynamic_slice", [f32(4, 5), i64(2)], {"sizes": [4, 0]}, [f32(4, 0)]),
    ("dynamic_slice", [f32(-1, 5), i64(2)], {"sizes": [9, 2]}, [f32(9, 2)]),
    ("dynamic_update_slice", [f32(4), f32(2), i64(1)], {}, [f32(4)]),
    ("take_along_axis", [f32(4, 5), i32(1, 2)], {"axis": 1}, [f32(4, 2), FAULT]),
    ("take_along_axis", [f32(-1, 5), i32(-1, 2)], {"axis": 1}, [f32(-1, 2), FAULT]),
    (
        "take_along_axis_grad",
        [f32(4, 2), i32(4, 2)],
        {"axis": 1, "size": 5},
        [f32(4, 5)],
    ),
    ("gather_nd", [f32(4, 5, 6), i64(3, 2)], {}, [f32(3, 6), FAULT]),
    ("gather_nd", [f32(-1, 6), i64(-1, 1)], {}, [f32(-1, 6), FAULT]),
    ("scatter_nd", [i64(3, 1), i32(3, 6)], {"shape": [9, 6]}, [i32(9, 6), FAULT]),
    ("scatter_update", [f32(4, 6), i64(3, 1), f32(3, 6)], {}, [f32(4, 6), FAULT]),
    ("cumsum", [i32(2, 3)], {"axis": 1}, [i32(2, 3)]),
    ("cumprod", [f32(-1, 3)], {"axis": 0, "reverse": 1}, [f32(-1, 3)]),
    ("sort", [f32(-1, 3)], {}, [f32(-1, 3)]),
    ("argsort", [f32(2, 3)], {}, [i32(2, 3)]),
    ("top_k", [f32(2, 3)], {"k": 2}, [f32(2, 2), i32(2, 2)]),
    ("searchsorted", [f32(9), f32(2, 3)], {}, [i32(2, 3)]),
    ("searchsorted", [f32(2, 9), f32(2, 3)], {"right": 1}, [i32(2, 3)]),
    (
        "random_uniform",
        [SEED],
        {"shape": [3], "dtype": F, "low": 0, "high": 1.5},
        [f32(3)],
    ),
    (
        "truncated_normal",
        [SEED],
        {"shape": [], "dtype": F, "mean": 0.0, "stddev": 1.0},
        [f32()],
    ),
    ("dropout", [f32(3), SEED], {"rate": 0.0}, [f32(3)]),
    ("sgd_update", [LR, V, V, V], {"n": 1, "momentum": 0.9, "nesterov": 1}, [V, V]),
    (
        "adam_update",
        [LR, f32(1), LR, V, V, V, V],
        {
            "n": 1,
            "beta1": 0.9,
            "beta2": 0.999,
            "epsilon": 1e-7,
            "has_scale": 1,
            "has_decay": 1,
            "decay_mask": [1],
        },
        [V, V, V],
    ),
    (
        "rmsprop_update",
        [LR, V, V, V, V, V],
        {"n": 1, "rho": 0.9, "momentum": 0.5, "epsilon": 1e-7, "centered": 1},
        [V, V, V, V],
    ),
    ("adagrad_update", [LR, V, V, V], {"n": 1, "epsilon": 1e-7}, [V, V]),
    ("square_norms", [V, ("float64", (2, 2))], {}, [f32(2)]),
    ("row_sums", [f32(2, 3, 4), i32(2, 3)], {"rows": 9}, [f32(2, 3, 4)]),
    ("row_sums", [f32(-1, 4), i64(-1)], {"rows": 9}, [f32(-1, 4)]),
    ("sgd_row_update", [LR, f32(2, 3), i32(2), f32(9, 3)], {}, [f32(9, 3)]),
    (
        "adagrad_row_update",
        [LR, f32(1), f32(2), i64(2), f32(9), f32(9)],
        {"epsilon": 0, "has_scale": 1},
        [f32(9), f32(9)],
    ),
    ("if", [FAULT], {"skip": 3}, []),
    ("loop", [FAULT, FAULT], {"body": 3}, []),
]


@pytest.mark.parametrize(("op", "inputs", "attrs", "expected"), GOOD)
def test_results(
    op: str, inputs: list[Spec], attrs: dict[str, Any], expected: list[Spec]
) -> None:
    assert _core.infer(op, inputs, attrs) == expected
    assert _core.flops(op, inputs, expected, attrs) >= 0.0


def test_every_family_is_tried() -> None:
    families = dict(_core.opcodes())
    assert {families[row[0]] for row in GOOD} == set(families.values())


BAD: list[tuple[str, list[Spec], dict[str, Any], str]] = [
    *infer_images.BAD,
    (
        "matmul",
        [f32(32, 784), f32(128, 64)],
        {},
        "matmul: inner dimensions must match, received a (32, 784) and b (128, 64): "
        "784 != 128",
    ),
    (
        "matmul",
        [f32(4, 2), f32(3, 5)],
        {"transpose_a": 1, "transpose_b": 1},
        "received a (4, 2) transposed and b (3, 5) transposed: 4 != 5",
    ),
    (
        "matmul",
        [f32(4), f32(4, 2)],
        {},
        "matmul: operands must have rank 2, received a (4,) and b (4, 2)",
    ),
    (
        "matmul",
        [f32(2, 2), ("float64", (2, 2))],
        {},
        "matmul: dtypes must be equal, "
        "received a float32 (2, 2) and b float64 (2, 2); cast one of them",
    ),
    (
        "add",
        [f32(3, 4), f32(5)],
        {},
        "add: shapes do not broadcast, received (3, 4) and (5,): axis -1 has 4 and 5",
    ),
    ("add", [f32(3)], {}, "add: expected 2 operands (a, b), received 1"),
    ("exp", [i32(3)], {}, "exp: x must be a float type, received int32"),
    ("neg", [("uint8", (3,))], {}, "neg: x must be a float or a signed"),
    ("exp", [f32(3)], {"axis": 1}, "exp: unknown attribute 'axis'; attributes: none"),
    ("exp", [f32(-2)], {}, "exp: operand 0 has a negative dimension, received -2"),
    ("exp", [f32(*[1] * 9)], {}, "exp: operand 0 may have at most 8 dimensions"),
    ("exp", [f32(2**31, 2**31)], {}, "exp: operand 0 is too large"),
    ("exp", [f32(0, 2**62, 4)], {}, "too large"),
    ("where", [f32(3), f32(3), f32(3)], {}, "where: condition must be bool"),
    ("cast", [f32(3)], {}, "cast: missing attribute 'dtype', a string"),
    ("cast", [f32(3)], {"dtype": "complex64"}, "received 'complex64'"),
    ("cast", [f32(3)], {"dtype": 3}, "attribute 'dtype' must be a string, received 3"),
    ("chain", [f32(3)], {"steps": "exp 1", "results": [1]}, "reads register 1"),
    ("chain", [f32(3)], {"steps": "exp -1", "results": [1]}, "bad argument '-1'"),
    ("chain", [f32(3)], {"steps": "exp 0 0", "results": [1]}, "too many arguments"),
    ("chain", [f32(3)], {"steps": "add 0", "results": [1]}, "has 1 arguments"),
    ("chain", [f32(3)], {"steps": "", "results": [1]}, "names no op"),
    ("chain", [f32(3)], {"steps": "exp 0;", "results": [1]}, "names no op"),
    ("chain", [f32(3)], {"steps": "exp  0", "results": [1]}, "bad argument ''"),
    ("chain", [f32(3)], {"steps": "cast 0", "results": [1]}, "may be fused"),
    ("chain", [f32(3)], {"steps": "matmul 0 0", "results": [1]}, "may be fused"),
    ("chain", [f32(3)], {"steps": "exp #0x1", "results": [1]}, "bad literal '#0x1'"),
    ("chain", [f32(3)], {"steps": "exp 0", "results": [0]}, "in [1, 2), received 0"),
    ("chain", [f32(3)], {"steps": "exp 0", "results": []}, "1 to 8 registers"),
    ("chain", [f32(3)], {"steps": ";".join(["exp 0"] * 65), "results": [1]}, "64 s"),
    ("chain", [f32(3)] * 17, {"steps": "exp 0", "results": [17]}, "1 to 16 operands"),
    ("chain", [boolean(3)], {"steps": "exp 0", "results": [1]}, "received only bool"),
    ("chain", [f32(3)], {**EXP, "reduce": "sum"}, "received 'sum'"),
    ("chain", [f32(3)], {**EXP, "reduce": "none"}, "received only 'none'"),
    ("chain", [f32(3)], {**EXP, "reduce": "none;reduce_sum"}, "of 1 results, received"),
    ("chain", [f32(3)], {**EXP, "reduce": "reduce_sum", "axes": [1]}, "axes"),
    ("chain", [f32(0)], {**EXP, "reduce": "reduce_max", "axes": [0]}, "empty axis"),
    ("layer_norm", [f32(2, 3)], {"epsilon": -1.0}, "'epsilon' must be finite and at"),
    ("layer_norm", [f32(2, 3)], {"epsilon": 0.1, "scale": 1}, "operands (x, gamma)"),
    ("layer_norm", [f32()], {"epsilon": 0.1}, "x must have at least one axis"),
    ("layer_norm", [i32(3)], {"epsilon": 0.1}, "x"),
    ("rms_norm", [f32(2, 3), f32(2)], {"epsilon": 0.1, "scale": 1}, "gamma"),
    ("rms_norm", [f32(3)], {"epsilon": 0.1, "center": 1}, "unknown attribute"),
    ("rms_norm_grad", [f32(3)], {}, "expected operand x, received 1"),
    ("layer_norm_grad", [f32(3), f32(3), f32(3), f32()], {}, "mean"),
    ("chain", [f32(3)], {"steps": "exp 99999999999", "results": [1]}, "bad argument"),
    (
        "reshape",
        [f32(2, 6)],
        {"shape": [5, -1]},
        "reshape: cannot reshape (2, 6) with 12 elements to (5, None)",
    ),
    ("reshape", [f32(2)], {"shape": [-1, -1]}, "at most one of them -1"),
    ("reshape", [f32(0)], {"shape": [0, -1]}, "cannot reshape"),
    ("transpose", [f32(2, 3)], {"perm": [0, 0]}, "each axis of x (2, 3) once"),
    ("transpose", [f32(2, 3)], {"perm": [0, 2]}, "received (0, 2)"),
    ("broadcast_to", [f32(3)], {"shape": [4]}, "cannot broadcast x (3,) to (4,)"),
    ("broadcast_to", [f32(3)], {"shape": [-1, 3]}, "result 0 has an unknown dimension"),
    ("concatenate", [], {"axis": 0}, "one or more operands"),
    ("concatenate", [f32(2, 3), f32(3, 3)], {"axis": 1}, "equal except on axis 1"),
    ("concatenate", [f32(2)], {"axis": -1}, "attribute 'axis' must be in [0, 1)"),
    ("slice", [f32(5)], {"begin": [0], "end": [6], "stride": [1]}, "end 6, stride 1"),
    ("slice", [f32(5)], {"begin": [0], "end": [5], "stride": [0]}, "stride >= 1"),
    ("slice", [f32(5)], {"begin": [], "end": [5], "stride": [1]}, "one entry per axis"),
    ("pad", [f32(2)], {"low": [2**63 - 1], "high": [1], "value": 0}, "addressable"),
    ("full", [], {"shape": [2], "dtype": "uint8", "value": 256}, "a value of uint8"),
    ("full", [], {"shape": [2], "dtype": "int32", "value": 0.5}, "a value of int32"),
    ("full", [], {"shape": [2], "dtype": "int32", "value": float("nan")}, "a value of"),
    ("full", [], {"shape": [-1], "dtype": F, "value": 0}, "must be >= 0, received -1"),
    ("full", [], {"shape": [2**40, 2**40], "dtype": F, "value": 0}, "too large"),
    ("one_hot", [i32(2)], {"depth": -1, "dtype": F}, "'depth' must be >= 0"),
    ("one_hot", [i32(2**40)], {"depth": 2**40, "dtype": F}, "result 0 is too large"),
    ("reduce_sum", [f32(2, 3)], {"axes": [1, 0]}, "must be sorted, each axis once"),
    ("reduce_sum", [f32(2, 3)], {"axes": [2]}, "in [0, 2) for a value of rank 2"),
    ("reduce_sum", [f32(2)], {}, "missing attribute 'axes', a list of integers"),
    ("reduce_max", [f32(0, 3)], {"axes": [0]}, "has no value over an empty axis"),
    ("argmax", [f32(0)], {"axis": 0}, "argmax: has no value over an empty axis"),
    (
        "gemm",
        [f32(2, 3), f32(3, 4)],
        {"bias": 1},
        "gemm: expected 3 operands (a, b, bias) for these attributes, received 2",
    ),
    (
        "gemm",
        [f32(2, 3), f32(3, 4), f32(3)],
        {"bias": 1},
        "bias must be float32 (4,), received float32 (3,)",
    ),
    ("gemm", [f32(2, 3), f32(3, 4)], {"activation": "gelu"}, "received 'gelu'"),
    ("gemm", [f32(2, 3), f32(3, 4)], {"dropout": 1.0}, "must be in (0, 1), received 1"),
    ("gemm", [f32(2, 3), f32(3, 4)], {"dropout": float("nan")}, "received nan"),
    ("softmax", [f32()], {}, "softmax: x must have at least one axis, received ()"),
    (
        "sparse_softmax_cross_entropy",
        [f32(2, 3), i32(2, 1)],
        {},
        "labels must have shape (2,) for logits (2, 3), received (2, 1)",
    ),
    ("sparse_softmax_cross_entropy", [f32(2, 3), f32(2)], {}, "must be int32 or"),
    ("cross_entropy", [f32(2, 3), f32(2, 4)], {}, "targets must have the shape of"),
    ("cross_entropy", [f32(2, 0), f32(2, 0)], {}, "with at least one class"),
    ("take", [f32(), i32(2)], {}, "take: x must have at least one axis"),
    ("flip", [f32(2, 3)], {"axes": [1, 0]}, "must be sorted, each axis once"),
    ("flip", [f32(2, 3)], {"axes": [2]}, "in [0, 2) for a value of rank 2"),
    ("dynamic_slice", [f32(4), i64(1)], {"sizes": [5]}, "between 0 and the dimensions"),
    ("dynamic_slice", [f32(4), i64(1)], {"sizes": [-1]}, "between 0 and the dimensi"),
    ("dynamic_slice", [f32(4), i64(1)], {"sizes": []}, "one entry per axis"),
    ("dynamic_slice", [f32(4), i32(1)], {"sizes": [2]}, "start must be int64 (1,)"),
    ("dynamic_slice", [f32(4), i64(2)], {"sizes": [2]}, "start must be int64 (1,)"),
    ("dynamic_update_slice", [f32(4), f32(5), i64(1)], {}, "fit into it"),
    ("dynamic_update_slice", [f32(4), f32(1, 1), i64(1)], {}, "the rank of x (4,)"),
    ("dynamic_update_slice", [f32(4), i32(2), i64(1)], {}, "dtypes must be equal"),
    ("take_along_axis", [f32(4, 5), i32(4)], {"axis": 0}, "the rank of x (4, 5)"),
    ("take_along_axis", [f32(4, 5), i32(3, 9)], {"axis": 1}, "do not broadcast"),
    ("take_along_axis", [f32(4), f32(3)], {"axis": 0}, "indices must be int32 or"),
    ("take_along_axis", [f32(4), i32(3)], {"axis": 1}, "'axis' must be in [0, 1)"),
    (
        "take_along_axis_grad",
        [f32(4, 2), i32(4, 3)],
        {"axis": 1, "size": 5},
        "indices must have the shape of grad_out (4, 2), received (4, 3)",
    ),
    ("take_along_axis_grad", [f32(4), i32(4)], {"axis": 0, "size": -1}, "must be >= 0"),
    ("gather_nd", [f32(4), i64(3, 2)], {}, "at most the rank of (4,)"),
    ("gather_nd", [f32(4), i64()], {}, "must have a last axis of known size"),
    ("scatter_nd", [i64(3, 1), f32(3, 6)], {"shape": [9, 5]}, "shape (3, 5)"),
    ("scatter_nd", [i64(3, 1), boolean(3)], {"shape": [9]}, "or an integer type"),
    ("scatter_nd", [i64(3, 1), f32(3)], {"shape": [-9]}, "must be >= 0"),
    ("scatter_update", [f32(4), i64(3, 1), f32(2)], {}, "updates must have shape (3,)"),
    ("scatter_update", [f32(4), i64(3, 1), i32(3)], {}, "dtypes must be equal"),
    ("cumsum", [f32(4)], {"axis": 1}, "attribute 'axis' must be in [0, 1)"),
    ("cumsum", [boolean(4)], {"axis": 0}, "or an integer type, received bool"),
    ("cumsum", [f32(4)], {"axis": 0, "reverse": 2}, "must be 0 or 1"),
    ("sort", [f32()], {}, "sort: x must have at least one axis"),
    ("argsort", [f32(2**31)], {}, "argsort: indices are int32"),
    ("top_k", [f32(3)], {"k": 4}, "attribute 'k' must be between 0 and the size of"),
    ("top_k", [f32(3)], {"k": -1}, "attribute 'k' must be between 0 and the size of"),
    ("top_k", [f32(3)], {}, "missing attribute 'k', an integer"),
    ("searchsorted", [f32(2, 9), f32(3, 3)], {}, "sorted must have one axis, or all"),
    ("searchsorted", [f32(2, 9), f32(3)], {}, "sorted must have one axis, or all"),
    ("searchsorted", [f32(9), i32(3)], {}, "dtypes must be equal"),
    ("take", [f32(2, 2), f32(2)], {}, "take: indices must be int32 or int64"),
    ("take", [f32(*[1] * 5), i32(*[1] * 5)], {}, "take: result 0 may have at most 8"),
    ("take_grad", [f32(2, 4), i32(3)], {"rows": 5}, "must begin with the shape of"),
    ("take_grad", [f32(2), i32(2, 3)], {"rows": 5}, "must begin with the shape of"),
    (
        "random_uniform",
        [i32(2)],
        {"shape": [3], "dtype": F, "low": 0, "high": 1},
        "seed must be uint32 (2,), received int32 (2,)",
    ),
    (
        "random_uniform",
        [SEED],
        {"shape": [3], "dtype": F, "low": 1, "high": 1},
        "'low' must be less than 'high'",
    ),
    (
        "random_normal",
        [SEED],
        {"shape": [3], "dtype": F, "mean": 0, "stddev": -1},
        "'stddev' must be finite and at least 0, received -1",
    ),
    ("dropout", [f32(3), SEED], {"rate": 1}, "must be in [0, 1), received 1"),
    ("sgd_update", [LR, V, V], {"n": 2**62, "momentum": 0}, "n = 4611686018427387904"),
    ("sgd_update", [], {"n": 1, "momentum": 0}, "received 0 operands"),
    (
        "sgd_update",
        [LR, V, f32(4)],
        {"n": 1, "momentum": 0},
        "the gradient of variable 0 must be float32 (3,), received float32 (4,)",
    ),
    ("sgd_update", [("float64", ()), V, V], {"n": 1, "momentum": 0}, "lr must be f"),
    (
        "adam_update",
        [LR, V, V, V, V],
        {"n": 1, "beta1": 2, "beta2": 0, "epsilon": 0},
        "'beta1' must be finite in [0, 1], received 2",
    ),
    (
        "adagrad_update",
        [LR, LR, V, V, V],
        {"n": 1, "epsilon": 0, "has_decay": 1},
        "'decay_mask' must have n = 1 entries, received 0",
    ),
    ("square_norms", [i32(2)], {}, "must be a float type"),
    (
        "row_sums",
        [f32(2, 3), i32(3)],
        {"rows": 9},
        "grad must have shape (3, 3) for indices (3,) and rows of shape (3,), received",
    ),
    ("row_sums", [f32(), i32(3)], {"rows": 9}, "received ()"),
    ("row_sums", [f32(2), i32(2)], {"rows": -1}, "'rows' must be >= 0, received -1"),
    ("sgd_row_update", [LR, f32(2), i32(2)], {}, "expected 4 operands (lr, grad, in"),
    (
        "sgd_row_update",
        [LR, f32(2), i32(2), f32()],
        {},
        "the variable must have rows, received ()",
    ),
    (
        "sgd_row_update",
        [LR, f32(2, 3), i32(2), f32(9, 4)],
        {},
        "grad must have shape (2, 4)",
    ),
    (
        "adagrad_row_update",
        [LR, f32(2), i32(2), f32(9), f32(8)],
        {"epsilon": 0},
        "a slot must be float32 (9,), received float32 (8,)",
    ),
    (
        "sgd_row_update",
        [LR, LR, f32(2), i32(2), f32(9)],
        {"has_scale": 1},
        "scale must be float32 (1,)",
    ),
    ("loop", [i32(1)], {"body": 1}, "count must be int64 (1,), received int32 (1,)"),
    ("if", [FAULT], {"skip": 0}, "'skip' must be at least 1, received 0"),
]


@pytest.mark.parametrize(("op", "inputs", "attrs", "message"), BAD)
def test_refusals(
    op: str, inputs: list[Spec], attrs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as error:
        _core.infer(op, inputs, attrs)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{op}: ")


def test_arguments_of_the_wrong_kind() -> None:
    with pytest.raises(ValueError, match="unknown op 'nothing'"):
        _core.infer("nothing", [], {})
    with pytest.raises(TypeError, match="attribute 'x': expected an int, float, str"):
        _core.infer("exp", [f32(1)], {"x": object()})
    with pytest.raises(ValueError, match="an integer of 64 bits"):
        _core.infer("exp", [f32(2**63)], {})
    with pytest.raises(ValueError, match="dtype: expected one of float32"):
        _core.infer("exp", [("f4", (1,))], {})


def test_flops() -> None:
    a, b = f32(32, 784), f32(784, 64)
    assert _core.flops("matmul", [a, b], [f32(32, 64)], {}) == 2 * 32 * 784 * 64
    with pytest.raises(ValueError, match="outputs are not what infer says"):
        _core.flops("matmul", [a, b], [], {})
