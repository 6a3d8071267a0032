import gc

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import feature_maps

from .networks import Broken, Residual, hooks_of, molecule

CONV = (3, 4, 3)


def picture_net(*more):
    return gv.Sequential(gv.Conv2d(*CONV), nn.BatchNorm2d(4), nn.ReLU(inplace=True), *more)


def graph_net(*more):
    return gv.Sequential(gv.GCNConv(5, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True), *more)


def picture():
    return torch.randn(2, 3, 9, 7), gv.Grid((9, 7))


CASES = {"picture": (picture_net, picture), "graph": (graph_net, molecule)}
both = pytest.mark.parametrize(("net", "given"), CASES.values(), ids=CASES)


def test_an_image_as_by_hand():
    model, (x, grid) = picture_net(gv.Readout("mean")), picture()
    maps = feature_maps(model, x, grid, "0")
    expected = nn.functional.conv2d(x, model[0].weight, model[0].bias)
    assert maps.values.shape == (2, 4, 7 * 5)
    torch.testing.assert_close(maps.on_grid(), expected)
    torch.testing.assert_close(maps.values, expected.flatten(2))


def test_a_graph_as_by_hand():
    model, (x, graph) = graph_net(gv.Readout("mean")), molecule()
    maps = feature_maps(model, x, graph, "0")
    expected = model[0].reference(x, graph)
    assert maps.values.shape == (1, 4, 13)
    torch.testing.assert_close(maps.values[0].T, expected)
    assert maps.domain is graph
    with pytest.raises(ValueError, match="'domain' must be a Grid"):
        maps.on_grid()


def test_edges_are_sites_too():
    x, graph = molecule()
    model = gv.models.bond_network(5, 1, 8, bond_channels=4, depth=2)
    maps = feature_maps(model, x, graph, "0.conv")
    assert maps.domain is graph.line_graph
    first = (model[0].atom(x)[graph.edge_index[0]] + model[0].bond(graph.edge_attr)).relu()
    expected = model[0].conv.reference(first, graph.line_graph)
    torch.testing.assert_close(maps.values[0].T, expected)


def test_channels_last_come_first():
    class Permute(nn.Module):
        dims = (0, 2, 3, 1)

        def forward(self, x):
            return x.permute(self.dims)

    model = nn.Sequential(nn.Conv2d(3, 8, 2), Permute(), nn.Linear(8, 16))
    x, grid = picture()
    maps = feature_maps(model, x, grid, "2")
    assert maps.layer.channels == maps.num_channels == 16
    torch.testing.assert_close(maps.on_grid().permute(0, 2, 3, 1), model(x))


def test_what_works_in_place_changes_nothing():
    model, x = Residual(3), torch.randn(1, 3, 6, 6)
    maps = feature_maps(model, x, gv.Grid((6, 6)), "conv").on_grid()
    torch.testing.assert_close(maps, model.conv(x).detach())


def test_maps_that_show_nothing():
    model, (x, grid) = picture_net(), picture()
    with torch.no_grad():
        model[0].weight[1] = 0
        model[0].weight[2] *= 100
    maps = feature_maps(model, x, grid, "0")
    assert maps.constant().tolist() == [[False, True, False, False]] * 2
    assert maps.varied(1) == [2]
    assert maps.varied(3) == [0, 2, 3]
    assert maps.varied(9) == [0, 1, 2, 3]


@both
def test_modes_and_hooks_after_success(net, given):
    model = net().train()
    model[1].eval()
    before = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    feature_maps(model, *given(), "2")
    assert [module.training for module in model.modules()] == before
    assert not hooks_of(model)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@both
def test_modes_and_hooks_after_an_exception(net, given):
    model = net(Broken()).train()
    model[1].eval()
    before = [module.training for module in model.modules()]
    with pytest.raises(RuntimeError, match="broken"):
        feature_maps(model, *given(), "0")
    assert [module.training for module in model.modules()] == before
    assert not hooks_of(model)


@both
def test_memory_is_flat(net, given):
    model, (x, domain) = net(gv.Readout("mean")), given()

    def tensors():
        gc.collect()
        return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())

    feature_maps(model, x, domain, "0")
    before = tensors()
    for _ in range(200):
        feature_maps(model, x, domain, "0")
    assert tensors() <= before
