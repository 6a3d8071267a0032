"""Stacked models and optimizers equal each one by itself."""

import copy

import pytest
import torch
from torch import nn

from gnnvision.layers.memory import quick_filters
from gnnvision.training.optimizers import SGD, Adam, AdamW, Muon
from gnnvision.training.stacking import Stack, StackedOptimizer, stacked, with_layout_of

KINDS = {
    "adam": lambda groups: Adam(groups, 0.1, fused=True),
    "adamw": lambda groups: AdamW(groups, 0.1, fused=True),
    "sgd": lambda groups: SGD(groups, 0.1, momentum=0.9, nesterov=True, fused=True),
    "muon": lambda groups: Muon([groups[0], groups[1] | {"orthogonal": False}], 0.1),
}


def models(count=3):
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten()))
        quick_filters(made[-1])
    return made


def groups(model):
    parameters = list(model.parameters())
    return [{"params": parameters[:1], "weight_decay": 0.1}, {"params": parameters[1:]}]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_and_states(kind):
    """Steps, also after the group has ended and begun again, and what is handed over."""
    group = models()
    alone = copy.deepcopy(group)
    optimizers = [KINDS[kind](groups(model)) for model in group]
    likes = [KINDS[kind](groups(model)) for model in alone]
    for _ in range(2):
        stack = Stack(group)
        whole = StackedOptimizer(optimizers, stack)
        for _ in range(3):
            torch.manual_seed(9)
            gradients = [torch.randn(leaf.shape) for leaf in whole.learned]
            for number, like in enumerate(likes):
                order = [p for g in like.param_groups for p in g["params"]]
                for parameter, gradient in zip(order, gradients, strict=True):
                    parameter.grad = with_layout_of(gradient[number], parameter)
                like.step()
            laid_out = map(with_layout_of, gradients, whole.learned)
            whole.step(list(laid_out))
            for optimizer in (*optimizers, *likes):  # as a schedule does
                for settings in optimizer.param_groups:
                    settings["lr"] /= 2
        whole.hand_over()
        stack.release()
        for one, other in zip(group, alone, strict=True):
            for found, wanted in zip(one.parameters(), other.parameters(), strict=True):
                torch.testing.assert_close(found, wanted)
                assert found.stride() == wanted.stride()
        for one, other in zip(optimizers, likes, strict=True):
            found, wanted = one.state_dict()["state"], other.state_dict()["state"]
            assert found.keys() == wanted.keys()
            for key, values in wanted.items():
                for name, value in values.items():
                    torch.testing.assert_close(found[key][name], value)


def test_models_are_views_until_they_are_released():
    """A change of the stack is one of the model, and the other way round; then no more."""
    group = models(2)
    stack = Stack(group)
    with torch.no_grad():
        stack.state["0.weight"][1] = 3.0
        group[0][1].running_mean.fill_(5.0)
    assert bool((group[1][0].weight == 3).all())
    assert bool((stack.state["1.running_mean"][0] == 5).all())
    stack.release()
    with torch.no_grad():
        stack.state["0.weight"].zero_()
    assert bool((group[1][0].weight == 3).all())
    assert group[0][1].running_mean.tolist() == [5.0] * 4


def test_parts_keep_their_layout():
    """As a fused optimizer reads the memory of a parameter and its gradient in one order."""
    parts = [torch.randn(4, 3).t() for _ in range(2)]
    whole = stacked(parts)
    assert whole[0].stride() == parts[0].stride()
    assert torch.equal(whole, torch.stack(parts))
    assert with_layout_of(torch.ones(2, 3, 4), whole).stride() == whole.stride()
