"""The strong network: it begins as the identity, fits any size, and can be built again."""

import pytest
import torch

import gnnvision as gv
from gnnvision.models import IdentityConv2d, Stage, build, whitened_cnn


def test_a_convolution_begins_as_the_identity():
    conv = IdentityConv2d(4, 6)
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(conv(x)[:, :4], x)
    assert conv(x)[:, 4:].abs().sum() > 0
    narrow = IdentityConv2d(6, 4)
    x = torch.randn(2, 6, 5, 5)
    assert torch.equal(narrow(x), x[:, :4])


@pytest.mark.parametrize("pool", ["first", "second", "none"])
def test_a_stage_halves_the_grid_where_it_pools(pool):
    stage = Stage(3, 8, 3, pool)
    grid = gv.Grid((9, 7))
    out = stage.out_domain(grid)
    assert out.shape == ((9, 7) if pool == "none" else (4, 3))
    assert stage(torch.randn(2, 3, 9, 7)).shape == (2, 8, *out.shape)


def test_the_third_convolution_adds_what_the_first_made():
    stage = Stage(3, 8, 3, "none").eval()
    torch.nn.init.zeros_(stage.convs[2].weight)
    x = torch.randn(2, 3, 5, 5)
    first = stage.act(stage.norms[0](stage.convs[0](x)))
    torch.testing.assert_close(stage(x), stage.act(first))


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 12), (1, 28), (3, 32), (3, (40, 33))])
def test_every_size_and_number_of_classes(channels, size):
    network = whitened_cnn(channels, 4, size, widths=(8, 8, 16))
    height, width = (size, size) if isinstance(size, int) else size
    assert network(torch.randn(2, channels, height, width)).shape == (2, 4)
    again = build(network.spec["name"], **network.spec["arguments"])
    again.load_state_dict(network.state_dict())


def test_what_is_learned():
    network = whitened_cnn(widths=(8, 8, 8))
    fixed = {n.split(".", 1)[1] for n, p in network.named_parameters() if not p.requires_grad}
    assert fixed == {"weight", "norms.0.weight", "norms.1.weight"}


def test_pictures_that_are_too_small():
    with pytest.raises(ValueError, match="'image_size' must be large enough"):
        whitened_cnn(image_size=2)


def test_stages_of_two_minds():
    with pytest.raises(ValueError, match="'widths' and 'depths' must have one number for each"):
        whitened_cnn(widths=(8, 8), depths=(2, 2, 2))
