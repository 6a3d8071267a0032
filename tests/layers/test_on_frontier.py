"""Layers on a frontier give exactly the rows of the whole graph, with the same gradients."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision import Graph
from gnnvision.operators import I, adjacency, normalized_adjacency

torch.manual_seed(0)
N, E, C = 120, 260, 6
EDGES = torch.randint(0, N, (2, E))
PLAIN = Graph(EDGES, N)
WEIGHTED = Graph(EDGES, N, edge_weight=torch.rand(E, dtype=torch.float64))
TYPED = Graph(EDGES, N, edge_type=torch.randint(0, 3, (E,)))
ATTRIBUTED = Graph(EDGES, N, edge_attr=torch.randn(E, 4, dtype=torch.float64))


def polynomial(graph, dtype):
    A = normalized_adjacency(graph, dtype=dtype)
    return [I(graph, dtype), 0.3 * A + 0.7 * A @ A - I(graph, dtype), A**3]


LAYERS = {
    "gcn": (lambda: gv.GCNConv(C, 5), PLAIN, 1),
    "gcn weighted": (lambda: gv.GCNConv(C, 5), WEIGHTED, 1),
    "gcn without normalization": (lambda: gv.GCNConv(C, 5, normalize=False), WEIGHTED, 1),
    "graphconv": (lambda: gv.GraphConv(C, 5), WEIGHTED, 1),
    "graphconv mean": (lambda: gv.GraphConv(C, 5, aggr="mean"), PLAIN, 1),
    "sage": (lambda: gv.SAGEConv(C, 5), PLAIN, 1),
    "sage wide": (lambda: gv.SAGEConv(C, 50), PLAIN, 1),
    "cheb": (lambda: gv.ChebConv(C, 5, K=4), PLAIN, 3),
    "cheb of order 1": (lambda: gv.ChebConv(C, 5, K=1), PLAIN, 0),
    "sgc": (lambda: gv.SGConv(C, 5, K=2), PLAIN, 2),
    "tag": (lambda: gv.TAGConv(C, 5, K=3), PLAIN, 3),
    "appnp": (lambda: gv.APPNP(K=4, alpha=0.2), PLAIN, 4),
    "gin": (lambda: gv.GINConv(nn.Linear(C, 5), train_eps=True), PLAIN, 1),
    "gine": (lambda: gv.GINEConv(nn.Linear(C, 5), edge_dim=4), ATTRIBUTED, 1),
    "gat": (lambda: gv.GATConv(C, 5, heads=2), PLAIN, 1),
    "gat averaged": (lambda: gv.GATConv(C, 5, heads=2, concat=False), PLAIN, 1),
    "gatv2": (lambda: gv.GATv2Conv(C, 5, heads=2, edge_dim=4), ATTRIBUTED, 1),
    "transformer": (lambda: gv.TransformerConv(C, 5, heads=2), PLAIN, 1),
    "rgcn": (lambda: gv.RGCNConv(C, 5, num_relations=3), TYPED, 1),
    "nnconv": (lambda: gv.NNConv(C, 5, nn.Linear(4, C * 5)), ATTRIBUTED, 1),
    "edgeconv": (lambda: gv.EdgeConv(nn.Linear(2 * C, 5)), PLAIN, 1),
    "own family": (lambda: gv.GraphConvolution(C, 5, operators=polynomial), PLAIN, 3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_the_rows_of_the_whole_graph_and_its_gradients(name):
    make, graph, hops = LAYERS[name]
    torch.manual_seed(1)
    layer = make().double()
    wanted = torch.randperm(N)[:9]
    frontier = graph.frontier(wanted, hops)
    x = torch.randn(N, C, dtype=torch.float64, requires_grad=True)
    y = layer(x, graph)[wanted]
    found = layer(x[frontier.nodes], frontier)
    torch.testing.assert_close(found, y)
    given = [x, *layer.parameters()]
    toward = torch.randn_like(y)
    expected = torch.autograd.grad(y, given, toward)
    torch.testing.assert_close(torch.autograd.grad(found, given, toward), expected)
    assert layer.out_domain(frontier) is frontier.inward(hops)
    if hasattr(layer, "reference"):
        torch.testing.assert_close(layer.reference(x[frontier.nodes], frontier), y)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_moves_inward_and_no_further(name):
    make, graph, hops = LAYERS[name]
    layer = make().double()
    frontier = graph.frontier([3, 77], hops + 1)
    x = torch.randn(frontier.num_nodes, C, dtype=torch.float64)
    assert layer(x, frontier).shape[0] == frontier.inward(hops).num_nodes
    if hops:
        with pytest.raises(ValueError, match="more hops"):
            layer(x[: frontier.sizes[0]], frontier.inward(hops + 1))


class Network(nn.Module):
    """Passes the same domain to all layers, and adds what came before."""

    def __init__(self, restricts):
        super().__init__()
        self.convs = nn.ModuleList([gv.GCNConv(C, C), gv.GATv2Conv(C, C), gv.TAGConv(C, C, K=2)])
        self.restricts = restricts

    def forward(self, x, graph):
        for conv in self.convs:
            y = conv(x, graph).relu()
            x = y + graph.restrict(x, y) if self.restricts else y
        return x


@pytest.mark.parametrize("restricts", [True, False])
def test_a_network_that_passes_one_domain_to_all_layers(restricts):
    model = Network(restricts).double()
    x = torch.randn(N, C, dtype=torch.float64)
    frontier = PLAIN.frontier([5, 50, 100], hops=4)
    torch.testing.assert_close(model(x[frontier.nodes], frontier), model(x, PLAIN)[[5, 50, 100]])


def test_sequential_on_a_frontier_that_has_reached_everything():
    ring = Graph.from_edges([(0, 1), (1, 2), (2, 0)], num_nodes=3, undirected=True)
    layers = [gv.GCNConv(2, 2), nn.ReLU(), gv.Sequential(gv.GCNConv(2, 2)), gv.GCNConv(2, 4)]
    model = gv.Sequential(*layers).double()
    x = torch.randn(3, 2, dtype=torch.float64)
    frontier = ring.frontier([1], hops=3)
    assert frontier.sizes == (1, 3, 3, 3)
    torch.testing.assert_close(model(x[frontier.nodes], frontier), model(x, ring)[[1]])


def test_sparse_features():
    x = (torch.rand(N, C) < 0.2).double()
    layer = gv.GraphConv(C, 5).double()
    frontier = PLAIN.frontier([5, 50], hops=1)
    rows = x[frontier.nodes].to_sparse()
    torch.testing.assert_close(layer(rows, frontier), layer(x, PLAIN)[[5, 50]])


def test_equal_subexpressions_are_multiplied_once(monkeypatch):
    layer = gv.TAGConv(C, 5, K=3).double()
    frontier = PLAIN.frontier([5, 50], hops=3)
    x = torch.randn(frontier.num_nodes, C, dtype=torch.float64)
    layer(x, frontier)
    calls = []
    product = gv.operators.Sparse.apply
    monkeypatch.setattr(
        gv.operators.Sparse, "apply", lambda S, x: (calls.append(1), product(S, x))[1]
    )
    layer(x, frontier)
    assert len(calls) == 3


@pytest.mark.parametrize(
    "layer",
    [gv.Readout("mean"), gv.GraphNorm(C), gv.GraphPool(2)],
    ids=lambda layer: type(layer).__name__,
)
def test_what_needs_all_nodes_refuses_a_frontier(layer):
    frontier = PLAIN.frontier([5], hops=1)
    with pytest.raises(TypeError, match="must be a Graph"):
        layer(torch.randn(frontier.num_nodes, C), frontier)


def test_an_operator_that_reads_other_nodes_is_refused():
    graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3)
    layer = gv.GraphConvolution(1, 1, operators=lambda g, dtype: [adjacency(g, dtype).T])
    frontier = graph.frontier([0], hops=1)
    with pytest.raises(ValueError, match="'operators' must reach the nodes of incoming edges"):
        layer(torch.ones(1, 1), frontier)
