"""The plan reader: what it takes; no altered text or file passes or crashes."""

from __future__ import annotations

import copy
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from pydl import _core

Plan = dict[str, Any]
Change = Callable[[Plan], object]

STATE = [np.arange(12, dtype=np.float32).reshape(4, 3), np.ones(3, np.float32)]
HUGE = 2**62


def predict_entry() -> Plan:
    """A dense layer with softmax in a loop."""
    return {
        "name": "predict:2",
        "inputs": [
            {"name": "x", "dtype": "float32", "shape": [2, 4], "step": 32},
            {"name": "steps", "dtype": "int64", "shape": [1], "step": 0},
        ],
        "outputs": [{"name": "out", "dtype": "float32", "shape": [2, 3], "step": 24}],
        "arena": 128,
        "values": [
            ["float32", [2, 4], "input", 0, 0],
            ["int64", [1], "input", 1, 0],
            ["float32", [4, 3], "state", 0, 0],
            ["float32", [3], "state", 1, 0],
            ["float32", [2, 3], "arena", 0, 0],
            ["float32", [2, 3], "arena", 0, 64],
            ["float32", [2, 3], "output", 0, 0],
        ],
        "code": [
            ["loop", [1], [], {"body": 3}],
            ["gemm", [0, 2, 3], [4], {"bias": 1, "activation": "relu"}, "dense"],
            ["exp", [4], [4], {}],
            ["softmax", [4], [6], {}],
        ],
    }


def update_entry() -> Plan:
    """An update in place behind an `if`."""
    return {
        "name": "update",
        "inputs": [
            {"name": "skip", "dtype": "int64", "shape": [1], "step": 0},
            {"name": "lr", "dtype": "float32", "shape": [], "step": 0},
            {"name": "grad", "dtype": "float32", "shape": [3], "step": 0},
        ],
        "outputs": [],
        "arena": 0,
        "values": [
            ["int64", [1], "input", 0, 0],
            ["float32", [], "input", 1, 0],
            ["float32", [3], "input", 2, 0],
            ["float32", [3], "state", 1, 0],
        ],
        "code": [
            ["if", [0], [], {"skip": 1}],
            ["sgd_update", [1, 3, 2], [3], {"n": 1, "momentum": 0.0}],
        ],
    }


def make_plan() -> Plan:
    return {
        "format": "pydl-plan",
        "version": 1,
        "producer": "test",
        "state": [
            {"name": "kernel", "dtype": "float32", "shape": [4, 3], "trainable": 1},
            {"name": "bias", "dtype": "float32", "shape": [3], "trainable": 1},
        ],
        "entries": [predict_entry(), update_entry()],
        "notes": {"caf\u00e9": "\u2713"},
    }


def predict_of(plan: Plan) -> Plan:
    entry: Plan = plan["entries"][0]
    return entry


def code_of(plan: Plan) -> list[list[Any]]:
    code: list[list[Any]] = predict_of(plan)["code"]
    return code


def values_of(plan: Plan) -> list[list[Any]]:
    values: list[list[Any]] = predict_of(plan)["values"]
    return values


def refusal(text: str) -> str:
    with pytest.raises(ValueError) as error:
        _core.check_plan(text)
    return str(error.value)


def test_a_plan_is_accepted() -> None:
    _core.check_plan(json.dumps(make_plan()))
    _core.check_plan(json.dumps(make_plan(), indent=2, ensure_ascii=False))


def test_key_order_does_not_matter() -> None:
    plan = make_plan()
    _core.check_plan(json.dumps(dict(reversed(plan.items()))))


LIES: list[tuple[str, Change, str]] = [
    ("format", lambda p: p.update(format="other"), "format 'pydl-plan'"),
    ("version", lambda p: p.update(version=2), "received version 2"),
    ("missing state", lambda p: p.pop("state"), "missing key 'state'"),
    ("unknown key", lambda p: p.update(kernels=[]), "unknown key 'kernels'"),
    ("unknown dtype", lambda p: p["state"][0].update(dtype="f4"), "unknown dtype 'f4'"),
    ("unknown dim", lambda p: p["state"][0].update(shape=[-1, 3]), "negative dim"),
    ("fractional dim", lambda p: p["state"][0].update(shape=[4.0]), "an integer"),
    ("text dim", lambda p: p["state"][0].update(shape=["4"]), "expected a number"),
    ("rank 9", lambda p: p["state"][0].update(shape=[1] * 9), "at most 8"),
    ("huge state", lambda p: p["state"][0].update(shape=[HUGE, HUGE]), "too large"),
    ("huge but empty", lambda p: p["state"][0].update(shape=[0, HUGE]), "too large"),
    ("state twice", lambda p: p["state"].append(p["state"][0]), "there twice"),
    ("no name", lambda p: p["state"][0].update(name=""), "1 to 1024 bytes"),
    ("long name", lambda p: p["state"][0].update(name="n" * 2000), "1 to 1024 bytes"),
    ("zero byte", lambda p: p["state"][0].update(name="a\0b"), "zero byte"),
    ("reserved", lambda p: p["state"][0].update(name="__pad_0"), "file format"),
    ("trainable", lambda p: p["state"][0].update(trainable=2), "in [0, 1]"),
    ("entry twice", lambda p: p["entries"].append(p["entries"][0]), "there twice"),
    ("arena", lambda p: predict_of(p).update(arena=2**46 + 1), "2^46"),
    ("negative arena", lambda p: predict_of(p).update(arena=-1), "in [0,"),
    ("step", lambda p: predict_of(p)["inputs"][0].update(step=3), "multiple of its el"),
    ("big step", lambda p: predict_of(p)["inputs"][0].update(step=HUGE), "step"),
    ("place", lambda p: values_of(p)[0].__setitem__(2, "disk"), "received 'disk'"),
    ("index", lambda p: values_of(p)[2].__setitem__(3, 2), "index 2 of a place with 2"),
    ("arena index", lambda p: values_of(p)[4].__setitem__(3, 1), "place with 1"),
    ("other dtype", lambda p: values_of(p)[3].__setitem__(0, "int32"), "in memory of"),
    ("offset", lambda p: values_of(p)[4].__setitem__(4, 32), "multiple of 64"),
    ("element offset", lambda p: values_of(p)[3].__setitem__(4, 2), "multiple of 4"),
    ("past the end", lambda p: values_of(p)[4].__setitem__(4, 128), "does not fit"),
    ("far offset", lambda p: values_of(p)[4].__setitem__(4, HUGE), "does not fit"),
    ("larger than slot", lambda p: values_of(p)[3].__setitem__(1, [4]), "does not fit"),
    ("huge value", lambda p: values_of(p)[4].__setitem__(1, [HUGE, 3]), "too large"),
    ("opcode", lambda p: code_of(p)[2].__setitem__(0, "system"), "opcode 'system'"),
    ("operand", lambda p: code_of(p)[2].__setitem__(1, [7]), "one of the 7 values"),
    ("huge operand", lambda p: code_of(p)[2].__setitem__(1, [HUGE]), "in [0,"),
    ("operand count", lambda p: code_of(p)[2].__setitem__(1, [4, 4]), "received 2"),
    ("result count", lambda p: code_of(p)[2].__setitem__(2, []), "received 0"),
    ("result shape", lambda p: code_of(p)[2].__setitem__(2, [3]), "float32 (3,)"),
    ("attribute", lambda p: code_of(p)[1][3].update(isa="avx2"), "attribute 'isa'"),
    ("attribute type", lambda p: code_of(p)[1][3].update(bias="yes"), "0 or 1"),
    ("flag", lambda p: code_of(p)[1][3].update(bias=2), "0 or 1, received 2"),
    (
        "many",
        lambda p: code_of(p)[2].__setitem__(3, {str(i): 1 for i in range(33)}),
        "too many attributes",
    ),
    ("true", lambda p: code_of(p)[1][3].update(bias=True), "expected a number"),
    ("body", lambda p: code_of(p)[0][3].update(body=4), "only 3 follow"),
    ("no body", lambda p: code_of(p)[0][3].update(body=0), "at least 1"),
    ("huge body", lambda p: code_of(p)[0][3].update(body=HUGE), "only 3 follow"),
    (
        "nested",
        lambda p: code_of(p).insert(1, ["loop", [1], [], {"body": 1}]),
        "'most' is in no other",
    ),
    (
        "crossing",
        lambda p: code_of(p).insert(3, ["if", [1], [], {"skip": 1}]),
        "only 0 follow in its range",
    ),
    ("count moves", lambda p: predict_of(p)["inputs"][1].update(step=8), "step 0"),
    ("writes input", lambda p: code_of(p).append(["exp", [0], [0], {}]), "to an input"),
    ("result spec", lambda p: code_of(p)[2].__setitem__(2, [0]), "float32 (2, 4)"),
    ("in place", lambda p: code_of(p)[3].__setitem__(2, [4]), "overlaps operand 0"),
    ("reshape", lambda p: code_of(p)[2].__setitem__(0, "reshape"), "not an instruct"),
    ("skip", lambda p: p["entries"][1]["code"][0][3].update(skip=2), "only 1 follow"),
]


@pytest.mark.parametrize(
    ("change", "message"), [row[1:] for row in LIES], ids=[row[0] for row in LIES]
)
def test_a_lie_is_refused(change: Change, message: str) -> None:
    plan = make_plan()
    change(plan)
    assert message in refusal(json.dumps(plan))


def test_the_message_names_instruction_label_and_entry() -> None:
    plan = make_plan()
    values_of(plan)[2][1] = [3, 3]
    assert refusal(json.dumps(plan)) == (
        "plan: instruction 1 'gemm' (dense) of entry 'predict:2': gemm: inner "
        "dimensions must match, received a (2, 4) and b (3, 3): 4 != 3"
    )


def test_partial_overlap_is_refused() -> None:
    plan = make_plan()
    predict_of(plan)["arena"] = 1024
    values_of(plan)[4:6] = [
        ["float32", [32, 3], "arena", 0, 0],
        ["float32", [32, 3], "arena", 0, 64],
    ]
    predict_of(plan)["code"] = [["exp", [4], [5], {}]]
    assert "result 0 overlaps operand 0" in refusal(json.dumps(plan))


def test_same_bytes_of_another_shape_are_refused() -> None:
    plan = make_plan()
    values_of(plan)[4:6] = [
        ["float64", [1], "arena", 0, 0],
        ["float64", [8], "arena", 0, 64],
        ["bool", [8], "arena", 0, 0],
    ]
    predict_of(plan)["code"] = [["less", [4, 5], [6], {}]]
    assert "result 0 overlaps operand 0" in refusal(json.dumps(plan))


def test_an_update_replaces_only_its_own_variable() -> None:
    plan = make_plan()
    update = plan["entries"][1]
    update["arena"] = 64
    update["values"].append(["float32", [3], "arena", 0, 0])
    update["code"][1] = ["sgd_update", [1, 3, 4], [4], {"n": 1, "momentum": 0.0}]
    assert "result 0 overlaps operand 2" in refusal(json.dumps(plan))


def test_an_update_of_rows_replaces_only_its_own_variable() -> None:
    plan = make_plan()
    update = plan["entries"][1]
    update["arena"] = 192
    update["values"] += [
        ["float32", [3], "arena", 0, 0],
        ["int64", [3], "arena", 0, 64],
    ]
    operands = [1, 4, 5, 3]
    update["code"][1] = ["sgd_row_update", operands, [4], {}]
    assert "result 0 overlaps operand 1" in refusal(json.dumps(plan))


def test_two_results_may_not_overlap() -> None:
    plan = make_plan()
    code = ["chain", [4], [5, 5], {"steps": "exp 0;log 0", "results": [1, 2]}]
    predict_of(plan)["code"] = [code]
    assert "results 0 and 1 overlap" in refusal(json.dumps(plan))


TEXTS = [
    ("", "end of the text"),
    ("{", "expected a string"),
    ("[]", "expected '{'"),
    ("{} ", "missing key 'format'"),
    ('{"version":1,"version":1}', "duplicate key 'version'"),
    ('{"version":01}', "expected a number"),
    ('{"version":1.}', "expected a number"),
    ('{"version":+1}', "expected a number"),
    ('{"version":NaN}', "expected a number"),
    ('{"version":1e999}', "out of range"),
    ('{"version":9223372036854775808}', "out of range"),
    ('{"producer":"\x01"}', "control character"),
    ('{"producer":"\\x"}', "unknown escape"),
    ('{"producer":"\\ud800"}', "lone surrogate"),
    ('{"producer":"\\u12', "hexadecimal"),
    ('{"producer":"abc', "unterminated"),
    ('{"producer":"a",}', "expected a string"),
    ('{"producer":"a"}x', "missing key"),
    ("[" * 100_000, "expected '{'"),
    ('{"state":' + "[" * 100_000, "expected '{'"),
    ('{"entries":[' + '{"code":[' * 50_000, "expected '['"),
    ('{"notes":' + '{"a":' * 100_000, "expected a string"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS, ids=range(len(TEXTS)))
def test_bad_text_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)


def test_trailing_text_is_refused() -> None:
    assert "expected the end" in refusal(json.dumps(make_plan()) + "{}")


def test_infinities_are_written_as_strings() -> None:
    plan = make_plan()
    predict_of(plan)["code"] = [
        ["full", [], [4], {"shape": [2, 3], "dtype": "float32", "value": "-inf"}]
    ]
    _core.check_plan(json.dumps(plan))


def test_text_cut_anywhere_is_refused() -> None:
    text = json.dumps(make_plan())
    for end in range(len(text)):
        refusal(text[:end])


def test_altered_text_never_crashes() -> None:
    """Altered text is a ValueError or another plan that passed every check."""
    text = json.dumps(make_plan()).encode()
    rng = np.random.default_rng(0)
    for _ in range(4000):
        altered = bytearray(text)
        for at in rng.integers(len(text), size=rng.integers(1, 4)):
            altered[at] = rng.choice(np.frombuffer(b'0123456789-[]{}",.eE', np.uint8))
        try:
            _core.check_plan(altered.decode())
        except ValueError as error:
            assert str(error)


# ---- files


def write_file(path: Path) -> bytes:
    _core.write_model(str(path), json.dumps(make_plan()), STATE)
    return path.read_bytes()


def file_refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        _core.read_model(str(path))
    assert str(path) in str(error.value)
    return str(error.value)


def split(data: bytes) -> tuple[Plan, bytes]:
    size = int.from_bytes(data[:8], "little")
    header: Plan = json.loads(data[8 : 8 + size])
    return header, data[8 + size :]


def join(header: Plan, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    write_file(path)
    text, state = _core.read_model(str(path))
    assert text == json.dumps(make_plan())
    for read, written in zip(state, STATE, strict=True):
        np.testing.assert_array_equal(read, written)
        assert read.ctypes.data % 64 == 0
    assert os.listdir(tmp_path) == ["m.pydl"]


def test_the_safetensors_package_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    data = write_file(path)
    with safe_open(path, "np") as file:
        assert json.loads(file.metadata()["plan"]) == make_plan()
        np.testing.assert_array_equal(file.get_tensor("kernel"), STATE[0])
        np.testing.assert_array_equal(file.get_tensor("bias"), STATE[1])
    header, rest = split(data)
    assert (len(data) - len(rest)) % 64 == 0
    for name in ("kernel", "bias"):
        assert header[name]["data_offsets"][0] % 64 == 0


def test_empty_state_and_empty_tensors(tmp_path: Path) -> None:
    plan = make_plan()
    plan["entries"] = []
    plan["state"] = [{"name": "e", "dtype": "int8", "shape": [0, 3], "trainable": 0}]
    path = str(tmp_path / "m.pydl")
    _core.write_model(path, json.dumps(plan), [np.empty((0, 3), np.int8)])
    assert _core.read_model(path)[1][0].shape == (0, 3)
    plan["state"] = []
    _core.write_model(path, json.dumps(plan), [])
    assert _core.read_model(path)[1] == []


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    data = write_file(path)
    for end in range(len(data)):
        file_refusal(path, data[:end])


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    """Only what JSON itself allows to differ, white space, may pass."""
    path = tmp_path / "m.pydl"
    data = write_file(path)
    expected = json.dumps(make_plan())
    rng = np.random.default_rng(1)
    passed = 0
    for at, bit in zip(
        rng.integers(len(data), size=4000), rng.integers(8, size=4000), strict=True
    ):
        altered = bytearray(data)
        altered[at] ^= 1 << bit
        path.write_bytes(altered)
        try:
            text, state = _core.read_model(str(path))
        except ValueError:
            continue
        passed += 1
        assert text == expected
        for read, written in zip(state, STATE, strict=True):
            np.testing.assert_array_equal(read, written)
    assert passed < 40


def test_any_altered_byte_of_the_data_is_found(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    data = write_file(path)
    header_end = len(data) - len(split(data)[1])
    for at in range(header_end, len(data)):
        altered = bytearray(data)
        altered[at] ^= 0x10
        message = file_refusal(path, bytes(altered))
        assert "damaged" in message or "padding is not zero" in message


@pytest.mark.parametrize("size", [0, 7, 9, 2**27, 2**31, 2**63, 2**64 - 1])
def test_a_wrong_header_size_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.pydl"
    data = write_file(path)
    file_refusal(path, struct.pack("<Q", size) + data[8:])


HEADER_LIES: list[tuple[str, Change, str]] = [
    ("hole", lambda h: h["kernel"].update(data_offsets=[4, 52]), "leaves a hole"),
    ("overlap", lambda h: h["bias"].update(data_offsets=[32, 44]), "leaves a hole"),
    ("negative", lambda h: h["kernel"].update(data_offsets=[-4, 44]), "leaves a hole"),
    ("beyond", lambda h: h["bias"].update(data_offsets=[64, HUGE]), "outside"),
    ("reversed", lambda h: h["kernel"].update(data_offsets=[48, 0]), "leaves a hole"),
    ("shape", lambda h: h["kernel"].update(shape=[3, 4]), "the plan says"),
    ("size", lambda h: h["kernel"].update(shape=[4, 4]), "size of its data"),
    ("overflow", lambda h: h["kernel"].update(shape=[HUGE, HUGE]), "size of its data"),
    ("dims", lambda h: h["kernel"].update(shape=[-4, -3]), "size of its data"),
    ("dtype", lambda h: h["kernel"].update(dtype="I32"), "the plan says"),
    ("unknown dtype", lambda h: h["kernel"].update(dtype="F8"), "unknown dtype"),
    ("no tensor", lambda h: h.pop("bias"), "leaves a hole"),
    ("no data", lambda h: h["bias"].update(shape=[0], data_offsets=[64, 64]), "hole"),
    ("renamed", lambda h: h.update(other=h.pop("bias")), "not in the plan's state"),
    ("extra key", lambda h: h["bias"].update(file="/etc/passwd"), "unknown key 'file'"),
    ("no metadata", lambda h: h.pop("__metadata__"), "not a .pydl file"),
    ("no plan", lambda h: h["__metadata__"].pop("plan"), "missing key 'plan'"),
    ("format", lambda h: h["__metadata__"].update(format="pt"), "format 'pydl'"),
    ("version", lambda h: h["__metadata__"].update(version="2"), "version '1'"),
    ("plan", lambda h: h["__metadata__"].update(plan="{}"), "missing key 'format'"),
    ("checksum", lambda h: h["__metadata__"].update(crc32c="00000000"), "damaged"),
    ("pad", lambda h: h["__pad_0"].update(dtype="I8"), "padding '__pad_0'"),
]


@pytest.mark.parametrize(
    ("change", "message"),
    [row[1:] for row in HEADER_LIES],
    ids=[row[0] for row in HEADER_LIES],
)
def test_a_lie_in_the_header_is_refused(
    tmp_path: Path, change: Change, message: str
) -> None:
    path = tmp_path / "m.pydl"
    header, rest = split(write_file(path))
    change(header)
    assert message in file_refusal(path, join(header, rest))


def test_the_untouched_header_passes(tmp_path: Path) -> None:
    """The lies above are refused for what they say, not for being written again."""
    path = tmp_path / "m.pydl"
    header, rest = split(write_file(path))
    path.write_bytes(join(header, rest))
    _core.read_model(str(path))


def test_trailing_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    assert "after the last tensor" in file_refusal(path, write_file(path) + b"x")


def test_a_tensor_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    header, rest = split(write_file(path))
    text = json.dumps(header)[:-1] + ', "bias": ' + json.dumps(header["bias"]) + "}"
    altered = struct.pack("<Q", len(text)) + text.encode() + rest
    assert "leaves a hole, overlaps" in file_refusal(path, altered)


def test_declared_sizes_are_checked_before_memory_is_asked_for(tmp_path: Path) -> None:
    """A file of 1 KB that claims 64 TB of weights."""
    plan = make_plan()
    plan["entries"] = []
    plan["state"] = [{"name": "w", "dtype": "int8", "shape": [2**46], "trainable": 0}]
    tensor = {"dtype": "I8", "shape": [2**46], "data_offsets": [0, 2**46]}
    metadata = {"format": "pydl", "version": "1", "plan": json.dumps(plan)}
    path = tmp_path / "m.pydl"
    data = join({"__metadata__": metadata, "w": tensor}, bytes(64))
    assert "lies outside" in file_refusal(path, data)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing.pydl: cannot open: No such file"):
        _core.read_model(str(tmp_path / "missing.pydl"))
    with pytest.raises(OSError, match="Is a directory"):
        _core.read_model(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        _core.read_model(str(tmp_path / "pipe"))
    with pytest.raises(ValueError, match="zero byte"):
        _core.read_model("a\0b")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "m.pydl"
    data = write_file(path)
    with pytest.raises(ValueError, match="state 'kernel': expected float32"):
        _core.write_model(str(path), json.dumps(make_plan()), [STATE[1], STATE[1]])
    with pytest.raises(ValueError, match="expected 2 arrays, received 1"):
        _core.write_model(str(path), json.dumps(make_plan()), STATE[:1])
    assert path.read_bytes() == data
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="folder: cannot replace"):
        _core.write_model(str(folder), json.dumps(make_plan()), STATE)
    with pytest.raises(OSError, match="cannot create"):
        _core.write_model(str(tmp_path / "no" / "m"), json.dumps(make_plan()), STATE)
    assert sorted(os.listdir(tmp_path)) == ["folder", "m.pydl"]


def test_plans_are_read_quickly() -> None:
    """Reading grows with the text, not with its square."""
    plan = make_plan()
    predict_of(plan)["code"][1:] = [copy.deepcopy(code_of(plan)[1])] * 50_000
    predict_of(plan)["code"][0][3]["body"] = 50_000
    plan["notes"] = {str(i): "" for i in range(50_000)}
    _core.check_plan(json.dumps(plan))
