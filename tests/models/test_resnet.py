import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.models import ResidualBlock

from .conftest import counts


def test_parameters_by_hand():
    network = gv.models.small_resnet(width=8, stages=2)
    stem = [9 * 8, 16]
    first = [8 * 8 * 9, 16, 8 * 8 * 9, 16]
    second = [8 * 16 * 9, 32, 16 * 16 * 9, 32, 8 * 16, 32]
    assert counts(network) == [*stem, *first, *second, 16 * 10 + 10]


@pytest.mark.parametrize(("depth", "stages"), [(1, 3), (2, 2)])
def test_depth(depth, stages):
    network = gv.models.small_resnet(depth=depth, stages=stages)
    blocks = [m for m in network if isinstance(m, ResidualBlock)]
    assert len(blocks) == depth * stages
    assert network[-1].in_features == 24 * 2 ** (stages - 1)


def test_a_block_without_its_convolutions_is_its_skip():
    block = ResidualBlock(4, 4).eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(2, 4, 6, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(("stride", "wide"), [(1, 4), (1, 6), (2, 4), (2, 6)])
def test_the_domain_of_a_block(stride, wide):
    block, grid = ResidualBlock(4, wide, stride), gv.Grid((7, 6))
    out = block.out_domain(grid)
    assert block(torch.rand(2, 4, 7, 6), grid).shape == (2, wide, *out.shape)
    assert out == gv.Grid((7, 6) if stride == 1 else (4, 3))


def test_about_six_million_multiplications():
    macs = []

    def note(module, given, made):
        sites = made[0, 0].numel() if made.ndim == 4 else 1
        macs.append(module.weight.numel() * sites)

    network = gv.models.small_resnet()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(note)
    network(torch.rand(2, 1, 28, 28))
    assert 5e6 < sum(macs) < 7e6
