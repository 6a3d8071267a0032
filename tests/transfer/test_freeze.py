"""What is frozen keeps every byte, in training mode too."""

import copy
import pickle

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.transfer import (
    Backbone,
    apply_strategy,
    freeze,
    freeze_norm_statistics,
    is_frozen,
    unfreeze,
)

from .tasks import pictures, small_network


def ring(nodes=12, channels=5):
    edges = [(i, (i + 1) % nodes) for i in range(nodes)]
    return torch.randn(nodes, channels), gv.Graph.from_edges(edges, nodes, undirected=True)


def network(name):
    """A backbone, a signal, its domain, and the names of what stays frozen."""
    if name == "gcn":
        x, domain = ring()
        made = gv.models.classic_gcn(5, 8, 3, norm="batch", residual=True)
    else:
        x, domain = torch.randn(3, 3, 32, 32), gv.Grid((32, 32))
        made = gv.models.build(name, num_classes=3)
    return Backbone(made), x, domain


def held(model, names):
    """Every tensor and buffer below these names, as bytes."""
    state = model.network.state_dict()
    return {
        n: t.numpy().tobytes()
        for n, t in state.items()
        if any(f"{n}.".startswith(f"{p}.".lstrip(".")) for p in names)
    }


def steps(model, x, domain, count=3):
    """Training with everything that moves weights: momentum, weight decay, norm statistics."""
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learned, 0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(count):
        for module in model.modules():  # as `fit` does where no module has its own `train`
            module.__dict__["training"] = True
        optimizer.zero_grad()
        model(x, domain).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("strategy", ["head", "last"])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "gcn"])
def test_every_byte_stays(name, strategy):
    model, x, domain = network(name)
    trained = set(apply_strategy(model, strategy))
    frozen = [n for b in model.blocks if b.name not in trained for n in b.names]
    before, others = held(model, frozen), held(model, [""])
    assert any(n.endswith("running_mean") for n in before)
    steps(model, x, domain)
    assert held(model, frozen) == before
    moved = {n for n, value in held(model, [""]).items() if value != others[n]}
    assert moved
    assert not moved & set(before)


def test_the_test_would_notice():
    """Without freezing, statistics move even where no parameter is learned."""
    model, x, domain = network("resnet18")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    before = held(model, [""])
    model.train()(x, domain)
    assert held(model, [""]) != before


def test_fit_keeps_it():
    task = pictures()
    model = Backbone(small_network(2))
    apply_strategy(model, "head")
    before = held(model, [n for b in model.blocks for n in b.names])
    recipe = gv.Recipe(epochs=2, lr=0.1, weight_decay=0.1, ema_decay=0.9, batch_size=16)
    result = gv.fit(model, task, recipe, seeds=2, progress=False)
    assert held(result.model, [n for b in model.blocks for n in b.names]) == before


def test_outputs_are_those_of_evaluation():
    model, x, domain = network("gcn")
    want = model.eval()(x, domain)
    freeze(model)
    assert torch.equal(model.train()(x, domain), want)
    assert not any(m.training for m in model.modules())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_frozen_and_can_be_unfrozen_alone(again):
    norm = nn.BatchNorm1d(3)
    freeze(norm)
    other = again(norm)
    other.train()(torch.randn(5, 3) + 4)
    assert is_frozen(other)
    assert torch.equal(other.running_mean, torch.zeros(3))
    unfreeze(other)
    other(torch.randn(5, 3) + 4)
    assert other.running_mean.min() > 0
    assert other.weight.requires_grad
    assert is_frozen(norm)
    assert not norm.weight.requires_grad


def test_unfreezing_leaves_alone_what_was_not_learned_before():
    made = gv.models.whitened_cnn(widths=(4, 8, 8))
    learned = {n for n, p in made.named_parameters() if p.requires_grad}
    freeze(made)
    freeze(made)  # twice is once
    assert not any(p.requires_grad for p in made.parameters())
    unfreeze(made)
    assert {n for n, p in made.named_parameters() if p.requires_grad} == learned
    assert not any(m._forward_pre_hooks for m in made.modules())


def test_held_norms_learn_their_gains_and_keep_their_statistics():
    model, x, domain = network("gcn")
    freeze_norm_statistics(model)
    steps(model, x, domain)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    assert norms
    for norm in norms:
        assert torch.equal(norm.running_mean, torch.zeros(8))
        assert not torch.equal(norm.weight, torch.ones(8))
    freeze(*norms)  # on top of it
    before = held(model, [""])
    steps(model, x, domain)
    after = held(model, [""])
    assert all(before[n] == after[n] for n in after if ".norm." in n)
    unfreeze(*norms)
    steps(model, x, domain)
    assert all(n.weight.requires_grad and n.num_batches_tracked == 3 for n in norms)
