import numpy as np
import pytest
import torch
from PIL import Image

import gnnvision as gv
from gnnvision.explain import METHODS, Attribution, attribute, faithfulness
from gnnvision.report.attribution_draw import (
    AttributionMaps,
    color_limit,
    draw_attribution,
    draw_curves,
    draw_input,
    input_layer,
)
from gnnvision.report.layer_canvas import ImageCanvas


def found(values, method="occlusion"):
    zero = torch.zeros(1, dtype=torch.int64)
    return Attribution(values, method, zero, None, (), None, torch.zeros(1, 2))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_the_full_color_is_for_the_largest_but_a_few_pixels():
    values = torch.zeros(1, 100, 100)
    values[0, 0, :60] = 2.0
    values[0, 0, 0] = 50.0
    assert color_limit(found(values)) == pytest.approx(2)
    values = torch.zeros(1, 10, 10)
    values[0, 0, 0] = -3
    assert color_limit(found(values)) == pytest.approx(3)  # nothing else is there
    assert color_limit(found(torch.tensor([1.0, -4.0]))) == 4  # a node is never left out
    assert color_limit(found(torch.zeros(3))) == 1


@pytest.mark.parametrize("method", ["occlusion", "gradient"])
def test_red_for_and_blue_against(tmp_path, method):
    """The left half is evidence for the class; with a signed method, the right half against it."""
    values = torch.ones(1, 8, 8)
    values[:, :, 4:] = -1 if METHODS[method].signed else 0
    canvas = ImageCanvas(torch.full((3, 8, 8), 255, dtype=torch.uint8))
    input = input_layer(torch.zeros(1, 3, 8, 8), gv.Grid((8, 8)))
    maps = AttributionMaps(canvas, input, {method: found(values, method)})
    seen = pixels(draw_attribution(tmp_path / "a.png", maps, method))
    alone = pixels(draw_input(tmp_path / "b.png", canvas))
    assert abs(alone.shape[1] - seen.shape[1]) < 0.05 * seen.shape[1]  # the panels are as large
    red = (seen[..., 0] - seen[..., 2] > 60).sum()
    blue = (seen[..., 2] - seen[..., 0] > 60).sum()
    assert red > 5000
    assert blue > 5000 if METHODS[method].signed else not blue


def test_curves_of_all_methods(tmp_path):
    graph = gv.Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
    model = gv.models.molecule_gcn(4, 2, 8).eval()
    x = torch.rand(3, 4)
    names = list(METHODS)
    curves = {
        n: faithfulness(model, x, graph, attribute(model, x, graph, n), steps=3, orders=1)
        for n in names
    }
    text = draw_curves(tmp_path / "c.svg", curves, "deletion", "atoms").read_text(encoding="utf-8")
    for words in ("atoms removed (%), most important first", "random baseline", "Grad-CAM"):
        assert words in text
