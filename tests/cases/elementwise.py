"""Problems for the elementwise family: every op, length, broadcast and chain."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]
Operand = tuple[Any, ...]

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
# Around nothing, one element, one vector of each width, and odd tails.
LENGTHS = (0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 257, 1000)
UNARY = (
    "neg abs sign square sqrt rsqrt reciprocal exp expm1 log log1p tanh sigmoid "
    "softplus erf relu floor sin cos isfinite ceil round trunc tan asin acos atan sinh "
    "cosh asinh acosh atanh exp2 log2 log10 erfinv lgamma digamma"
).split()
#: Where a function is defined, or interesting.
DOMAIN = {
    **dict.fromkeys("sqrt rsqrt log log1p log2 log10".split(), "positive"),
    **dict.fromkeys("asin acos atanh erfinv".split(), "signed_unit"),
    **dict.fromkeys("ceil round trunc sinh cosh asinh exp2 tan".split(), "spread"),
    **dict.fromkeys("lgamma digamma".split(), "spread"),
    "acosh": "above_one",
}
BITWISE = "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()
ARITHMETIC = "add sub mul div maximum minimum".split()
COMPARISONS = "equal not_equal less less_equal greater greater_equal".split()
OUTPUT_GRADIENTS = "relu_grad sigmoid_grad tanh_grad".split()
# Operand shapes of one broadcast each.
BROADCASTS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((), ()),
    ((), (5,)),
    ((17,), (1,)),
    ((6, 33), (33,)),
    ((6, 33), (6, 1)),
    ((6, 1), (1, 33)),
    ((1, 7), (5, 1)),
    ((4, 3, 9), (3, 1)),
    ((4, 3, 9), (4, 1, 1)),
    ((4, 3, 9), (4, 1, 9)),
    ((4, 1, 9), (1, 3, 1)),
    ((2, 3, 1, 5), (4, 1)),
    ((2, 1, 2, 1, 2, 1, 2, 3), (2, 1, 2, 1, 2, 1)),
    ((0, 3), (3,)),
    ((3, 0), (3, 1)),
    ((130, 300), (300,)),
    ((130, 300), (130, 1)),
    ((300, 513), ()),
)


def case(op: str, *inputs: Operand, **attrs: Any) -> Case:
    """One row of the table."""
    return {"op": op, "inputs": list(inputs), "attrs": attrs}


def unary_cases() -> list[Case]:
    """Every unary op over lengths, dtypes and special values."""
    cases = []
    for op in UNARY:
        kind = DOMAIN.get(op, "normal")
        cases += [case(op, ("float32", (n,), kind)) for n in LENGTHS]
        cases += [case(op, ("float64", (n,), kind)) for n in (0, 1, 7, 8, 9, 257)]
        cases += [case(op, (dtype, (96,), "special")) for dtype in FLOATS]
        cases.append(case(op, ("float32", (40000,), kind)))
    for op in ("neg", "abs", "sign", "square", "relu"):
        for dtype in INTEGERS[:4]:
            cases.append(case(op, (dtype, (37,), ("int", -9, 9))))
    cases += [case("logical_not", ("bool", (n,), "bool")) for n in (0, 1, 33, 700)]
    return cases


def binary_cases() -> list[Case]:
    """Every binary op over lengths, dtypes and every kind of broadcast."""
    cases = []
    for op in ARITHMETIC + COMPARISONS:
        for dtype in FLOATS:
            for n in (0, 1, 5, 16, 17, 257):
                cases.append(case(op, (dtype, (n,)), (dtype, (n,))))
            cases.append(case(op, (dtype, (96,), "special"), (dtype, (96,), "special")))
        if op == "div":
            continue
        for dtype in INTEGERS:
            operand = (dtype, (41,), ("int", 0, 9))
            cases.append(case(op, operand, operand))
        for dtype in ("int32", "int64"):
            small = ("int", -50, 50)
            cases.append(case(op, (dtype, (1000,), small), (dtype, (1000,), small)))
            cases.append(case(op, (dtype, (6, 33), small), (dtype, (6, 1), small)))
    for op in ("add", "div", "maximum", "less", "equal"):
        for left, right in BROADCASTS:
            cases.append(case(op, ("float32", left), ("float32", right)))
            cases.append(case(op, ("float64", right), ("float64", left)))
    for op in ("equal", "not_equal", "less"):
        cases.append(case(op, ("bool", (65,), "bool"), ("bool", (65,), "bool")))
    for op in ("logical_and", "logical_or"):
        for left, right in BROADCASTS[:8]:
            cases.append(case(op, ("bool", left, "bool"), ("bool", right, "bool")))
    for dtype in FLOATS:
        for exponent in ("normal", "unit"):
            cases.append(
                case("pow", (dtype, (300,), "positive"), (dtype, (300,), exponent))
            )
        cases.append(case("pow", (dtype, (96,), "special"), (dtype, (96,), "special")))
        cases.append(case("pow", (dtype, (6, 33)), (dtype, (), "positive")))
        for base in ("normal", ("int", -2, 3)):  # of both signs and zeros
            exponents = (dtype, (330,), ("int", -5, 6))
            cases.append(case("pow", (dtype, (330,), base), exponents))
        for op in OUTPUT_GRADIENTS:
            for n in (0, 1, 16, 17, 1000):
                cases.append(case(op, (dtype, (n,)), (dtype, (n,))))
    return cases


def quotient_cases() -> list[Case]:
    """Remainders, quotients, powers and bits of integers; atan2."""
    cases = []
    for op in ("mod", "floor_div", "atan2"):
        for dtype in FLOATS:
            for n in (0, 1, 5, 16, 17, 257, 40000):
                cases.append(case(op, (dtype, (n,), "spread"), (dtype, (n,))))
            cases.append(case(op, (dtype, (96,), "special"), (dtype, (96,), "special")))
            cases.append(case(op, (dtype, (6, 33)), (dtype, (6, 1), "positive")))
            cases.append(case(op, (dtype, ()), (dtype, (33,))))
            cases.append(case(op, (dtype, (33,), "spread"), (dtype, (), "positive")))
    for op in ("mod", "floor_div", "pow", *BITWISE):
        for dtype in INTEGERS:
            low = 0 if dtype.startswith("u") else -9
            numbers, few = ("int", 10 * low, 100), ("int", low, 12)
            for n in (0, 1, 41, 1000):
                cases.append(case(op, (dtype, (n,), numbers), (dtype, (n,), few)))
            cases.append(case(op, (dtype, (6, 33), numbers), (dtype, (6, 1), few)))
            cases.append(case(op, (dtype, (), few), (dtype, (33,), few)))
        limits = ("int", -(2**31), 2**31)
        for few in (("int", -70, 70), ("int", -1, 2)):
            cases.append(case(op, ("int32", (500,), limits), ("int32", (500,), few)))
            cases.append(case(op, ("int64", (500,), limits), ("int64", (500,), few)))
    for dtype in INTEGERS:
        for n in (0, 1, 41, 1000):
            cases.append(case("bitwise_not", (dtype, (n,), ("int", 0, 100))))
    return cases


def other_cases() -> list[Case]:
    """`where`, `cast` and `copy`."""
    cases = []
    for dtype in (*FLOATS, "int32", "int64", "uint8", "bool"):
        kind = "bool" if dtype == "bool" else ("int", 0, 9)
        value = "normal" if dtype in FLOATS else kind
        for shape, condition in (
            ((33,), (33,)),
            ((6, 33), (33,)),
            ((6, 33), (6, 1)),
            ((6, 33), ()),
        ):
            cases.append(
                case(
                    "where",
                    ("bool", condition, "bool"),
                    (dtype, shape, value),
                    (dtype, shape[-1:], value),
                )
            )
        for n in (0, 1, 17, 40000):
            cases.append(case("copy", (dtype, (n,), value)))
    kinds = [(d, "normal") for d in FLOATS]
    kinds += [(d, ("int", 0, 100)) for d in INTEGERS] + [("bool", "bool")]
    for source, kind in kinds:
        for target in (*FLOATS, *INTEGERS, "bool"):
            cases.append(case("cast", (source, (67,), kind), dtype=target))
    for source in FLOATS:
        for target in ("int8", "int32", "int64", "uint8", "uint32", "bool", "float32"):
            cases.append(case("cast", (source, (96,), "special"), dtype=target))
    return cases


# (steps, results, operand shapes); "bool" marks a bool operand.
CHAINS: tuple[tuple[str, tuple[int, ...], tuple[Any, ...]], ...] = (
    ("mul 0 #0.5;add 2 1;relu 3", (4,), ((33,), (33,))),
    ("mul 0 #0.5;add 2 1;relu 3", (4,), ((130, 300), (300,))),
    ("mul 0 #0.5;add 2 1;relu 3", (4,), ((130, 300), (130, 1))),
    ("sub 0 1;square 2;mul 3 #0.25", (4, 2), ((64, 10), (64, 1))),
    ("add #1 #2", (1,), ((5,),)),
    ("copy 0", (1,), ((9,),)),
    ("greater 0 #0;where 1 0 #-1.5;isfinite 2", (2, 3), ((1000,),)),
    ("where 0 1 2", (3,), ("bool", (33,), (33,))),
    ("mul 0 1;equal 2 #0;add 3 2", (4, 5), ("bool", (6, 1), (33,))),
    ("exp 0;add 1 #1;log 2;tanh 3;sigmoid 0;mul 4 5", (6,), ((513,),)),
    ("logical_not 0;logical_or 1 0;logical_and 2 0", (1, 2, 3), ((77,),)),
    # The scalar arithmetic of a training step.
    (
        "add 0 #1;pow #0.9 2;sub #1 3;pow #0.999 2;sub #1 5;sqrt 6;mul 1 7;div 8 4",
        (9, 2),
        ((), ()),
    ),
    ("neg 0;abs 1;square 2;rsqrt 3;minimum 4 #3;maximum 5 #-3", (6,), ((4, 3, 9),)),
    ("relu_grad 0 1;tanh_grad 2 1;sigmoid_grad 3 1", (4,), ((999,), (999,))),
    ("mul 0 1;add 4 2;mul 5 3", (6,), ((4, 3, 9), (3, 1), (1, 1, 9), (4, 1, 1))),
    (
        "mod 0 #0.75;floor_div 1 #0.5;atan2 2 3;tan 4;ceil 5;round 2",
        (5, 6, 7),
        ((33,), (33,)),
    ),
    ("sinh 0;asinh 1;cosh 2;log2 3;exp2 4;lgamma 3;trunc 0", (5, 6, 7), ((130, 30),)),
    (";".join(f"add {k} #0.125" for k in range(64)), (64,), ((300,),)),
    (
        ";".join(f"add {k - 1 if k > 16 else 0} {k % 16}" for k in range(16, 32)),
        (31,),
        ((50,),) * 16,
    ),
)


def chain_cases() -> list[Case]:
    """Fused runs over both float dtypes."""
    cases = []
    for dtype in FLOATS:
        for steps, results, shapes in CHAINS:
            inputs: list[Operand] = []
            for shape in shapes:
                if shape == "bool":
                    inputs.append(("bool", (33,), "bool"))
                else:
                    inputs.append((dtype, shape))
            cases.append(case("chain", *inputs, steps=steps, results=list(results)))
        for n in LENGTHS:
            steps = "mul 0 0;sub 1 0;maximum 2 #0.5"
            cases.append(case("chain", (dtype, (n,)), steps=steps, results=[3, 1]))
    return cases


#: steps, results, reduce, the operands' shapes, axes.
REDUCED: tuple[tuple[Any, ...], ...] = (
    ("mul 0 1", (2,), "reduce_sum", ((10,), (10,)), [0]),
    ("mul 0 1", (2,), "reduce_sum", ((7, 33), (7, 33)), [1]),
    ("mul 0 1", (2,), "reduce_sum", ((7, 33), (7, 33)), [0]),
    ("sub 0 1;square 2", (3,), "reduce_mean", ((128, 10), (10,)), [1]),
    ("sub 0 1;square 2", (3,), "reduce_mean", ((128, 10), (10,)), [0]),
    ("sub 0 1;square 2", (3,), "reduce_mean", ((70_003,), (70_003,)), [0]),
    ("sub 0 1;square 2", (3,), "reduce_mean", ((3, 5, 7), (3, 1, 7)), [0, 1, 2]),
    ("sub 0 1", (2, 2), "reduce_max;reduce_min", ((9, 1025), (9, 1)), [1]),
    ("sub 0 1", (2, 2), "reduce_max;none", ((300, 257), (257,)), [0]),
    ("sub 0 1;exp 2", (2, 3, 3), "none;none;reduce_sum", ((5, 2100), (5, 1)), [1]),
    ("add 0 1;tanh 2", (3, 2), "reduce_sum;reduce_mean", ((3, 9, 40), (40,)), [1]),
    ("mul 0 #0.5;exp 2", (3, 2), "none;reduce_max", ((2, 3000), (3000,)), [0]),
    ("exp 1", (2,), "reduce_sum", ((700, 300), (700, 300)), [0]),
    ("exp 1", (2,), "reduce_sum", ((1, 300), (1, 300)), [0]),
    ("mul 0 1", (2,), "reduce_sum", ((4, 5, 6, 7), (6, 1)), [0, 2]),
    ("mul 0 1", (2,), "reduce_sum", ((0, 5), (5,)), [0]),
    ("mul 0 1", (2,), "reduce_mean", ((5, 0), (5, 1)), [1]),
    ("mul 0 1;relu 2", (3,), "reduce_sum", ((5, 0), (5, 1)), [0]),
    (";".join(f"add {k} 1" for k in range(1, 9)), (9, 8, 7, 6, 5, 4, 3, 2),
     "reduce_sum;reduce_max;reduce_mean;reduce_min;reduce_sum;none;reduce_max;reduce_sum",
     ((40, 500), (500,)), [1]),
    ("where 1 0 #0.0", (2,), "reduce_sum", ((33, 33), "bool"), [1]),
)  # fmt: skip


def reduced_chain_cases() -> list[Case]:
    """Chains with reductions at their ends: rows, columns, both, and none to read."""
    cases = []
    for dtype in FLOATS:
        for steps, results, reduce, shapes, axes in REDUCED:
            inputs: list[Operand] = [
                ("bool", (33,), "bool") if shape == "bool" else (dtype, shape)
                for shape in shapes
            ]
            attrs = {"results": list(results), "reduce": reduce, "axes": axes}
            for keepdims in (0, 1):
                cases.append(
                    case("chain", *inputs, steps=steps, keepdims=keepdims, **attrs)
                )
        odd = [(dtype, (40, 300), "infinite"), (dtype, (300,), "normal")]
        for axis in (0, 1):
            names = "reduce_sum;reduce_max;reduce_min"
            attrs = {"results": [2, 2, 2], "reduce": names, "axes": [axis]}
            cases.append(case("chain", *odd, steps="mul 0 1", **attrs))
    return cases


CASES: list[Case] = [
    *unary_cases(),
    *binary_cases(),
    *quotient_cases(),
    *other_cases(),
    *chain_cases(),
    *reduced_chain_cases(),
]
