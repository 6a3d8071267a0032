import numpy as np
import torch
from PIL import Image
from torch import nn

import gnnvision as gv
from gnnvision.explain import filters
from gnnvision.report.layer_filters import draw_filters, filter_pixels, has_kernel_images


def test_three_channels_are_an_image_and_others_two_colors():
    kernel = np.zeros((3, 2, 2), dtype=np.float32)
    kernel[0, 0, 0], kernel[2, 1, 1] = 2, -2
    pixels = filter_pixels(kernel)
    assert pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [255, 128, 128]
    assert pixels[1, 1].tolist() == [128, 128, 0]
    assert filter_pixels(kernel[:2]).tolist() == [[1.0, 0], [0, 0]]


def test_only_images_of_more_than_a_pixel_are_drawn():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 1), gv.GCNConv(2, 2))
    assert [has_kernel_images(filters(model, name)) for name in "012"] == [True, False, False]


def test_as_many_as_there_are_or_are_wanted(tmp_path):
    model = nn.Sequential(nn.Conv2d(1, 40, 3))
    with torch.no_grad():
        model[0].weight.fill_(1)
    assert draw_filters(tmp_path / "a.png", filters(model, "0")) == 32
    assert draw_filters(tmp_path / "b.png", filters(model, "0"), count=2) == 2
    with Image.open(tmp_path / "b.png") as image:
        red, _, blue = np.asarray(image.convert("RGB"))[image.height // 2, image.width // 4]
    assert red > blue + 50
