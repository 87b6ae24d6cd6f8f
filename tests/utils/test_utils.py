"""Helpers, nested structures and the package's own names."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import pydl
from pydl import tree, utils

ROOT = Path(__file__).parents[2]
Point = namedtuple("Point", "x y")


def test_to_categorical():
    out = utils.to_categorical([[0], [2]])
    np.testing.assert_array_equal(out, [[1, 0, 0], [0, 0, 1]])
    assert utils.to_categorical(np.zeros((2, 3), int), 4).shape == (2, 3, 4)
    assert utils.to_categorical([], 3).shape == (0, 3)
    with pytest.raises(ValueError, match=r"labels in \[0, 2\), received x\[1\]=2"):
        utils.to_categorical([0, 2], num_classes=2)
    with pytest.raises(ValueError, match=r"x\[0\]=-1"):
        utils.to_categorical([-1, 2])


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(utils.normalize(x), [[0.6, 0.8], [0, 0]])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0, 0, 1], [2, 3, 4], [0, 0, 0]]),
        ({"padding": "post"}, [[1, 0, 0], [2, 3, 4], [0, 0, 0]]),
        ({"maxlen": 2}, [[0, 1], [3, 4], [0, 0]]),
        ({"maxlen": 2, "truncating": "post", "value": 9}, [[9, 1], [2, 3], [9, 9]]),
        ({"maxlen": 0}, [[], [], []]),
    ],
)
def test_pad_sequences(options, expected):
    out = utils.pad_sequences([[1], [2, 3, 4], []], **options)
    assert out.dtype == "int32" and out.tolist() == expected
    with pytest.raises(ValueError, match="padding: expected 'pre' or 'post'"):
        utils.pad_sequences([[1]], padding="left")


def test_packing_of_data():
    for values in ((1,), (1, 2), (1, 2, 3)):
        packed = utils.pack_x_y_sample_weight(*values)
        assert utils.unpack_x_y_sample_weight(packed) == (*values, None, None)[:3]
    with pytest.raises(ValueError, match="4 values"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


@pytest.mark.parametrize("seed", ["1", 1.5, -1, 2**32, True])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="seed="):
        utils.set_random_seed(seed)


def test_tree_round_trip():
    structure = {"b": [1, (2, 3)], "a": Point(4, {"k": 5})}
    assert tree.flatten(structure) == [4, 5, 1, 2, 3]
    assert tree.pack_sequence_as(structure, tree.flatten(structure)) == structure
    doubled = tree.map_structure(lambda x: 2 * x, structure)
    assert doubled == {"b": [2, (4, 6)], "a": Point(8, {"k": 10})}
    assert list(doubled) == ["b", "a"]


def test_tree_differences_are_told():
    with pytest.raises(ValueError, match="structures differ"):
        tree.map_structure(lambda a, b: a, [1, 2], [1])
    with pytest.raises(ValueError, match="has 2 leaves, received 3"):
        tree.pack_sequence_as([1, 2], [1, 2, 3])


def test_every_public_name_can_be_had():
    for name in dir(pydl):
        assert getattr(pydl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'zork'"):
        pydl.zork  # noqa: B018


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert pydl.__version__ == pydl.version() == project["version"]


def test_optional_packages_are_not_imported():
    code = (
        "import sys, pydl, numpy as np\n"
        "model = pydl.Sequential([pydl.Input((3,)), pydl.layers.Dense(2)])\n"
        "model(np.ones((1, 3)))\n"
        "heavy = 'rich h5py safetensors matplotlib cupy onnx'.split()\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
