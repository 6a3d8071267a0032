"""`fit` trains any network, called as its forward asks to be."""

import pytest
import torch
from torch import nn

import gnnvision as gv

GRID = gv.Grid((8, 8))


class Two(nn.Module):
    """Two inputs, as a siamese network has."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, a, b):
        return (self.conv(a) + self.conv(b)).mean((2, 3))


class Heads(nn.Module):
    """Two heads on pixels; the second is for whoever asks for it."""

    def __init__(self):
        super().__init__()
        self.main, self.other = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, x, other=None):
        return self.main(x.flatten(1)) if other is None else self.other(x.flatten(1))


def trained(model):
    recipe = gv.Recipe(epochs=1, batch_size=256, lr=0.01)
    result = gv.fit(model, gv.data.load("digits"), recipe, progress=False)
    return result.model, result.outcomes[0].metrics["test"]


def test_a_plain_network_trains_as_ours_does():
    layers = (nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    plain, measured = trained(nn.Sequential(*layers, nn.Linear(4, 10)))
    ours, same = trained(gv.Sequential(*layers, nn.Linear(4, 10)))
    assert measured == same
    for a, b in zip(plain.parameters(), ours.parameters(), strict=True):
        assert torch.equal(a, b)
    assert gv.summary(plain, GRID, channels=1).output_shape == (1, 10)


def test_an_optional_second_head_is_not_trained_by_accident():
    first = Heads()
    other = first.other.weight.clone()
    recipe = gv.Recipe(epochs=1, batch_size=256, lr=0.01)
    result = gv.fit(first, gv.data.load("digits"), recipe, reset=False, progress=False)
    assert torch.equal(first.other.weight, other)
    assert result.outcomes[0].metrics["test"]["accuracy"] > 0.5


def test_fit_says_that_a_model_needs_two_inputs():
    with pytest.raises(TypeError, match="'model' must take one signal"):
        trained(Two())


def test_fit_says_that_a_chain_must_hand_on_the_graph():
    task = gv.data.load("karate")
    model = nn.Sequential(gv.GCNConv(task.in_channels, 2))
    with pytest.raises(TypeError, match="'model' must take node features and a graph"):
        gv.fit(model, task, gv.Recipe(epochs=1), progress=False)
