"""The whitening layer: its outputs are uncorrelated and of one variance."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.layers import Whitening
from gnnvision.training.seed_run import initialize


def correlated(count=200, channels=3, size=10):
    x = torch.randn(count, channels, size, size).cumsum(3).cumsum(2)
    return x / x.std()


def test_the_outputs_are_white():
    x = correlated()
    layer = Whitening(3, kernel_size=3, patterns=12)
    layer.initialize(x)
    y = layer(x).transpose(0, 1).flatten(1)[:12]
    covariance = y @ y.T / y.shape[1]
    values = torch.linalg.eigvalsh(covariance)
    torch.testing.assert_close(covariance, covariance.diag().diag(), atol=1e-9, rtol=0)
    assert values.max() < 1
    assert values.max() > 0.99


def test_every_pattern_comes_with_both_signs_and_is_not_learned():
    layer = Whitening(1, kernel_size=2, patterns=3)
    layer.initialize(correlated(channels=1))
    assert torch.equal(layer.weight[:3], -layer.weight[3:])
    assert not layer.weight.requires_grad
    x = correlated(5, 1)
    torch.testing.assert_close(layer(x), layer.reference(x, gv.Grid((10, 10))))


@pytest.mark.parametrize("patterns", [0, 10])
def test_there_are_not_so_many(patterns):
    with pytest.raises(ValueError, match=r"'patterns' must be from 1 to .* = 9, got"):
        Whitening(1, kernel_size=3, patterns=patterns)


def test_fit_shows_each_layer_what_reaches_it():
    """A second whitening layer sees the pictures as the first one leaves them."""
    from tests.training import tasks

    task = tasks.pictures(60)
    first, second = Whitening(1, 2, patterns=2), Whitening(4, 2, patterns=3)
    model = gv.Sequential(first, nn.ReLU(), second, gv.Readout(), nn.Linear(6, 2)).train()
    initialize(model, task)
    x = next(iter(task.batches("train")))[0]
    y = second(first(x).relu()).transpose(0, 1).flatten(1)[:3]
    covariance = y @ y.T / y.shape[1]
    torch.testing.assert_close(covariance, covariance.diag().diag(), atol=1e-6, rtol=0)
    assert model.training
    assert not first._forward_pre_hooks
