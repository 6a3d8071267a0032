"""Explanations on a domain that is neither a grid nor a graph: a ring, pooled to half its size."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import attribute, clusters, feature_maps
from gnnvision.operators import Shift

from ..rings import Ring


class Halved(Ring):
    """A ring with one of half as many sites."""

    def half(self):
        return self.derived("half", lambda: Halved(self.length // 2))

    def turns(self, dtype):
        places = torch.arange(self.length)
        return [Shift(places.roll(step), self.length, dtype) for step in (0, 1, -1)]

    def pairs(self, dtype):
        places = torch.arange(0, self.length, 2)
        return [0.5 * sum(Shift(places + step, self.length, dtype) for step in (0, 1))]


RING = Halved(8)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return gv.Sequential(
        gv.GraphConvolution(2, 4, Halved.turns, num_operators=3),
        nn.ReLU(),
        gv.Propagation(Halved.pairs, out_domain=Halved.half),
        gv.GraphConvolution(4, 3, Halved.turns, num_operators=3),
        nn.Flatten(),
        nn.Linear(3 * 4, 5),
    )


@pytest.fixture
def x():
    return torch.randn(2, 2, 8)


def test_maps_lie_on_the_domain_of_the_layer(model, x):
    maps = feature_maps(model, x, RING, "3")
    assert maps.domain == Halved(4)
    torch.testing.assert_close(maps.values, model[:4](x, RING).detach())


def test_sites_belong_to_the_output_site_that_sees_them(model):
    assert clusters(model[2], RING).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_grad_cam_of_a_coarser_layer_is_that_of_its_clusters(model, x):
    values = attribute(model, x, RING, "grad_cam", target=1, layer="3").values
    A = model[:4](x, RING).detach()
    slope = model[5].weight[1].view(3, 4).mean(1)
    expected = torch.einsum("c,bcn->bn", slope, A).relu().repeat_interleave(2, 1)
    torch.testing.assert_close(values, expected.detach())


@pytest.mark.parametrize("method", ["input_gradient", "integrated_gradients", "occlusion"])
def test_a_linear_network_is_explained_completely(model, x, method):
    model[1] = nn.Identity()
    nn.init.zeros_(model[0].bias)
    nn.init.zeros_(model[3].bias)
    values = attribute(model, x, RING, method, target=0).values
    assert values.shape == (2, 8)
    torch.testing.assert_close(values.sum(1), model(x, RING)[:, 0].detach() - model[5].bias[0])


def test_convolutions_equal_their_reference(model, x):
    for layer, signal, domain in ((model[0], x, RING), (model[2], x, RING)):
        torch.testing.assert_close(layer(signal, domain), layer.reference(signal, domain))
