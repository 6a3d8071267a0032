import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import (
    layers_by_depth,
    receptive_field,
    receptive_field_sizes,
    receptive_fields,
)

from .networks import Residual, depends_on, molecule, positive

CHAINS = {
    "valid": [gv.Conv2d(1, 2, 3), gv.Conv2d(2, 1, 4)],
    "strides": [gv.Conv2d(1, 2, 5, stride=2, padding=2), gv.Conv2d(2, 1, 3, stride=3, padding=1)],
    "same": [gv.Conv2d(1, 2, 4, stride=2, padding="same"), gv.Conv2d(2, 1, 3, padding="same")],
    "pooled": [gv.Conv2d(1, 2, 3, padding=1), gv.AvgPool2d(2), gv.Conv2d(2, 1, 3)],
    "unequal": [gv.Conv2d(1, 2, (3, 5), stride=(1, 2)), gv.Conv2d(2, 1, (4, 1))],
    "joined": [gv.Conv2d(1, 2, 3, padding=1), Residual(2), gv.AvgPool2d(2, padding=1)],
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("place", [0.0, 0.4, 0.99])
def test_on_a_grid_it_is_what_has_a_gradient(double, chain, place):
    model = positive(gv.Sequential(*chain))
    x, grid = torch.rand(1, 1, 19, 17), gv.Grid((19, 17))
    name = str(len(chain) - 1)
    out = model(x)
    site = int(place * out[0, 0].numel())
    field = receptive_field(model, x, grid, name, site)
    assert torch.equal(field.mask, depends_on(model, x, grid, name, site))
    (top, bottom), (left, right) = field.box
    assert field.mask.view(19, 17)[top:bottom, left:right].all()
    assert field.mask.sum() == (bottom - top) * (right - left)
    row, column = divmod(site, out.shape[3])
    assert receptive_field(model, x, grid, name, (row, column)).box == field.box


def test_a_dilated_window_is_all_between_its_ends(double):
    model = positive(gv.Sequential(gv.Conv2d(1, 1, 3, dilation=2)))
    x, grid = torch.rand(1, 1, 9, 9), gv.Grid((9, 9))
    field = receptive_field(model, x, grid, "0", (1, 2))
    assert field.box == ((1, 6), (2, 7))
    assert bool((field.mask >= depends_on(model, x, grid, "0", 1 * 5 + 2)).all())


def test_three_convolutions_of_three_see_seven():
    model = gv.Sequential(*[gv.Conv2d(1, 1, 3, padding=1) for _ in range(3)])
    x, grid = torch.zeros(1, 1, 20, 20), gv.Grid((20, 20))
    found = receptive_fields(model, x, grid, {"0": (10, 10), "1": (10, 10), "2": (10, 10)})
    assert [str(field) for field in found.values()] == ["3 × 3", "5 × 5", "7 × 7"]
    assert found["2"].box == ((7, 14), (7, 14))
    assert found["2"].share == pytest.approx(49 / 400)


GRAPHS = {
    "gcn": [gv.GCNConv(5, 4), nn.ReLU(), gv.GCNConv(4, 3)],
    "cheb": [gv.ChebConv(5, 4, 3), gv.GCNConv(4, 2)],
    "gat": [gv.GATv2Conv(5, 4), nn.ReLU()],
    "sage": [gv.SAGEConv(5, 4)],
}


@pytest.mark.parametrize("chain", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("node", [0, 5, 12])
def test_on_a_graph_it_is_what_has_a_gradient(double, chain, node):
    x, graph = molecule()
    model = positive(gv.Sequential(*chain))
    for name in (str(n) for n in range(len(chain))):
        field = receptive_field(model, x, graph, name, node)
        assert torch.equal(field.mask, depends_on(model, x, graph, name, node)), name


def test_edges_have_a_direction(double):
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4)
    model = positive(gv.Sequential(gv.GCNConv(1, 1), gv.GCNConv(1, 1)))
    field = receptive_field(model, torch.rand(4, 1), graph, "1", 2)
    assert field.mask.tolist() == [True, True, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_messages_along_bonds(double, depth):
    x, graph = molecule()
    model = positive(gv.models.bond_network(5, 1, 8, bond_channels=4, depth=depth))
    for node in (0, 5, 12):
        field = receptive_field(model, x, graph, "0", node)
        assert torch.equal(field.mask, depends_on(model, x, graph, "0", node))
        assert field.reach.hops == depth
        assert str(receptive_field(model, x, graph, "0.atom", node)) == "0 hops"
    if depth > 1:
        for edge in (0, 7, 20):
            field = receptive_field(model, x, graph, "0.conv", edge)
            # The layer alone hears from the edges before; its block adds the edge itself.
            assert torch.equal(field.mask, depends_on(model, x, graph, "0.conv", edge))
            assert field.reach.hops == depth - 1


def test_pooled_nodes(double):
    path = gv.Graph.from_edges([(i, i + 1) for i in range(11)], num_nodes=12, undirected=True)
    model = positive(gv.Sequential(gv.GCNConv(1, 2), gv.GraphPool(2, "mean"), nn.ReLU()))
    x = torch.rand(12, 1)
    for site in range(6):
        field = receptive_field(model, x, path, "2", site)
        assert torch.equal(field.mask, depends_on(model, x, path, "2", site))


@pytest.mark.parametrize("site", [-1, 400, (20, 0), (1,), (1, 2, 3)])
def test_a_site_that_is_not_there(site):
    model = gv.Sequential(gv.Conv2d(1, 1, 3, padding=1))
    with pytest.raises(
        ValueError, match="'site' must be an index or 2 indices within the 20 × 20"
    ):
        receptive_field(model, torch.zeros(1, 1, 20, 20), gv.Grid((20, 20)), "0", site)


def test_an_unknown_receptive_field():
    class Cut(nn.Module):
        def forward(self, x):
            return torch.linalg.pinv(x)

    model = nn.Sequential(nn.Conv2d(1, 1, 3), Cut())
    with pytest.raises(ValueError, match="have a known receptive field, got '1'"):
        receptive_field(model, torch.zeros(1, 1, 20, 20), gv.Grid((20, 20)), "1", 0)


def chosen(model, x, domain):
    seen = receptive_field_sizes(model, x, domain)
    return layers_by_depth(model, x, domain, seen)


def test_depths_from_local_to_global():
    picture = torch.zeros(1, 3, 32, 32), gv.Grid((32, 32))
    assert chosen(gv.models.whitened_cnn(widths=(8, 16, 16)), *picture) == ["0", "2", "3", "4"]
    flat = gv.Sequential(*[gv.Conv2d(3, 3, 3, padding=1) for _ in range(9)])
    assert chosen(flat, *picture) == ["0", "3", "5", "8"]
    x, graph = molecule()
    assert chosen(gv.models.molecule_gcn(5, 1, 4), x, graph) == ["0", "2", "4"]
    bonds = gv.models.bond_network(5, 1, 8, bond_channels=4, depth=3)
    assert chosen(bonds, x, graph)[-2:] == ["0.conv", "0"]
    assert layers_by_depth(flat, *picture, {})  # also where it is not known what layers see
    with pytest.raises(ValueError, match="must have a layer with more than one site"):
        layers_by_depth(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), *picture, {})
