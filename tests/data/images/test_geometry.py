import math

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from gnnvision.data.images.geometry import (
    affine,
    crop,
    flip,
    pad,
    resized_crop,
    to_channels_last,
)


@pytest.fixture
def x():
    return torch.randint(0, 256, (5, 6, 9, 3), dtype=torch.uint8)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def test_rows_of_channels_last_pictures_are_no_copy():
    images = torch.zeros(2, 3, 4, 5, dtype=torch.uint8).to(memory_format=torch.channels_last)
    assert to_channels_last(images).data_ptr() == images.data_ptr()
    assert to_channels_last(images.contiguous()).is_contiguous()


@pytest.mark.parametrize(("mode", "theirs"), [("reflect", "reflect"), ("zeros", "constant")])
@pytest.mark.parametrize("padding", [0, 1, 4])
def test_pad_is_torchvisions(x, mode, theirs, padding):
    there = tv.pad(nchw(x), padding, padding_mode=theirs)
    assert nchw(pad(x, padding, mode)).equal(there)


def test_crop_takes_the_window_of_each(x):
    top, left = torch.tensor([0, 1, 2, 3, 2]), torch.tensor([4, 0, 1, 4, 3])
    out = crop(x, top, left, (3, 5))
    for n, (t, s) in enumerate(zip(top.tolist(), left.tolist(), strict=True)):
        assert out[n].equal(x[n, t : t + 3, s : s + 5])


def test_flip_mirrors_the_chosen_and_twice_is_identity(x):
    which = torch.tensor([True, False, True, False, False])
    out = flip(x, which)
    assert out[which].equal(x[which].flip(2))
    assert out[~which].equal(x[~which])
    assert flip(out, which).equal(x)
    assert flip(x, ~which | which).equal(x.flip(2))
    assert flip(x, which & ~which).equal(x)


@pytest.mark.parametrize(("degrees", "factor"), [(0, 1.0), (30, 1.0), (-75, 0.8), (10, 1.4)])
def test_affine_is_torchvisions(degrees, factor):
    images = torch.rand(1, 2, 11, 15)
    there = tv.affine(
        images, -degrees, [0, 0], factor, [0, 0], interpolation=tv.InterpolationMode.BILINEAR
    )
    angle, scale = torch.tensor([math.radians(degrees)]), torch.tensor([factor])
    here = affine(images, angle, torch.zeros(1, 2), scale, "zeros")
    # At the border torchvision mixes with its fill, we with zeros: look inside.
    torch.testing.assert_close(here[..., 2:-2, 4:-4], there[..., 2:-2, 4:-4], atol=1e-3, rtol=0)


def test_a_shift_by_whole_pixels_moves_them():
    images = torch.rand(1, 1, 8, 10)
    shift = torch.tensor([[0.2, 0.25]])  # 2 pixels to the right, 2 down
    moved = affine(images, torch.zeros(1), shift, torch.ones(1), "zeros")
    torch.testing.assert_close(moved[..., 2:, 2:], images[..., :-2, :-2], atol=1e-5, rtol=0)
    assert moved[..., :2, :].abs().max() < 1e-5


def test_a_quarter_turn_is_exact():
    images = torch.rand(1, 1, 6, 6)
    turned = affine(images, torch.tensor([math.pi / 2]), torch.zeros(1, 2), torch.ones(1), "zeros")
    torch.testing.assert_close(turned, images.rot90(1, (2, 3)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("box", [(0, 0, 12, 20), (2, 3, 8, 8), (5, 1, 3, 17), (0, 12, 12, 5)])
@pytest.mark.parametrize("size", [(7, 7), (4, 30)])
def test_resized_crop_is_torchvisions(box, size):
    images = torch.rand(2, 3, 12, 20)
    there = tv.resized_crop(images, *box, list(size), antialias=True)
    here = resized_crop(images, torch.tensor([box, box]), size)
    torch.testing.assert_close(here, there, atol=1e-5, rtol=0)


def test_each_picture_has_its_own_box():
    images = torch.rand(2, 1, 6, 6)
    out = resized_crop(images, torch.tensor([[0, 0, 6, 6], [1, 2, 3, 3]]), (3, 3))
    torch.testing.assert_close(out[1], images[1, :, 1:4, 2:5])
