"""After a summary everything is as before; and odd models."""

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv

from .networks import lenet, path

GRID = gv.Grid((32, 32))


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("make", "domain"),
    [
        (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout()), GRID),
        (lambda: gv.models.classic_gcn(5, 4, 2, norm="batch"), path(6)),
    ],
    ids=["grid", "graph"],
)
def test_nothing_is_touched(make, domain):
    model = make().train()
    model[1].eval()
    calls = []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    before, parameters = state(model), list(model.parameters())
    attributes = [set(vars(module)) for module in model.modules()]
    modes = [module.training for module in model.modules()]
    torch.manual_seed(3)
    generator, python = torch.get_rng_state(), random.getstate()
    gv.summary(model, domain)
    assert torch.equal(torch.get_rng_state(), generator)
    assert random.getstate() == python
    assert [module.training for module in model.modules()] == modes
    assert [set(vars(module)) for module in model.modules()] == attributes
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    assert hooks == [0, 1, *[0] * (len(hooks) - 2)]
    assert type(model[0].weight if domain is GRID else model[1].conv.lin.weight) is nn.Parameter


class Broken(nn.Module):
    def forward(self, x):
        self.left = x
        raise RuntimeError("a mistake")


def test_nothing_is_touched_after_an_error():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), Broken()).train()
    fast = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ValueError, match=r"layer '1' \(Broken\).*a mistake\. Change"):
        gv.summary(model, GRID)
    assert all(module.training for module in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert "left" not in vars(model[1])
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert type(model[0](torch.zeros(1, 1, 5, 5))) is torch.Tensor


class Restless(nn.Module):
    """Writes into its buffer and attributes, and makes tensors on the way."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))
        self.register_buffer("last", None)

    def forward(self, x):
        self.count += 1
        self.last = x
        self.size = x.shape
        return x + torch.arange(x.shape[-1], dtype=x.dtype) + torch.randn_like(x)


@pytest.mark.parametrize("domain", [GRID, path(6)], ids=["grid", "graph"])
def test_a_model_that_writes_into_itself(domain):
    model = gv.Sequential(Restless())
    gv.summary(model, domain, 5)
    assert model[0].count.item() == 0
    assert model[0].last is None
    assert not hasattr(model[0], "size")


def test_no_memory_is_taken():
    """An image of 20,000 x 20,000 through 64 channels: 100 GB, if it were computed."""
    model = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 3, 3))
    result = gv.summary(model, gv.Grid((20_000, 20_000)))
    assert result.layers[0].activation_bytes == 64 * 20_000**2 * 4


def test_weights_that_take_no_memory():
    with torch.device("meta"):
        model = lenet()
    assert gv.summary(model, GRID).rows() == gv.summary(lenet(), GRID).rows()


def test_weights_without_numbers_on_a_graph():
    with torch.device("meta"):
        model = gv.models.gcn(5, 4, 2)
    expected = gv.summary(gv.models.gcn(5, 4, 2), path(6)).rows()
    assert gv.summary(model, path(6)).rows() == expected


class Functional(nn.Module):
    """No layers at all."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(4, 1, 3, 3))
        self.matrix = nn.Parameter(torch.zeros(4 * 15 * 15, 2))

    def forward(self, x):
        y = F.max_pool2d(F.relu(F.conv2d(x, self.kernel)), 2)
        return torch.einsum("bi,io->bo", y.flatten(1), self.matrix)


def test_functions_count_for_the_module_that_calls_them():
    result = gv.summary(Functional(), GRID, 1)
    assert result.total_macs == 4 * 30 * 30 * 9 + 4 * 15 * 15 * 2
    (layer,) = result.layers
    assert (layer.name, layer.kind) == ("", "Functional")
    assert layer.parameters == 36 + 1800
    assert str(layer.reach) == "entire input"


def test_a_summary_within_modes_of_the_caller():
    expected = gv.summary(lenet(), GRID).rows()
    with torch.inference_mode():
        assert gv.summary(lenet(), GRID).rows() == expected
        gv.summary(gv.models.gcn(5, 4, 2), graph := path(6))
    with torch.enable_grad():
        assert gv.summary(lenet(), GRID).rows() == expected
    x = torch.ones(6, 5, requires_grad=True)
    gv.models.gcn(5, 4, 2)(x, graph).sum().backward()


def test_a_layer_that_its_caller_gives_up():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(2, 4, 3), nn.Conv2d(1, 4, 3)

        def forward(self, x):
            try:
                return self.first(x)
            except RuntimeError:
                return self.second(x)

    result = gv.summary(Careful(), GRID, 1)
    assert result.output_shape == (1, 4, 30, 30)
    assert result.total_macs == 4 * 30 * 30 * 9
