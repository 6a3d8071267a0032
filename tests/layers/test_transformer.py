from typing import ClassVar

import pytest
import torch
from torch.autograd import gradcheck

from gnnvision import Graph, TransformerConv

from ..contracts import GraphContract
from ..graphs import multi
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "one head": {},
    "heads": {"heads": 3, "bias": False},
    "mean of heads": {"heads": 2, "concat": False},
    "attributes": {"heads": 2, "edge_dim": 2},
    "gate": {"heads": 2, "beta": True},
    "gate of a mean": {"heads": 2, "beta": True, "concat": False, "edge_dim": 2},
    "without root": {"heads": 2, "root_weight": False, "beta": True},
}


class TestContract(GraphContract):
    columns: ClassVar = ("edge_attr",)
    make_cases: ClassVar = {
        "heads": lambda: TransformerConv(4, 3, heads=2),
        "attributes": lambda: TransformerConv(4, 3, heads=2, edge_dim=2),
        "gate": lambda: TransformerConv(4, 2, heads=3, beta=True, concat=False),
    }

    def reads(self, layer, column):
        return column == "edge_index" or layer.edge_dim is not None


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import TransformerConv as Peer

    columns: ClassVar = ("edge_attr",) if "edge_dim" in options else ()
    ours, theirs = TransformerConv(4, 3, **options), Peer(4, 3, **options)
    assert_equals_peer(ours, theirs, graph(), columns)


def test_gradcheck_by_edge_attributes():
    graph, x, layer = multi(), torch.randn(6, 4), TransformerConv(4, 2, heads=2, edge_dim=2)

    def run(attributes):
        return layer(x, Graph(graph.edge_index, 6, edge_attr=attributes))

    assert gradcheck(run, (graph.edge_attr.clone().requires_grad_(),), fast_mode=True)


def test_every_term_is_an_operator():
    graph, x = multi().without_weights(), torch.randn(6, 4)
    layer = TransformerConv(4, 3, heads=2, edge_dim=2)
    shapes = [S.shape for S in layer.operators(graph, x)]
    assert shapes == [(6, 6)] * 3 + [(6, 9)] * 2
    assert layer.taps().shape == (3, 4, 6)
