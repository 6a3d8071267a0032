import pytest
import torch
from torch import nn

import gnnvision as gv

from .conftest import counts


def test_the_network_of_1998():
    assert counts(gv.models.lenet5()) == [156, 2416, 48120, 120 * 84 + 84, 84 * 10 + 10]
    assert sum(counts(gv.models.lenet5())[:3]) == 50692
    assert sum(counts(gv.models.lenet5())[3:]) == 11014


def test_the_network_of_the_notes():
    expected = [156, 2416, 48120, 120 * 7 * 7 * 84 + 84, 84 * 10 + 10]
    assert counts(gv.models.lenet5_notes()) == expected
    assert sum(expected) == 545546


@pytest.mark.parametrize("size", [(8, 8), (27, 28), (32, 32)])
def test_a_smaller_picture_is_framed_with_zeros(size):
    """As in 1998, where digits of 28 × 28 lie in a field of 32 × 32."""
    network = gv.models.lenet5(image_size=size).eval()
    x = torch.rand(2, 1, *size)
    before = [max(0, -(-(32 - n) // 2)) for n in size]
    frame = [before[1], before[1], before[0], before[0]]
    large = gv.models.lenet5().eval()
    large.load_state_dict(network.state_dict())
    framed = nn.functional.pad(x, frame)[..., :33, :33]
    torch.testing.assert_close(network(x), large(framed))


def test_a_larger_picture_leaves_a_larger_map():
    assert gv.models.lenet5(image_size=40)[9].in_features == 120 * 3 * 3
