import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from gnnvision.data.images.color import color_jitter, cutout, shift_hue


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_torchvisions(channels):
    images = torch.rand(3, channels, 5, 6)
    factors = torch.tensor([[0.6, 1.0, 1.3], [1.2, 0.5, 1.0], [1.0, 1.5, 0.2]])
    here = color_jitter(255 * images, *factors) / 255
    for n, (b, c, s) in enumerate(factors.T.tolist()):
        there = tv.adjust_contrast(tv.adjust_brightness(images[n], b), c)
        there = tv.adjust_saturation(there, s)
        torch.testing.assert_close(here[n], there, atol=2e-3, rtol=0)


def test_factors_of_one_change_nothing():
    images = 255 * torch.rand(2, 3, 4, 4)
    one = torch.ones(2)
    torch.testing.assert_close(color_jitter(images, one, one, one), images)


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.0, 0.1, 0.37, 0.5])
def test_hue_is_torchvisions(turn):
    images = torch.rand(4, 3, 5, 6)
    images[0], images[1, :, 0] = 0.5, 0.0  # gray has no hue
    here = shift_hue(255 * images, torch.full((4,), turn)) / 255
    torch.testing.assert_close(here, tv.adjust_hue(images, turn), atol=1e-5, rtol=0)


def test_each_image_has_its_own_hue_and_gray_images_none():
    red = torch.zeros(2, 3, 2, 2)
    red[:, 0] = 200.0
    out = shift_hue(red, torch.tensor([1 / 3, -1 / 3]))
    torch.testing.assert_close(out[0, 1], red[0, 0])  # green
    torch.testing.assert_close(out[1, 2], red[0, 0])  # blue
    gray = torch.rand(2, 1, 3, 3)
    assert shift_hue(gray, torch.ones(2)).equal(gray)


def test_cutout_blanks_a_square():
    x = torch.randint(1, 255, (2, 6, 8, 3), dtype=torch.uint8)
    fill = torch.tensor([0, 255, 7], dtype=torch.uint8)
    out = cutout(x, torch.tensor([0, 3]), torch.tensor([5, 2]), 3, fill)
    assert (out[0, :3, 5:] == fill).all()
    assert (out[1, 3:, 2:5] == fill).all()
    assert ((out != x).any(-1).sum((1, 2)) <= 9).all()
    assert out[0, 3:].equal(x[0, 3:])
    assert out[1, :, :2].equal(x[1, :, :2])
