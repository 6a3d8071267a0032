"""Explanations on a kind of domain that the package does not know: sites of a honeycomb."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.basics.hexagons import HexagonalGrid
from gnnvision.explain import (
    METHODS,
    attribute,
    clusters,
    faithfulness,
    feature_maps,
    find_layer,
    last_spatial,
    layers,
    layers_by_depth,
    receptive_field,
    receptive_field_sizes,
    sanity_check,
)
from gnnvision.operators import Shift

from .nets import same, state_of, warm


@dataclass(frozen=True)
class Honeycomb(gv.Domain):
    """Hexagonal cells up to `radius` steps from the middle; signals are (B, C, N)."""

    radius: int

    @property
    def cells(self):
        """The axial coordinates of the cells."""
        steps = range(-self.radius, self.radius + 1)
        return [(q, r) for q in steps for r in steps if abs(q + r) <= self.radius]

    @property
    def num_sites(self):
        return len(self.cells)

    def to(self, device):
        return self

    def to_sites(self, x):
        return x.permute(2, 0, 1)

    def from_sites(self, y):
        return y.permute(1, 2, 0)


AROUND = (0, 0), (1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)


def neighbors(domain, dtype=None):
    """One shift for the cell itself and for each of the six next to it."""
    place = {cell: number for number, cell in enumerate(domain.cells)}
    return [
        Shift(torch.tensor([place.get((q + a, r + b), -1) for q, r in domain.cells]), len(place))
        for a, b in AROUND
    ]


class Rings(nn.Module, gv.layers.OnDomain):
    """Mean pooling of a honeycomb onto the middle one of half the radius."""

    def out_domain(self, domain):
        return Honeycomb(domain.radius // 2)

    def cluster(self, domain):
        small = {cell: n for n, cell in enumerate(self.out_domain(domain).cells)}
        return torch.tensor([small[int(q / 2), int(r / 2)] for q, r in domain.cells])

    def forward(self, x, domain):
        cluster = self.cluster(domain)
        summed = x.new_zeros(*x.shape[:2], int(cluster.max()) + 1).index_add(2, cluster, x)
        return summed / cluster.bincount()


@clusters.register
def _(layer: Rings, domain):
    return layer.cluster(domain)


CELLS = Honeycomb(2)


def network(act=nn.ReLU):
    return warm(
        gv.Sequential(
            gv.GraphConvolution(2, 6, operators=neighbors, num_operators=7),
            nn.BatchNorm1d(6), act(), Rings(),
            gv.GraphConvolution(6, 6, operators=neighbors, num_operators=7),
            act(), gv.Readout("mean"),
            nn.Linear(6, 3),
        )
    )  # fmt: skip


def signals(count=3):
    shape = (count, 2, CELLS.num_sites)
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


@pytest.mark.parametrize("method", METHODS)
def test_every_method_for_each_sample_of_a_batch(method):
    model, x = network().train(), signals()
    options = {"steps": 8} if method == "integrated_gradients" else {}
    before = state_of(model)
    found = attribute(model, x, CELLS, method, [0, 1, 2], **options)
    assert same(before, state_of(model))
    assert found.values.shape == (3, 19)
    assert found.values.any()
    for number in range(3):
        alone = attribute(model, x[number : number + 1], CELLS, method, number, **options)
        torch.testing.assert_close(alone.values[0], found.values[number])


def test_gradients_and_integrals_follow_their_definition():
    model, x = network(nn.Softplus), signals().requires_grad_()
    (grad,) = torch.autograd.grad(model(x, CELLS)[:, 1].sum(), x)
    x = x.detach()
    gradient = attribute(model, x, CELLS, "gradient", 1).values
    torch.testing.assert_close(gradient, grad.abs().amax(1))
    found = attribute(model, x, CELLS, "integrated_gradients", 1)
    assert found.completeness < 1e-6
    model[0].weight.data[:, 1] = 0
    parts = gv.explain.integrated_gradients(model, x, CELLS, 1)
    assert not parts[:, 1].any()


def test_occlusion_masks_one_cell_after_the_other():
    model, x = network(), signals(2)
    found = attribute(model, x, CELLS, "occlusion", 2).values
    with torch.no_grad():
        for cell in range(CELLS.num_sites):
            without = x.index_fill(2, torch.tensor([cell]), 0)
            fall = (model(x, CELLS) - model(without, CELLS))[:, 2]
            torch.testing.assert_close(found[:, cell], fall)
    with pytest.raises(ValueError, match="'window' must be None on Honeycomb"):
        attribute(model, x, CELLS, "occlusion", window=2)
    with pytest.raises(ValueError, match="'hops' must be None on Honeycomb"):
        attribute(model, x, CELLS, "occlusion", hops=1)


def test_layers_have_the_domain_that_they_name():
    model, x = network(), signals()
    small = Honeycomb(1)
    expected = [CELLS] * 3 + [small] * 3 + [None] * 2
    assert [layer.domain for layer in layers(model, x, CELLS)] == expected
    assert find_layer(model, x, CELLS, "4").sites == "7 sites"
    assert last_spatial(model, x, CELLS).name == "4"
    maps = feature_maps(model, x, CELLS, "4")
    assert maps.values.shape == (3, 6, 7)
    torch.testing.assert_close(maps.values, model[:5](x, CELLS).detach())


def test_grad_cam_gives_each_cell_the_value_of_its_cluster():
    model, x = network(), signals()
    cluster = model[3].cluster(CELLS)
    for name in ("3", "4"):
        upto = int(name) + 1
        maps = model[:upto](x, CELLS).detach().requires_grad_()
        later = model[upto:](maps, Honeycomb(1))[:, 0]
        (grad,) = torch.autograd.grad(later.sum(), maps)
        expected = (maps * grad.mean(2, keepdim=True)).sum(1).relu().detach()
        found = attribute(model, x, CELLS, "grad_cam", 0, name).values
        torch.testing.assert_close(found, expected[:, cluster])


def test_quality_of_an_attribution():
    model, x = network(), signals()
    found = attribute(model, x, CELLS, "occlusion")
    curves = faithfulness(model, x, CELLS, found, steps=4, orders=3)
    with torch.no_grad():
        whole = model(x, CELLS).softmax(1).gather(1, found.target[:, None])[:, 0]
    torch.testing.assert_close(curves.deletion[:, 0], whole)
    torch.testing.assert_close(curves.insertion[:, -1], whole)
    assert sanity_check(model, x, CELLS, lambda m, x, d: x.sum(1), draws=3).verdict.startswith("f")
    check = sanity_check(model, x, CELLS, "grad_cam", draws=3, stages=2)
    assert check.similarity.shape == (2, 3)
    assert check.min_sites == 19


@pytest.mark.slow
def test_receptive_fields_grow_by_one_ring_of_cells():
    x = signals(1)
    chain = [gv.GraphConvolution(2, 2, operators=neighbors, num_operators=7) for _ in range(3)]
    model = gv.Sequential(*chain[:2], nn.ReLU(), chain[2])
    sizes = receptive_field_sizes(model, x, CELLS)
    assert [str(sizes[name]) for name in "012"] == ["7 sites", "19 sites", "19 sites"]
    assert layers_by_depth(model, x, CELLS, sizes) == ["0", "3"]  # from layer 1 on, all cells
    for name, radius in ("0", 1), ("1", 2):
        for q, r in (0, 0), (2, -1), (-2, 0):  # also at the border, where cells are missing
            field = receptive_field(model, x, CELLS, name, CELLS.cells.index((q, r)))
            steps = [(a - q, b - r) for a, b in CELLS.cells]
            inside = [max(abs(a), abs(b), abs(a + b)) <= radius for a, b in steps]
            assert field.mask.tolist() == inside
            assert field.box is None


@pytest.mark.slow
def test_a_receptive_field_through_pooling_is_where_the_gradient_is():
    grid, seven = HexagonalGrid(4, 6), HexagonalGrid.shifts
    pool = gv.Propagation(HexagonalGrid.means, out_domain=HexagonalGrid.coarser)
    first, second = (gv.GraphConvolution(n, 2, seven, num_operators=7) for n in (1, 2))
    model = gv.Sequential(first, nn.Softplus(), pool, second)
    x = torch.randn(1, 1, 4, 6, requires_grad=True)
    maps = model(x, grid).flatten(1)
    for site in (0, 5):
        (grad,) = torch.autograd.grad(maps[0, site], x, retain_graph=True)
        field = receptive_field(model, x.detach(), grid, "3", site)
        assert field.mask.tolist() == grad.flatten().ne(0).tolist()


def test_the_field_after_a_module_of_unknown_effect_is_unknown():
    x = signals(1)
    assert str(receptive_field_sizes(network(), x, CELLS)["4"]) == "? sites"
    with pytest.raises(ValueError, match="'layer' must have a known receptive field, got '4'"):
        receptive_field(network(), x, CELLS, "4", 0)
