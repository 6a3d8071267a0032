import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from gnnvision.data.images.color import color_jitter, cutout


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


def test_cutout_blanks_a_square():
    x = torch.randint(1, 255, (2, 6, 8, 3), dtype=torch.uint8)
    fill = torch.tensor([0, 255, 7], dtype=torch.uint8)
    out = cutout(x, torch.tensor([0, 3]), torch.tensor([5, 2]), 3, fill)
    assert (out[0, :3, 5:] == fill).all()
    assert (out[1, 3:, 2:5] == fill).all()
    assert ((out != x).any(-1).sum((1, 2)) <= 9).all()
    assert out[0, 3:].equal(x[0, 3:])
    assert out[1, :, :2].equal(x[1, :, :2])
