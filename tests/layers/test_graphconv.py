from typing import ClassVar

import pytest

from gnnvision import GraphConv

from ..contracts import WeightedGraphContract
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {"sum": {}, "mean": {"aggr": "mean"}, "without bias": {"bias": False}}


class TestContract(WeightedGraphContract):
    make_cases: ClassVar = {
        "narrowing": lambda: GraphConv(4, 2),
        "mean": lambda: GraphConv(3, 5, aggr="mean", bias=False),
    }


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import GraphConv as Peer

    assert_equals_peer(
        GraphConv(4, 3, **options), Peer(4, 3, **options), graph(), ("edge_weight",)
    )


def test_refuses_a_maximum():
    with pytest.raises(ValueError, match="'aggr' must be one of 'add', 'sum', 'mean', got 'max'"):
        GraphConv(4, 2, aggr="max")
