import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gnnvision as gv

from .conftest import counts

ENCODER = [896, 18496, 73856, 166410]


def test_the_parameters_of_the_notes():
    decoder = [183040, 65664, 8256, 4128]
    assert counts(gv.models.autoencoder(out_channels=1)) == [*ENCODER, *decoder, 33]
    assert counts(gv.models.autoencoder()) == [*ENCODER, *decoder, 32 * 3 + 3]


def test_the_shapes_of_the_notes():
    network, sizes = gv.models.autoencoder(out_channels=1).eval(), []
    for layer in network.modules():
        if isinstance(layer, gv.Conv2d | gv.Upsample):
            layer.register_forward_hook(lambda m, x, y: sizes.append(tuple(y.shape[1:])))
    assert network(torch.rand(1, 3, 100, 75)).shape == (1, 1, 100, 75)
    assert sizes == [
        (32, 50, 38), (64, 25, 19), (128, 13, 10),
        (128, 26, 20), (128, 25, 19), (128, 50, 38), (64, 50, 38), (64, 100, 76), (32, 100, 75),
        (1, 100, 75),
    ]  # fmt: skip


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_every_size_comes_back(height, width):
    network = gv.models.autoencoder(1, (height, width), latent_channels=2).eval()
    y = network(torch.rand(2, 1, height, width), gv.Grid((height, width)))
    assert y.shape == (2, 1, height, width)
    assert bool(((y >= 0) & (y <= 1)).all())
    assert network.out_domain(gv.Grid((height, width))) == gv.Grid((height, width))


def test_the_code_is_all_that_the_decoder_sees():
    network = gv.models.autoencoder(1, 12, latent_channels=3).eval()
    x = torch.rand(5, 1, 12, 12)
    code = network.encoder(x)
    assert code.shape == (5, 3)
    assert torch.equal(network.decoder(code), network(x))


def test_a_size_that_is_none():
    with pytest.raises(ValueError, match="'image_size' must be at least 1, got 0"):
        gv.models.autoencoder(image_size=0)


def test_a_kernel_of_1_repeats_pixels_and_one_of_3_draws_them():
    code = torch.randn(2, 10)
    for kernel_size, is_constant in ((1, True), (3, False)):
        image = gv.models.autoencoder(1, 16, kernel_size=kernel_size).decoder(code)
        assert image.shape == (2, 1, 16, 16)
        block = image[:, :, :8, :8]
        assert bool((block == block[:, :, :1, :1]).all()) is is_constant
    with pytest.raises(ValueError, match="'kernel_size' must be odd"):
        gv.models.autoencoder(kernel_size=2)


@pytest.mark.parametrize("size", [(100, 75), (28, 28), (9, 17)])
def test_a_kernel_of_3_keeps_every_size(size):
    network = gv.models.autoencoder(3, size, kernel_size=3)
    assert network(torch.rand(1, 3, *size)).shape == (1, 3, *size)
