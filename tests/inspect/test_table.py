import re

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.inspect import amount, in_bytes, shape_text

from .networks import lenet, path, summarized

EXPECTED = """\
Sequential on Grid((32, 32)), input 1×1×32×32

 Layer  Type                      Output      Parameters     MACs   Memory  Receptive field
 ──────────────────────────────────────────────────────────────────────────────────────────
 0      Conv2d (1 → 6, 5 × 5)     1×6×28×28          156  117,600  18.8 kB  5 × 5
 1      Tanh                      1×6×28×28            0        0  18.8 kB  5 × 5
 2      AvgPool2d (2)             1×6×14×14            0        0   4.7 kB  6 × 6
 3      Conv2d (6 → 16, 5 × 5)    1×16×10×10       2,416  240,000   6.4 kB  14 × 14
 4      Tanh                      1×16×10×10           0        0   6.4 kB  14 × 14
 5      AvgPool2d (2)             1×16×5×5             0        0   1.6 kB  16 × 16
 6      Conv2d (16 → 120, 5 × 5)  1×120×1×1       48,120   48,000    480 B  32 × 32
 7      Tanh                      1×120×1×1            0        0    480 B  32 × 32
 8      Flatten                   1×120                0        0      0 B  32 × 32
 9      Linear (120 → 84)         1×84            10,164   10,080    336 B  entire input
 10     Tanh                      1×84                 0        0    336 B  entire input
 11     Linear (84 → 10)          1×10               850      840     40 B  entire input

 Total                            1×10            61,706  416,520  58.4 kB

Parameters 61,706 (247 kB), 61,706 trainable; multiply-accumulates 416,520; memory of all layer
outputs 58.4 kB."""


def test_the_table_of_lenet():
    assert gv.summary(lenet(), gv.Grid((32, 32))).to_text(100) == EXPECTED


@pytest.mark.parametrize("width", [80, 100, 120, 150])
def test_no_line_is_longer_and_nothing_is_lost(width):
    result = summarized("googlenet")
    text = result.to_text(width)
    assert max(map(len, text.splitlines())) <= width
    letters = re.sub(r"\s", "", text)
    for layer in result.layers:
        assert f"{layer.parameters:,}" in letters
    assert "…" not in text


def test_print_fits_the_terminal(monkeypatch):
    result = gv.summary(lenet(), gv.Grid((32, 32)))
    for width in (90, 140):
        monkeypatch.setenv("COLUMNS", str(width))
        assert str(result) == result.to_text(width)
    assert "Input" in result.to_text(140)
    assert "Jump" in result.to_text(140)


def test_the_table_of_a_graph():
    text = gv.summary(gv.models.gcn(4, 8, 3), path(5)).to_text(100)
    assert "Graph(num_nodes=5, num_edges=8)" in text
    assert "2 hops" in text
    assert "5×3" in text


def test_html_is_escaped_and_whole():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def extra_repr(self):
            return "<b> & 'quotes'"

        def forward(self, x):
            return self.conv(x)

    model = nn.Sequential(Odd(), nn.ReLU())
    html = gv.summary(model, gv.Grid((8, 8)), depth=1).to_html()
    assert html.startswith('<table class="network">')
    assert html.rstrip().endswith("</table>")
    assert "<b>" not in html
    assert "&lt;b&gt; &amp; quotes" in html
    assert html.count("<tr>") == 1 + 2 + 1
    assert "http" not in html
    assert gv.summary(model, gv.Grid((8, 8)))._repr_html_().startswith("<table")


def test_shared_frozen_and_idle_parameters_are_named():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    model = nn.Sequential(conv, conv)
    conv.bias.requires_grad_(False)
    text = gv.summary(model, gv.Grid((8, 8))).to_text(120)
    assert "38 shared" in text
    assert "36 trainable, 2 frozen" in text
    assert "not called" in summarized("googlenet").to_text(120)


def test_numbers_for_people():
    assert [amount(n) for n in (0, 999_999, 1_814_073_344, 2 * 10**12)] == [
        "0",
        "999,999",
        "1.814 G",
        "2 T",
    ]
    assert [in_bytes(n) for n in (0, 999, 18_816, 46_758_048, 3 * 10**9)] == [
        "0 B",
        "999 B",
        "18.8 kB",
        "46.8 MB",
        "3 GB",
    ]
    assert shape_text(torch.Size([1, 2])) == "1×2"
    assert shape_text(()) == "scalar"
    assert shape_text(None) == ""


def test_the_text_is_the_same_in_a_notebook(monkeypatch):
    """There rich shows what it prints by itself, and leaves nothing in its file."""
    found = gv.summary(gv.Sequential(gv.Conv2d(1, 2, 3)), gv.Grid((8, 8)), channels=1)
    expected = found.to_text(100)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert found.to_text(100) == expected
    assert "Receptive field" in expected
