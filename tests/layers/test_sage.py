from typing import ClassVar

import pytest
import torch
from hypothesis import given

from gnnvision import SAGEConv

from ..contracts import GraphContract, LinearGraphContract
from ..graphs import multi, random_graphs
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "mean": {},
    "sum": {"aggr": "sum"},
    "add": {"aggr": "add"},
    "normalized": {"normalize": True},
    "without root": {"root_weight": False},
    "without bias": {"bias": False},
}


class TestContract(LinearGraphContract):
    make_cases: ClassVar = {
        "narrowing": lambda: SAGEConv(4, 2),
        "widening": lambda: SAGEConv(3, 5),
        "sum": lambda: SAGEConv(4, 2, aggr="sum", bias=False),
        "without root": lambda: SAGEConv(4, 2, root_weight=False),
    }


class TestNormalizedContract(GraphContract):
    make_cases: ClassVar = {"normalized": lambda: SAGEConv(4, 2, normalize=True)}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import SAGEConv as Peer

    assert_equals_peer(SAGEConv(4, 3, **options), Peer(4, 3, **options), graph())


@given(random_graphs())
def test_equals_torch_geometric_on_any_graph(graph):
    from torch_geometric.nn import SAGEConv as Peer

    assert_equals_peer(SAGEConv(2, 3), Peer(2, 3), graph)


def test_the_mean_is_that_of_the_incoming_edges():
    graph = multi().without_weights()
    layer = SAGEConv(2, 2, root_weight=False, bias=False)
    torch.nn.init.eye_(layer.lin_l.weight)
    x = torch.randn(6, 2)
    source, target = graph.edge_index
    rows = [
        x[source[target == i]].mean(0) if (target == i).any() else torch.zeros(2) for i in range(6)
    ]
    torch.testing.assert_close(layer(x, graph), torch.stack(rows))


def test_refuses_a_maximum():
    asked = "'aggr' must be one of 'mean', 'sum', 'add', got 'max'. Use gv.EdgeConv or gv.MaxProp"
    with pytest.raises(ValueError, match=asked):
        SAGEConv(4, 2, aggr="max")
