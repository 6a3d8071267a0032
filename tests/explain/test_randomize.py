import copy

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import cascading_randomization, randomize_weights

from .nets import bonds, cases, cnn, gcn, images, molecules, same, state_of

GRID = gv.Grid((8, 10))


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def changed(model, other):
    """The names of parameters that differ."""
    theirs = dict(other.named_parameters())
    return {n for n, p in model.named_parameters() if not torch.equal(p, theirs[n])}


@pytest.mark.parametrize("name", ["cnn", "gcn", "bond_network"])
def test_layers_are_randomized_from_the_output_down(name):
    model, x, domain = cases()[name]
    before = state_of(model)
    seen, sizes = [], []
    for layer, other in cascading_randomization(model, x, domain, stages=3):
        seen.append(layer)
        sizes.append(changed(model, other))
        assert not any(module.training for module in other.modules())
    assert len(seen) == 3
    assert sizes[0] < sizes[1] < sizes[2]
    last = next(n for n, m in reversed(list(model.named_modules())) if isinstance(m, nn.Linear))
    assert f"{last}.weight" in sizes[0]
    assert "0.weight" not in sizes[0]
    weights = {n for n, p in model.named_parameters() if p.ndim > 1}
    assert weights <= sizes[2]
    assert same(before, state_of(model))


def test_a_stage_for_each_layer_at_most():
    model = gv.Sequential(gv.Conv2d(3, 4, 3), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 2))
    assert [name for name, _ in cascading_randomization(model, images(), GRID, stages=9)] == [
        "3",
        "0",
    ]


def test_new_weights_depend_on_the_seed_alone():
    model, x, graph = gcn(), *molecules()
    torch.manual_seed(5)
    first = randomize_weights(model, x, graph, seed=3)
    generator = torch.rand(3)
    torch.manual_seed(5)
    torch.testing.assert_close(torch.rand(3), generator)  # the process's numbers are not touched
    again = randomize_weights(model, x, graph, seed=3)
    assert not changed(first, again)
    assert changed(first, randomize_weights(model, x, graph, seed=4))
    through = [
        copy.deepcopy(other) for _, other in cascading_randomization(model, x, graph, 3, seed=3)
    ][-1]
    assert not changed(first, through)


def test_batch_norms_get_the_statistics_of_the_signal():
    model, x = cnn(), images()
    other = randomize_weights(model, x, GRID)
    with torch.no_grad():
        y = other[1](other[0](x))
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(8), atol=1e-6, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(8), atol=1e-3, rtol=0)


def test_a_deep_network_neither_vanishes_nor_explodes():
    layers = []
    for _ in range(40):
        layers += [gv.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU6()]
    model = gv.Sequential(*layers, gv.Readout("mean"), nn.Linear(3, 2))
    x = images().requires_grad_()
    other = randomize_weights(model, x, GRID)
    (grad,) = torch.autograd.grad(other(x, GRID)[:, 0].sum(), x)
    assert 1e-4 < float(grad.abs().max()) < 1e4


def test_parameters_outside_of_layers_keep_their_standard_deviation():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(5 + 0.1 * torch.randn(3, 1, 1))

        def forward(self, x):
            return x * self.gain

    model = gv.Sequential(Own(), gv.Readout("mean"), nn.Linear(3, 2))
    gain = randomize_weights(model, images(), GRID)[0].gain.detach()
    assert not torch.equal(gain, model[0].gain)
    assert float((gain - 5).abs().max()) < 1


def test_refused():
    model, x, graph = bonds(), *molecules()
    with pytest.raises(ValueError, match="'stages' must be at least 1, got 0"):
        next(cascading_randomization(model, x, graph, 0))
    with pytest.raises(ValueError, match="'model' must have parameters"):
        randomize_weights(gv.Sequential(gv.Readout("mean")), x, graph)
