"""Each parameter is counted once, with the layer that uses it."""

import pytest
import torch
from torch import nn

import gnnvision as gv

from .networks import path, summarized

GRID = gv.Grid((8, 8))
COUNTS = ("parameters", "trainable_parameters", "shared_parameters", "macs", "activation_bytes")


def rows(model, domain=GRID, **more):
    return {layer.name: layer for layer in gv.summary(model, domain, **more).layers}


def test_frozen_parameters():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    model[0].requires_grad_(False)
    result = gv.summary(model, GRID)
    assert (result.total_parameters, result.trainable_parameters) == (48, 8)
    assert [layer.frozen_parameters for layer in result.layers] == [40, 0]


def test_a_layer_that_runs_twice():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    first, second = gv.summary(nn.Sequential(conv, nn.ReLU(), conv), GRID).layers[::2]
    assert (first.parameters, first.shared_parameters) == (38, 0)
    assert (second.parameters, second.shared_parameters) == (0, 38)
    assert second.macs == first.macs == 64 * 2 * 2 * 9
    assert second.receptive_field == (5, 5)


def test_weights_that_two_layers_share():
    encoder, decoder = nn.Linear(64, 5, bias=False), nn.Linear(64, 5, bias=False)
    decoder.weight = encoder.weight

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = encoder, decoder

        def forward(self, x):
            return self.encoder(x.flatten(1)) + self.decoder(x.flatten(1))

    result = gv.summary(Tied(), GRID)
    assert result.total_parameters == 320
    first, second, own = result.layers
    assert (first.parameters, second.parameters, second.shared_parameters) == (320, 0, 320)
    assert result.total_macs == 2 * 320
    assert (own.kind, own.settings, own.activation_bytes) == ("Tied", "add", 5 * 4)


def test_a_head_for_training_alone():
    found = {layer.name: layer for layer in summarized("googlenet").layers}
    assert not found["aux1"].was_called
    assert found["aux1"].output_shape is None
    convolution, dense = 512 * 128 + 2 * 128, 2048 * 1024 + 1024 + 1024 * 1000 + 1000
    assert found["aux1"].parameters == convolution + dense
    assert found["aux1"].macs == 0


class Block(nn.Module):
    """Holds a number of its own, adds, and multiplies with an idle layer's weight."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.conv = nn.Conv2d(2, 2, 1)
        self.lent = nn.Linear(8, 8, bias=False)
        self.never = nn.Linear(3, 3)

    def forward(self, x):
        return self.conv(x) * self.scale + x @ self.lent.weight


def test_what_a_block_does_itself():
    found = rows(nn.Sequential(Block()))
    own = found["0"]
    assert own.parameters == 1 + 64
    assert own.macs == 2 * 8 * 8 * 8
    assert own.settings == "mul, matrix product, add"
    assert own.activation_bytes == 3 * 2 * 64 * 4
    assert found["0.conv"].parameters == 6
    assert (found["0.never"].was_called, found["0.never"].parameters) == (False, 12)


@pytest.mark.parametrize(
    "result",
    [
        lambda: summarized("resnet18"),
        lambda: summarized("googlenet"),
        lambda: summarized("shufflenet_v2_x0_5"),
        lambda: gv.summary(gv.models.classic_gcn(5, 4, 2, norm="layer", residual=True), path(7)),
    ],
    ids=["resnet18", "googlenet", "shufflenet", "gcn"],
)
@pytest.mark.parametrize("depth", [0, 1, 2, None])
def test_rows_add_up_at_any_depth(result, depth):
    network = result().network
    for name in COUNTS:
        total = sum(getattr(row, name) for row in network.rows(depth))
        assert total == getattr(network, name)


def test_memory_of_outputs():
    """In place and views make nothing; every other output counts once."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(inplace=True),
        nn.Tanh(),
        nn.Identity(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )
    sizes = [layer.activation_bytes for layer in gv.summary(model, GRID).layers]
    assert sizes == [4 * 36 * 4, 0, 4 * 36 * 4, 0, 4 * 9 * 4, 0]
    assert gv.summary(model, GRID).activation_bytes == sum(sizes)
    half = gv.summary(model.half(), GRID)
    assert half.activation_bytes == sum(sizes) / 2
