from typing import ClassVar

import pytest
import torch
from hypothesis import given

from gnnvision import GCNConv, Graph

from ..contracts import WeightedGraphContract
from ..graphs import negative, random_graphs
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "default": {},
    "improved": {"improved": True},
    "without loops": {"add_self_loops": False},
    "plain sum": {"normalize": False},
    "without bias": {"bias": False},
}


class TestContract(WeightedGraphContract):
    make_cases: ClassVar = {
        "narrowing": lambda: GCNConv(4, 2),
        "widening": lambda: GCNConv(3, 5),
        "improved": lambda: GCNConv(4, 2, improved=True, bias=False),
        "without loops": lambda: GCNConv(4, 2, add_self_loops=False),
        "plain sum": lambda: GCNConv(4, 2, normalize=False),
    }


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import GCNConv as Peer

    graph = graph()
    if "improved" in options and graph.edge_weight is None:
        # Without weights torch-geometric forgets that its loops should weigh 2.
        graph = Graph(graph.edge_index, graph.num_nodes, edge_weight=torch.ones(graph.num_edges))
    ours, theirs = GCNConv(4, 3, **options), Peer(4, 3, **options)
    assert_equals_peer(ours, theirs, graph, ("edge_weight",))


@given(random_graphs())
def test_equals_torch_geometric_on_any_graph(graph):
    from torch_geometric.nn import GCNConv as Peer

    assert_equals_peer(GCNConv(2, 3), Peer(2, 3), graph, ("edge_weight",))


def test_equals_the_paper_written_out():
    """Equation 2 of Kipf and Welling on a path of three nodes, by hand."""
    graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
    layer = GCNConv(1, 1, bias=False)
    torch.nn.init.ones_(layer.lin.weight)
    a, b = 1 / 2, 1 / 6**0.5
    expected = torch.tensor([[a, b, 0], [b, 1 / 3, b], [0, b, a]])
    torch.testing.assert_close(layer.operators(graph)[0].to_dense(), expected)
    x = torch.tensor([[1.0], [2.0], [3.0]])
    torch.testing.assert_close(layer(x, graph), expected @ x)


def test_degrees_of_zero_or_below_count_as_no_edges():
    """torch-geometric takes roots of negative degrees and gives NaN."""
    graph = negative()
    S = GCNConv(1, 1).operators(graph)[0].to_dense()
    degree = graph.to_dense().sum(0) + 1
    assert (degree <= 0).any()
    root = torch.where(degree > 0, degree.clamp(min=1e-9) ** -0.5, 0)
    expected = root[:, None] * (graph.to_dense() + torch.eye(4)) * root
    torch.testing.assert_close(S, expected.T)


def test_autocast_agrees():
    graph, layer = negative(), GCNConv(4, 2).float()
    x = torch.randn(4, 4).float()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x, graph)
    torch.testing.assert_close(y.float(), layer(x, graph), atol=0.05, rtol=0.05)


def test_repr_names_the_sizes():
    assert repr(GCNConv(4, 2)).startswith("GCNConv(\n  4, 2, bias=True")
