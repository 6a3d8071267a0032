import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import filters


@pytest.mark.parametrize("kind", [gv.Conv2d, nn.Conv2d])
def test_the_kernels_of_a_convolution(kind):
    model = nn.Sequential(kind(3, 8, (5, 3)), nn.ReLU())
    found = filters(model, "0")
    assert torch.equal(found.on_grid(), model[0].weight)
    assert not found.values.requires_grad
    assert (found.groups, found.kernel_size) == (1, (5, 3))
    if kind is gv.Conv2d:
        assert torch.equal(found.values, model[0].taps())


def test_groups_read_their_own_channels():
    found = filters(nn.Sequential(nn.Conv2d(6, 6, 3, groups=3)), "0")
    assert found.values.shape == (9, 2, 6)
    assert found.groups == 3


def test_the_matrices_of_a_graph_convolution():
    model = gv.Sequential(gv.ChebConv(5, 4, 3))
    found = filters(model, "0")
    assert torch.equal(found.values, model[0].taps())
    assert found.kernel_size is None
    with pytest.raises(ValueError, match="'layer' must be a convolution on a grid, got '0'"):
        found.on_grid()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("1", "'layer' must be the name of a convolution, got '1', a ReLU. Did you mean '0'"),
        ("first", "got 'first', which is not there. Did you mean '0'"),
    ],
)
def test_what_is_no_convolution(name, text):
    with pytest.raises(ValueError, match=text):
        filters(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU()), name)


def test_a_network_without_convolutions():
    with pytest.raises(ValueError, match="'model' must have a convolution, got Linear"):
        filters(nn.Linear(2, 2), "")
