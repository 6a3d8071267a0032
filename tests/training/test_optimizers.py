"""Muon: what orthogonalising does, and that the rest follows torch's SGD."""

import pytest
import torch
from torch import nn

from gnnvision.training import Recipe
from gnnvision.training.optimizers import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_singular_values_come_near_one(shape):
    matrix = torch.randn(shape, dtype=torch.float32)
    u, values, v = torch.linalg.svd(orthogonalized(matrix, steps=5), full_matrices=False)
    assert values.max() < 1.3
    assert values.median() > 0.6
    nearest = torch.linalg.svd(matrix, full_matrices=False)
    agreement = (u @ v * (nearest.U @ nearest.Vh)).sum() / min(shape)
    assert agreement > 0.9


def test_filters_keep_their_norm_and_a_step_has_the_length_of_lr():
    conv = nn.Conv2d(8, 16, 3, bias=False)
    optimizer = Muon(conv.parameters(), lr=0.01)
    conv(torch.randn(2, 8, 6, 6)).square().sum().backward()
    scaled = conv.weight.detach() * 4 / conv.weight.detach().norm()  # the norm is √16
    optimizer.step()
    moved = (conv.weight.detach() - scaled).norm()
    assert 0.01 * 4 * 0.5 < moved < 0.01 * 4 * 1.3


def test_other_parameters_follow_sgd():
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    options = {"lr": 0.1, "weight_decay": 0.01}
    muon = Muon([{"params": ours.parameters(), **options, "orthogonal": False}], lr=1.0)
    sgd = torch.optim.SGD(theirs.parameters(), momentum=0.85, nesterov=True, **options)
    x = torch.randn(5, 3)
    for _ in range(3):
        for model, optimizer in ((ours, muon), (theirs, sgd)):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_which_parameters_are_orthogonalised():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    optimizer = Recipe(optimizer="muon").make_optimizer(model)
    chosen = [p for g in optimizer.param_groups if g["orthogonal"] for p in g["params"]]
    assert len(chosen) == 1
    assert chosen[0] is model[0].weight
