"""`pydl.tree`, `config`, `backend`, `mixed_precision`, and helpers of `utils`."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import activations, backend, config, mixed_precision, ops, tree, utils
from pydl.regularizers import OrthogonalRegularizer


def test_tree() -> None:
    nested = {"b": [1, (2, 3)], "a": 4}
    paths = tree.flatten_with_path(nested)
    assert paths == [(("a",), 4), (("b", 0), 1), (("b", 1, 0), 2), (("b", 1, 1), 3)]
    assert tree.lists_to_tuples(nested) == {"b": (1, (2, 3)), "a": 4}
    tree.assert_same_structure(nested, {"a": 0, "b": [0, (0, 0)]})
    tree.assert_same_paths(nested, {"a": 0, "b": (0, [0, 0])})
    with pytest.raises(ValueError, match="same structure"):
        tree.assert_same_structure(nested, {"a": 0, "b": (0, (0, 0))})
    with pytest.raises(ValueError, match="same paths"):
        tree.assert_same_paths(nested, {"a": 0})
    seen: list[Any] = []
    tree.traverse(seen.append, [1, (2,)], top_down=False)
    assert seen == [1, 2, (2,), [1, (2,)]]
    none = tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, 2])
    assert none == [None, 2]
    shapes = tree.map_shape_structure(len, [(1, 2), {"x": (None,)}])
    assert shapes == [2, {"x": 1}]
    lengths = tree.map_structure_up_to({"a": 0, "b": 0}, len, {"a": [1], "b": [1, 2]})
    assert lengths == {"a": 1, "b": 2}
    kept = tree.map_structure(lambda x: x + 1, [1, None], none_is_leaf=False)
    assert kept == [2, None]


def test_config() -> None:
    assert config.backend() == "pydl"
    with pytest.raises(ValueError, match="expected 'pydl', received 'jax'"):
        config.set_backend("jax")
    config.set_dtype_policy("float64")
    try:
        assert pydl.layers.Dense(1).dtype == "float64"
        assert mixed_precision.dtype_policy().name == "float64"
    finally:
        config.set_dtype_policy(None)
    assert pydl.layers.Dense(1).dtype == "float32"
    with pytest.warns(UserWarning, match="never runs code"):
        config.enable_unsafe_deserialization()


def test_limits_of_fit() -> None:
    model = pydl.Sequential([pydl.Input((2,)), pydl.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((40, 2), "float32"), np.ones((40, 1), "float32")
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    try:
        history = model.fit(x, y, batch_size=4, epochs=5, verbose=0)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert len(history.history["loss"]) == 2
    assert int(model.optimizer.iterations) == 6
    with pytest.raises(ValueError, match="max_epochs: expected an int >= 1"):
        config.set_max_epochs(0)


def test_backend() -> None:
    assert backend.result_type("int8", "float16") == "float16"
    assert backend.is_float_dtype("float64") and not backend.is_float_dtype("bool")
    assert backend.is_int_dtype("uint8") and not backend.is_int_dtype("bool")
    first = backend.get_uid("thing")
    assert backend.get_uid("thing") == first + 1
    assert backend.epsilon() == config.epsilon()


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    bar = utils.Progbar(4, interval=0.0, stateful_metrics=["lr"])
    bar.add(1, [("loss", 2.0), ("lr", 0.5)])
    bar.add(2, [("loss", 5.0), ("lr", 0.25)])
    text = capsys.readouterr().out
    assert "loss: 4.0000" in text and "lr: 0.2500" in text
    bar.update(4, [("loss", 1.0)])
    assert capsys.readouterr().out.endswith("\n")
    utils.disable_interactive_logging()
    try:
        utils.Progbar(1, verbose=2).add(1)
    finally:
        utils.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="Only one of"):
        utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_get_file(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("content")
    digest = hashlib.sha256(b"content").hexdigest()
    cache = tmp_path / "cache"
    path = utils.get_file(origin=source.as_uri(), file_hash=digest, cache_dir=cache)
    assert Path(path) == cache / "datasets" / "source.txt"
    source.write_text("other")
    again = utils.get_file("source.txt", source.as_uri(), cache_dir=cache)
    assert Path(again).read_text() == "content"
    with pytest.raises(ValueError, match="does not have the hash"):
        utils.get_file("x", source.as_uri(), file_hash=digest, cache_dir=cache)
    assert sorted(p.name for p in (cache / "datasets").iterdir()) == ["source.txt"]
    with pytest.raises(OSError, match="URL fetch failure.*put it at"):
        utils.get_file("y", (tmp_path / "none").as_uri(), cache_dir=cache)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_are_unpacked(tmp_path: Path, kind: str) -> None:
    inner = tmp_path / "inner.txt"
    inner.write_text("content")
    source = tmp_path / f"source.{kind}"
    if kind == "tar":
        with tarfile.open(source, "w") as tar:
            tar.add(inner, "a/inner.txt")
    else:
        with zipfile.ZipFile(source, "w") as file:
            file.write(inner, "a/inner.txt")
    path = utils.get_file(
        origin=source.as_uri(), extract=True, cache_dir=tmp_path / "cache"
    )
    assert (Path(path) / "a" / "inner.txt").read_text() == "content"


def test_archives_do_not_write_outside(tmp_path: Path) -> None:
    inner = tmp_path / "inner.txt"
    inner.write_text("content")
    source = tmp_path / "source.tar"
    with tarfile.open(source, "w") as tar:
        tar.add(inner, "../../outside.txt")
    with pytest.raises(ValueError, match="inside the archive"):
        utils.get_file(origin=source.as_uri(), untar=True, cache_dir=tmp_path / "cache")


def test_settings() -> None:
    settings = utils.Config(a=1)
    settings["b"] = 2
    assert settings.a == 1 and len(settings) == 2 and "b" in settings
    settings.freeze()
    with pytest.raises(ValueError, match="frozen"):
        settings.a = 3
    settings.unfreeze()
    settings.update(a=5)
    assert settings.to_json() == '{"a": 5, "b": 2}'
    with pytest.raises(AttributeError, match="no setting 'c'"):
        _ = settings.c


def test_activations() -> None:
    x = np.array([[0.5, 2.0, -1.0, 2.5], [3.0, 0.0, 0.1, 0.2]], "float32")
    out = np.asarray(activations.sparsemax(x))
    np.testing.assert_allclose(out.sum(-1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(out, [[0, 0.25, 0, 0.75], [1, 0, 0, 0]], atol=1e-6)
    columns = np.asarray(activations.sparsemax(x.T, axis=0))
    np.testing.assert_allclose(columns, out.T, atol=1e-6)
    gate = np.asarray(activations.glu(x))
    np.testing.assert_allclose(gate, x[:, :2] / (1 + np.exp(-x[:, 2:])), rtol=1e-5)
    assert activations.get("sparse_plus") is activations.sparse_plus


def test_orthogonal_regularizer() -> None:
    penalty = OrthogonalRegularizer(0.5, mode="columns")
    x = ops.convert_to_tensor(np.array([[1.0, 1.0], [0.0, 1.0]], "float32"))
    assert float(penalty(x)) == pytest.approx(0.5 * 0.5**0.5, rel=1e-6)
    again = pydl.regularizers.deserialize(pydl.regularizers.serialize(penalty))
    assert again.get_config() == {"factor": 0.5, "mode": "columns"}
    with pytest.raises(ValueError, match="mode=both"):
        OrthogonalRegularizer(mode="both")
