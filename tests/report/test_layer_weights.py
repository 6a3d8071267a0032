import numpy as np
import torch
from PIL import Image
from torch import nn

import gnnvision as gv
from gnnvision.explain import filters
from gnnvision.report.layer_weights import draw_largest, draw_matrices, draw_response

from .canvases import colors, near


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def layer_of(weights):
    """A graph convolution with these weights. Shape (C_in, C_out)."""
    layer = gv.GCNConv(*weights.shape)
    with torch.no_grad():
        layer.lin.weight.copy_(weights.T)
    return filters(gv.Sequential(layer), "0")


def test_bars_are_as_long_as_the_weights(tmp_path):
    """One map with a positive weight and a negative one of half its size."""
    found = layer_of(torch.tensor([[0.0], [2.0], [-1.0], [0.0]]))
    assert draw_largest(tmp_path / "a.png", found, list("abcd")) == 1
    seen = pixels(tmp_path / "a.png")
    red, blue = near(seen, colors(1.0), 5), near(seen, colors(0.0), 5)
    lengths = [np.ptp(np.where(part)[1]) for part in (red, blue)]
    assert abs(lengths[0] / lengths[1] - 2) < 0.1
    assert np.where(red)[0].mean() < np.where(blue)[0].mean(), "the largest stands above"
    assert np.where(red)[1].mean() > np.where(blue)[1].mean(), "positive ones go to the right"


def test_the_maps_with_the_largest_weights(tmp_path):
    weights = torch.zeros(3, 20)
    weights[0, 5], weights[1, 19] = 3, -4
    shown = draw_largest(tmp_path / "a.png", layer_of(weights), list("abc"), count=2)
    assert shown == 2
    seen = pixels(tmp_path / "a.png")
    red, blue = near(seen, colors(1.0), 5), near(seen, colors(0.0), 5)
    assert np.where(blue)[1].mean() < np.where(red)[1].mean(), "map 19 comes before map 5"


def test_a_matrix_for_each_operator(tmp_path):
    layer = gv.SAGEConv(4, 4)
    with torch.no_grad():
        layer.lin_l.weight.fill_(1)
        layer.lin_r.weight.fill_(-1)
    path = draw_matrices(tmp_path / "a.png", filters(nn.Sequential(layer), "0"))
    seen = pixels(path)
    red, blue = near(seen, colors(1.0), 5), near(seen, colors(0.0), 5)
    middle = seen.shape[1] / 2
    assert np.where(red)[1].min() < middle < np.where(blue[:, : int(0.8 * seen.shape[1])])[1].max()
    assert red.sum() > 10_000
    assert blue.sum() > 10_000


def test_what_a_polynomial_lets_through_is_dark(tmp_path):
    """T₀ + T₁ = 1 + λ̂ keeps what changes fast, T₀ - T₁ what changes slowly."""
    layer = gv.ChebConv(1, 2, 2)
    with torch.no_grad():
        layer.lins[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
        layer.lins[1].weight.copy_(torch.tensor([[1.0], [-1.0]]))
    found = filters(nn.Sequential(layer), "0")
    ends = found.response(torch.tensor([-1.0, 1.0]))[:, 0]
    torch.testing.assert_close(ends, torch.tensor([[0.0, 2.0], [2.0, 0.0]]))
    seen = pixels(draw_response(tmp_path / "a.png", found))
    dark = (seen[..., 2] - seen[..., 0] > 60)[:, : int(0.75 * seen.shape[1])]
    half = seen.shape[0] // 3
    upper, lower = (np.where(part)[1].mean() for part in (dark[:half], dark[half:]))
    assert upper > lower
