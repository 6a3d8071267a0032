import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.resize import resize_arrays, to_grayscale


def arrays(size=(10, 10), channels=3):
    images = np.random.default_rng(0).integers(0, 256, (5, *size, channels), dtype=np.uint8)
    return ImageArrays(images, np.zeros(5, dtype=int), np.zeros(5, dtype=np.uint8), ("a",))


def test_nothing_to_do():
    here = arrays()
    assert resize_arrays(here, None, None) is here
    assert resize_arrays(here, (10, 10), 3) is here


@pytest.mark.parametrize("size", [(5, 5), (17, 17)])
def test_as_torchvision_resizes(size):
    there = tv.resize(
        torch.from_numpy(arrays().images).permute(0, 3, 1, 2), list(size), antialias=True
    )
    here = resize_arrays(arrays(), size, None).images.transpose(0, 3, 1, 2)
    assert np.abs(here.astype(int) - there.numpy()).max() <= 1


def test_the_middle_is_taken():
    ramp = arrays((8, 20))
    ramp.images[:] = np.arange(0, 200, 10, dtype=np.uint8)[None, None, :, None]
    out = resize_arrays(ramp, (8, 8), None).images
    assert (out == np.arange(60, 140, 10)[None, None, :, None]).all()


def test_channels():
    gray = resize_arrays(arrays(), None, 1).images
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[..., 0] - arrays().images @ weights).max() < 1.1
    wide = resize_arrays(arrays(channels=1), None, 3).images
    assert (wide == arrays(channels=1).images).all()
    assert wide.shape[3] == 3


def test_grayscale_is_that_of_torchvision():
    values = torch.cartesian_prod(*[torch.arange(0, 256, 15, dtype=torch.uint8)] * 3)
    images = values.T.reshape(1, 3, 18, -1)  # 18 levels of each color, all combinations
    assert to_grayscale(images).equal(tv.rgb_to_grayscale(images))
