import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.explain import layers, receptive_field
from gnnvision.report.layer_canvas import ImageCanvas, on_scale

from .canvases import ORANGE, colors, drawn, near


def test_the_scale_is_white_in_the_middle():
    assert min(colors(0.5)) >= 254
    red, blue = colors(1.0), colors(0.0)
    assert red[0] > red[2] + 80
    assert blue[2] > blue[0] + 80


def test_places_on_the_scale():
    values = torch.tensor([-4.0, -1.0, 0.0, 2.0, torch.nan])
    np.testing.assert_allclose(on_scale(values, 2.0), [0, 0.25, 0.5, 1, np.nan])


def test_the_frame_is_where_the_field_is(tmp_path):
    model = gv.Sequential(gv.Conv2d(3, 4, 5))
    x, grid = torch.zeros(1, 3, 20, 20), gv.Grid((20, 20))
    canvas = ImageCanvas(torch.zeros(3, 20, 20, dtype=torch.uint8))
    layer = layers(model, x, grid)[0]
    assert canvas.site(layer) == 8 * 16 + 8
    field = receptive_field(model, x, grid, "0", canvas.site(layer))
    seen = near(drawn(tmp_path / "a.png", lambda axes: canvas.draw_field(axes, field)), ORANGE)
    rows, columns = np.where(seen)
    side = seen.shape[0] / 20
    for found, (begin, end) in zip((rows, columns), field.box, strict=True):
        assert abs(found.min() / side - begin) < 0.7
        assert abs(found.max() / side - end) < 0.7
    without = drawn(tmp_path / "b.png", lambda axes: canvas.draw_field(axes, None))
    assert not near(without, ORANGE).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_positive_red_and_negative_blue_at_their_places(tmp_path, channels):
    picture = torch.full((channels, 8, 8), 255, dtype=torch.uint8)
    model = gv.Sequential(gv.MaxPool2d(4))
    layer = layers(model, picture[None].float(), gv.Grid((8, 8)))[0]
    values = torch.tensor([2.0, 0.0, 0.0, -2.0])
    canvas = ImageCanvas(picture)
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, values, layer))
    half = seen.shape[0] // 4
    corners = seen[half, half], seen[half, -half], seen[-half, half], seen[-half, -half]
    assert corners[0][0] > corners[0][2] + 50
    assert np.ptp(corners[1]) <= 3
    assert np.ptp(corners[2]) <= 3
    assert corners[3][2] > corners[3][0] + 50


def test_a_map_of_zeros_is_the_image_alone(tmp_path):
    picture = torch.full((3, 8, 8), 255, dtype=torch.uint8)
    layer = layers(gv.Sequential(gv.MaxPool2d(4)), picture[None].float(), gv.Grid((8, 8)))[0]
    canvas = ImageCanvas(picture)
    seen = drawn(tmp_path / "a.png", lambda axes: canvas.draw_map(axes, torch.zeros(4), layer))
    assert np.ptp(seen[20:-20, 20:-20]) <= 3
