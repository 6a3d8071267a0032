"""Blocks of networks, and learning rates that follow them."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import Recipe
from gnnvision.training.blocks import blocks, last_linear


def test_layers_without_weights_go_with_those_before_them():
    layers = nn.Dropout(), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten()
    found = blocks(nn.Sequential(*layers, nn.Linear(4, 2), nn.Softmax(1)))
    assert [b.names for b in found] == [("0", "1", "2"), ("3", "4")]
    assert [b.num_parameters for b in found] == [4 * 3 * 9 + 4, 4 * 4 * 9 + 4]


def test_a_residual_block_is_one():
    names = [b.name for b in blocks(gv.models.build("resnet18"))]
    assert names[:3] == ["network.conv1", "network.bn1", "network.layer1.0"]
    assert len(names) == 10


def test_the_rate_falls_with_the_depth():
    model = gv.models.classic_gcn(4, 8, 3, num_layers=2, norm="batch")
    optimizer = Recipe(lr=0.1, lr_head=0.5, layer_decay=0.5).make_optimizer(model)
    rate = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    _, head = last_linear(model)
    assert {rate[id(p)] for p in head.parameters()} == {0.5}
    for number, block in enumerate(blocks(model)):
        found = {rate[id(p)] for m in block.modules for p in m.parameters()}
        assert found == {0.1 * 0.5 ** (2 - number)}


def test_without_a_decay_there_is_one_group():
    """Also for networks without blocks."""
    assert len(Recipe().make_optimizer(gv.models.gcn(4, 8, 3)).param_groups) == 1


def test_a_rate_of_its_own_for_biases_is_scaled_too():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    optimizer = Recipe(lr=0.1, lr_bias=1.0, layer_decay=0.1).make_optimizer(model)
    rate = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rate[id(model[0].bias)] == pytest.approx(0.1)
    assert rate[id(model[0].weight)] == pytest.approx(0.01)
    assert rate[id(model[2].bias)] == 1.0


def test_the_recipe_says_so_and_refuses_nonsense():
    assert "layer_decay 0.8" in str(Recipe(layer_decay=0.8))
    assert "depth" not in str(Recipe())
    assert Recipe.from_dict(Recipe(layer_decay=0.8).to_dict()).layer_decay == 0.8
    with pytest.raises(ValueError, match=r"'layer_decay' must be from 0 to 1, got 1\.5"):
        Recipe(layer_decay=1.5)


@pytest.mark.parametrize("model", [nn.Conv2d(1, 1, 1), nn.Sequential(nn.ReLU())])
def test_networks_without_a_dense_end_are_refused(model):
    with pytest.raises(ValueError, match=r"'network' must end in a dense layer"):
        last_linear(model)


def test_direct_parameters_count_as_early():
    class Positioned(nn.Module):
        def __init__(self):
            super().__init__()
            self.place = nn.Parameter(torch.zeros(3))
            self.body, self.head = nn.Linear(3, 3), nn.Linear(3, 2)

    model = Positioned()
    optimizer = Recipe(lr=1.0, layer_decay=0.5).make_optimizer(model)
    rate = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rate[id(model.place)] == rate[id(model.body.weight)] == 0.5
