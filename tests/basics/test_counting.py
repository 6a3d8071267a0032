import pytest
import torch
from torch import nn

from gnnvision.basics import compare_with_dense, conv_cost, conv_parameters, dense_parameters


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((3, 96, 11), 34_944),
        ((96, 256, 5), 614_656),
        ((256, 384, 3), 885_120),
        ((384, 384, 3), 1_327_488),
        ((384, 256, 3), 884_992),
        ((1, 64, 5), 1_664),
        ((1, 64, 10), 6_464),
        ((64, 32, 3), 18_464),
        ((32, 120, 3), 34_680),
        ((3, 1, 3), 28),
        ((3, 32, 3), 896),
        ((32, 64, 3), 18_496),
    ],
)
def test_the_counts_of_the_notes(settings, expected):
    assert int(conv_parameters(*settings)) == expected


def numel(layer):
    return sum(parameter.numel() for parameter in layer.parameters())


@pytest.mark.parametrize("bias", [True, False])
def test_the_counts_are_torchs(bias):
    for ndim, kind in ((1, nn.Conv1d), (2, nn.Conv2d), (3, nn.Conv3d)):
        for kernel in (3, tuple(range(1, ndim + 1))):
            for groups in (1, 2):
                worked = conv_parameters(4, 6, kernel, bias=bias, groups=groups, ndim=ndim)
                layer = kind(4, 6, kernel, bias=bias, groups=groups)
                assert int(worked) == numel(layer)
                assert worked.steps[-1].endswith(f"= {numel(layer):,}")
    assert int(dense_parameters(7, 5, bias=bias)) == numel(nn.Linear(7, 5, bias=bias))


def test_the_line_of_two_sides_and_of_groups():
    assert conv_parameters(4, 6, (1, 2)).steps[:2] == ("f₁·f₂·C·N + N", "= 1·2·4·6 + 6")
    assert conv_parameters(4, 6, 3, groups=2).steps[1] == "= 3²·(4/2)·6 + 6"


def test_multiplications_are_counted_one_by_one():
    """Each output is a sum of as many products as the kernel has weights."""
    macs, memory = conv_cost((7, 6), 3, 5, 3, stride=2, padding=1)
    layer = nn.Conv2d(3, 5, 3, stride=2, padding=1)
    out = layer(torch.zeros(1, 3, 7, 6))
    assert int(macs) == out.numel() * layer.weight[0].numel()
    assert int(memory) == 4 * (out.numel() + numel(layer))


def test_the_cost_saved_by_sharing():
    saved = compare_with_dense((32, 32), 3, 64, 5)
    assert int(saved.convolution) == 3 * 5 * 5 * 64 + 64 == 4_864
    assert int(saved.dense) == 32 * 32 * 3 * 28 * 28 * 64 + 28 * 28 * 64 == 154_190_848
    assert saved.convolution_macs == 3_763_200
    assert saved.dense_macs == 154_140_672
    assert "31,700 times fewer parameters" in str(saved)


def test_refusals():
    with pytest.raises(ValueError, match="'in_channels' must be at least 1, got 0"):
        conv_parameters(0, 4, 3)
    with pytest.raises(TypeError, match=r"'out_features' must be an integer, got 2\.5"):
        dense_parameters(3, 2.5)
    with pytest.raises(ValueError, match="'out_channels' must be a multiple of groups=2, got 5"):
        conv_parameters(4, 5, 3, groups=2)
