from typing import ClassVar

import pytest
import torch

from gnnvision import GATConv

from ..contracts import GraphContract
from ..graphs import multi
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "one head": {},
    "without loops": {"heads": 3, "add_self_loops": False},
    "mean of heads": {"heads": 2, "concat": False, "bias": False},
    "attributes": {"heads": 2, "edge_dim": 2},
    "filled attributes": {"edge_dim": 2, "fill_value": 0.5},
    "residual": {"heads": 2, "residual": True, "negative_slope": 0.5},
    "residual of a mean": {"heads": 2, "residual": True, "concat": False},
}


class TestContract(GraphContract):
    columns: ClassVar = ("edge_attr",)
    make_cases: ClassVar = {
        "heads": lambda: GATConv(4, 3, heads=2, add_self_loops=False),
        "attributes": lambda: GATConv(4, 2, heads=3, edge_dim=2, residual=True, concat=False),
    }

    def reads(self, layer, column):
        return column == "edge_index" or layer.edge_dim is not None


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import GATConv as Peer

    columns: ClassVar = ("edge_attr",) if "edge_dim" in options else ()
    assert_equals_peer(GATConv(4, 3, **options), Peer(4, 3, **options), graph(), columns)


def test_attention_shares_one_among_the_incoming_edges():
    graph, x = multi(), torch.randn(6, 4)
    *heads, itself = GATConv(4, 3, heads=2, residual=True).operators(graph, x)
    for S in heads:
        torch.testing.assert_close(S.to_dense().sum(1), torch.ones(6))
    torch.testing.assert_close(itself.to_dense(), torch.eye(6))
