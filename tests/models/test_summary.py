"""The table of `model.summary()`."""

from __future__ import annotations

import pytest

import pydl
from pydl import layers


def summary(model, **kwargs):
    texts = []
    model.summary(print_fn=texts.append, **kwargs)
    assert len(texts) == 1
    return texts[0]


def stack():
    return pydl.Sequential(
        [
            pydl.Input((64,), name="i"),
            layers.Dense(4, name="d"),
            layers.Dense(2, name="e"),
        ],
        name="s",
    )


TABLE = """\
Model: "s"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ d (Dense)                       │ (None, 4)              │           260 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ e (Dense)                       │ (None, 2)              │            10 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 270 (1.05 KB)
 Trainable params: 270 (1.05 KB)
 Non-trainable params: 0 (0.00 B)"""


def test_the_table_is_keras_s():
    assert summary(stack()) == TABLE


def test_it_goes_to_standard_output(capsys):
    stack().summary()
    assert capsys.readouterr().out == TABLE + "\n"


@pytest.mark.parametrize("length", [60, 76, 120])
def test_every_line_has_the_length(length):
    lines = summary(stack(), line_length=length).splitlines()[1:-3]
    assert {len(line) for line in lines} == {length}


def test_positions_are_the_columns_right_edges():
    first = summary(stack(), line_length=100, positions=[0.5, 0.7, 1.0]).splitlines()[1]
    assert [len(part) for part in first[1:-1].split("┳")] == [48, 19, 29]


def test_long_cells_are_wrapped():
    model = pydl.Sequential([pydl.Input((2,)), layers.Dense(1, name="x" * 50)])
    lines = summary(model, line_length=60).splitlines()
    assert len({len(line) for line in lines[1:-3]}) == 1


def test_unbuilt_layers():
    text = summary(pydl.Sequential([layers.Dense(3)]))
    assert " ? " in text and "0 (unbuilt)" in text


def test_nested_and_trainable():
    inner = pydl.Sequential([layers.Dense(3, name="deep")], name="inner")
    model = pydl.Sequential([pydl.Input((2,)), inner, layers.ReLU(name="r")])
    inner.trainable = False
    assert "deep" not in summary(model)
    lines = summary(model, expand_nested=True, show_trainable=True).splitlines()
    rows = [line.split("│")[1:-1] for line in lines if line.startswith("│")]
    assert [row[0].rstrip() for row in rows] == [
        " inner (Sequential)", "    └ deep (Dense)", " r (ReLU)",
    ]  # fmt: skip
    assert [row[-1].strip() for row in rows] == ["N", "N", "-"]
    assert " Trainable params: 0 (0.00 B)" in lines


def test_graphs_show_connections():
    a = pydl.Input((2,), name="a")
    x = layers.Dense(2, name="d")(a)
    model = pydl.Model(a, layers.Add(name="sum")([a, x]))
    text = summary(model)
    assert "Connected to" in text and "a[0][0], d[0][0]" in text
    assert "Connected to" not in summary(pydl.Model(a, x))


def test_layer_range():
    text = summary(stack(), layer_range=["e", "e"])
    assert "e (Dense)" in text and "d (Dense)" not in text
    with pytest.raises(ValueError, match="names of two layers"):
        stack().summary(layer_range=["e", "zork"])


def test_html():
    html = pydl.Sequential(
        [pydl.Input((2,)), layers.Dense(1, name="a<b")]
    )._repr_html_()
    assert "a&lt;b (Dense)" in html and "<td>(None, 1)</td>" in html


def test_rich_table_holds_the_same_cells(capsys, monkeypatch):
    pytest.importorskip("rich")
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    stack().summary()
    out = capsys.readouterr().out
    for cell in ("d (Dense)", "(None, 4)", "260", "Total params: 270 (1.05 KB)"):
        assert cell in out
