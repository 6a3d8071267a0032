import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import filters


@pytest.mark.parametrize("kind", [gv.Conv2d, nn.Conv2d])
def test_the_kernels_of_a_convolution(kind):
    model = nn.Sequential(kind(3, 8, (5, 3)), nn.ReLU())
    found = filters(model, "0")
    assert torch.equal(found.on_grid(), model[0].weight)
    assert not found.values.requires_grad
    assert (found.groups, found.kernel_size) == (1, (5, 3))
    if kind is gv.Conv2d:
        assert torch.equal(found.values, model[0].taps())


def test_groups_read_their_own_channels():
    found = filters(nn.Sequential(nn.Conv2d(6, 6, 3, groups=3)), "0")
    assert found.values.shape == (9, 2, 6)
    assert found.groups == 3


def test_the_matrices_of_a_graph_convolution():
    model = gv.Sequential(gv.ChebConv(5, 4, 3))
    found = filters(model, "0")
    assert torch.equal(found.values, model[0].taps())
    assert found.kernel_size is None
    with pytest.raises(ValueError, match="'layer' must be a convolution on a grid, got '0'"):
        found.on_grid()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("1", "'layer' must be the name of a convolution, got '1', a ReLU. Did you mean '0'"),
        ("first", "got 'first'. Did you mean '0'"),
    ],
)
def test_what_is_no_convolution(name, text):
    with pytest.raises(ValueError, match=text):
        filters(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU()), name)


def test_a_network_without_convolutions():
    with pytest.raises(ValueError, match="'model' must have a convolution, got Sequential"):
        filters(nn.Sequential(nn.Linear(2, 2)), "1")


def ring(num_nodes=8):
    edges = [(i, (i + 1) % num_nodes) for i in range(num_nodes)]
    return gv.Graph.from_edges(edges, num_nodes=num_nodes, undirected=True)


POLYNOMIALS = ("T0: node itself", "T1: up to 1 hop away", "T2: up to 2 hops away")
CONVOLUTIONS = {
    "gcn": (gv.GCNConv(3, 2), ("neighbors and node itself",)),
    "gcn without loops": (gv.GCNConv(3, 2, normalize=False), ("neighbors",)),
    "sage": (gv.SAGEConv(3, 2), ("neighbors", "node itself")),
    "gin": (
        gv.GINConv(nn.Sequential(nn.Linear(3, 2, bias=False)), 0.5),
        ("neighbors", "node itself"),
    ),
    "cheb": (gv.ChebConv(3, 2, 3), POLYNOMIALS),
    "linear": (nn.Linear(3, 2), ("node itself",)),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "terms"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_the_formula_with_these_filters_is_the_layer(layer, terms):
    """Y = Σₖ Sₖ X Wₖ + b, with the Wₖ that `filters` gives."""
    layer, graph, x = layer.double(), ring(), torch.randn(8, 3, dtype=torch.float64)
    found = filters(nn.Sequential(layer), "0")
    assert found.terms == terms
    if isinstance(layer, nn.Linear):
        torch.testing.assert_close(x @ found.values[0] + layer.bias, layer(x))
        return
    pairs = zip(layer.operators(graph, x), found.values, strict=True)
    y = sum(((S @ x) @ W for S, W in pairs), start=torch.zeros(8, 2, dtype=torch.float64))
    torch.testing.assert_close(y if layer.bias is None else y + layer.bias, layer(x, graph))


def test_heads_and_relations_are_named():
    assert filters(nn.Sequential(gv.GATv2Conv(3, 2, heads=2)), "0").terms == (
        "attention head 1", "attention head 2"
    )  # fmt: skip
    assert filters(nn.Sequential(gv.RGCNConv(3, 2, 2)), "0").terms == (
        "neighbors by relation 0", "neighbors by relation 1", "node itself"
    )  # fmt: skip


def test_the_strongest_weights_come_first():
    layer = gv.SAGEConv(3, 2)
    with torch.no_grad():
        layer.lin_l.weight.zero_()
        layer.lin_r.weight.zero_()
        layer.lin_l.weight[1] = torch.tensor([0.5, 0.0, -3.0])
        layer.lin_r.weight[1] = torch.tensor([0.0, 2.0, 0.0])
    found = filters(gv.Sequential(layer), "0")
    assert found.strongest(1, 2) == [(0, 2, -3.0), (1, 1, 2.0)]
    assert found.strongest(1, 9) == [(0, 2, -3.0), (1, 1, 2.0), (0, 0, 0.5)]
    assert found.strongest(0, 9) == []


def test_the_response_is_what_the_layer_does_to_each_frequency():
    """An eigenvector of the Laplacian goes through unturned, by the factor at its eigenvalue."""
    graph, layer = ring(), gv.ChebConv(1, 2, 4, bias=False).double()
    scaled = layer.operators(graph)[1].to_dense().double()
    values, vectors = torch.linalg.eigh(scaled)
    response = filters(gv.Sequential(layer), "0").response(values.clamp(-1, 1))
    for number in range(8):
        through = layer(vectors[:, [number]], graph)
        torch.testing.assert_close(through, vectors[:, [number]] @ response[number])


def test_only_polynomials_have_a_response():
    with pytest.raises(ValueError, match="'layer' must be a ChebConv, got '0', whose operators"):
        filters(gv.Sequential(gv.GCNConv(3, 2)), "0").response(torch.zeros(1))
    found = filters(gv.Sequential(gv.ChebConv(3, 2, 2)), "0")
    with pytest.raises(ValueError, match="'frequencies' must be from -1 to 1, got 2"):
        found.response(torch.tensor([0.0, 2.0]))
