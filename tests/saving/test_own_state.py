"""Layers, metrics and optimizers that store their state themselves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import layers, models, saving

h5py = pytest.importorskip("h5py")
DATA = Path(__file__).parents[1] / "data"
X = np.arange(6, dtype="float32").reshape(2, 3)


@saving.register_keras_serializable("own_state")
class Counted(layers.Layer):
    """Scales by a weight and by a number that is no weight."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        self.count = 0

    def call(self, x: Any) -> Any:
        return x * self.scale * float(self.count)

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["count"] = np.array(self.count, "int64")

    def load_own_variables(self, store: Any) -> None:
        self.scale.assign(store["0"])
        self.count = int(store["count"])


@saving.register_keras_serializable("own_state")
class Worded(layers.Layer):
    """Adds the number of letters of words that it keeps in a file."""

    words: Any = ()

    def call(self, x: Any) -> Any:
        return x + float(sum(map(len, self.words)))

    def save_assets(self, dir_path: str) -> None:
        Path(dir_path, "words.txt").write_text("\n".join(self.words))

    def load_assets(self, dir_path: str) -> None:
        self.words = Path(dir_path, "words.txt").read_text().split("\n")


@saving.register_keras_serializable("own_state")
class Reversed(pydl.optimizers.SGD):
    """An optimizer that keeps only how many steps it made, under a name of its own."""

    def save_own_variables(self, store: Any) -> None:
        store["made"] = self.iterations.numpy()

    def load_own_variables(self, store: Any) -> None:
        self.iterations.assign(store["made"] + 100)


def make(count: int = 0, words: Any = ()) -> Any:
    counted, worded = Counted(), Worded()
    inner = models.Sequential([counted, worded])
    model = models.Sequential([layers.Input((3,)), layers.Dense(2), inner])
    counted.count, worded.words = count, words
    return model


def test_files_that_keras_wrote() -> None:
    want = json.loads((DATA / "own_state.json").read_text())
    model = saving.load_model(DATA / "own_state.keras")
    counted, worded = model.layers[1].layers
    assert (counted.count, worded.words) == (7, ["one", "three"])
    np.testing.assert_allclose(model.predict(X, verbose=0), want, rtol=1e-5)
    other = make(words=["one", "three"])
    other.load_weights(DATA / "own_state.weights.h5")
    assert other.layers[1].layers[0].count == 7
    np.testing.assert_allclose(other.predict(X, verbose=0), want, rtol=1e-5)


def test_round_trip_of_a_whole_model(tmp_path: Path) -> None:
    model = make(5, ["a", "bc"])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        names = [n for n in archive.namelist() if n.startswith("assets")]
    assert names == ["assets/layers/sequential/layers/worded/words.txt"]
    again = saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        again.predict(X, verbose=0), model.predict(X, verbose=0)
    )


def test_round_trip_of_weights(tmp_path: Path) -> None:
    model, other = make(5), make(1)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5") as file:
        group = file["layers/sequential/layers/counted/vars"]
        assert sorted(group) == ["0", "count"] and group["count"][()] == 5
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(
        other.predict(X, verbose=0), model.predict(X, verbose=0)
    )


def test_a_model_that_stores_its_own_state(tmp_path: Path) -> None:
    class Odd(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)
            self.seen = 0

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def save_own_variables(self, store: Any) -> None:
            store["seen"] = self.seen

        def load_own_variables(self, store: Any) -> None:
            self.seen = int(store["seen"])

    model, other = Odd(), Odd()
    model(X), other(X)
    model.seen = 9
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    assert other.seen == 9
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_an_optimizer_that_stores_its_own_state(tmp_path: Path) -> None:
    model = models.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile(Reversed(0.1), "mse")
    model.fit(X, X[:, :2], epochs=3, verbose=0)
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras")
    assert int(again.optimizer.iterations) == 103
    again.fit(X, X[:, :2], verbose=0)
    assert int(again.optimizer.iterations) == 104


def test_a_metric_that_stores_its_own_state(tmp_path: Path) -> None:
    class Kept(pydl.metrics.Sum):
        def save_own_variables(self, store: Any) -> None:
            store["total"] = self.total.numpy()

        def load_own_variables(self, store: Any) -> None:
            self.total.assign(store["total"])

    class Holder(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.metric = Kept()

        def call(self, x: Any) -> Any:
            return x

    pair = [models.Sequential([layers.Input((3,)), Holder()]) for _ in range(2)]
    pair[0].layers[0].metric.update_state([3.0, 4.0])
    pair[0].save_weights(tmp_path / "w.weights.h5")
    pair[1].load_weights(tmp_path / "w.weights.h5")
    assert float(pair[1].layers[0].metric.result()) == 7.0


def test_safetensors_refuses_and_names_the_layer(tmp_path: Path) -> None:
    model = make(5)
    text = r"layer 'counted\w*' \(Counted\) defines save_own_variables"
    with pytest.raises(ValueError, match=text):
        model.save_weights(tmp_path / "w.safetensors")
    assert not list(tmp_path.iterdir())
    models.Sequential([layers.Input((3,)), layers.Dense(2)]).save_weights(
        tmp_path / "w.safetensors"
    )
    with pytest.raises(ValueError, match=text):
        model.load_weights(tmp_path / "w.safetensors")


def test_a_method_that_fails_changes_nothing(tmp_path: Path) -> None:
    model, other = make(5), make(1)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        del file["layers/sequential/layers/counted/vars/count"]
    before = [w.copy() for w in other.get_weights()]
    with pytest.raises(ValueError, match="'counted.*load_own_variables failed.*count"):
        other.load_weights(tmp_path / "w.weights.h5")
    for old, now in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    with pytest.warns(UserWarning, match="load_own_variables failed"):
        other.load_weights(tmp_path / "w.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_what_cannot_be_stored_is_named(tmp_path: Path) -> None:
    class Holder(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

        def save_own_variables(self, store: Any) -> None:
            store["count"] = {"a": 1}

    model = models.Sequential([layers.Input((3,)), Holder(name="bad")])
    with pytest.raises(ValueError, match=r"layer 'bad' .*store\['count'\]: expected"):
        model.save_weights(tmp_path / "w.weights.h5")
    assert not list(tmp_path.iterdir())


def test_assets_that_lead_out_of_the_archive_are_refused(tmp_path: Path) -> None:
    make(5, ["a"]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr("assets/../../evil.txt", "x")
    with pytest.raises(ValueError, match=r"evil.txt' leads out of the archive"):
        saving.load_model(tmp_path / "m.keras")


def test_learned_vocabulary_travels_as_a_file(tmp_path: Path) -> None:
    class Holder(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.lookup = layers.StringLookup(output_mode="tf_idf")

        def call(self, x: Any) -> Any:
            return x

    pair = [models.Sequential([layers.Input((3,)), Holder()]) for _ in range(2)]
    lookups = [model.layers[0].lookup for model in pair]
    lookups[0].adapt([["a", "b"], ["a", "c"]])
    pair[0].save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras", custom_objects={"Holder": Holder})
    lookup = again.layers[0].lookup
    assert lookup.get_vocabulary() == lookups[0].get_vocabulary()
    text = [["a", "x"]]
    np.testing.assert_array_equal(lookup(text), lookups[0](text))
