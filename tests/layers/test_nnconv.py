from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from gnnvision import Graph, NNConv

from ..contracts import LinearGraphContract
from ..graphs import multi
from .peers import PEER_GRAPHS, assert_equals_peer


def network(width, hidden=3):
    return nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, width))


VARIANTS = {
    "network": lambda cls: cls(4, 3, network(12)),
    "mean": lambda cls: cls(4, 3, network(12), aggr="mean"),
    "linear": lambda cls: cls(4, 3, nn.Linear(2, 12, bias=False), root_weight=False),
    "without bias": lambda cls: cls(4, 3, network(12), bias=False),
}


class TestContract(LinearGraphContract):
    columns: ClassVar = ("edge_attr",)
    make_cases: ClassVar = {
        "mean": lambda: NNConv(4, 2, network(8), aggr="mean"),
        "linear": lambda: NNConv(3, 4, nn.Linear(2, 12, bias=False), root_weight=False),
    }


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, make):
    from torch_geometric.nn import NNConv as Peer

    assert_equals_peer(make(NNConv), make(Peer), graph(), ("edge_attr",))


def test_gradcheck_by_edge_attributes():
    graph, x, layer = multi(), torch.randn(6, 4), NNConv(4, 2, network(8))

    def run(attributes):
        return layer(x, Graph(graph.edge_index, 6, edge_attr=attributes))

    assert gradcheck(run, (graph.edge_attr.clone().requires_grad_(),), fast_mode=True)


def test_each_operator_has_a_feature_of_the_edges():
    graph, layer = multi().without_weights(), NNConv(4, 2, nn.Linear(2, 8))
    first, second, plain, itself = layer.operators(graph)
    source, target = graph.edge_index
    for S, feature in ((first, graph.edge_attr[:, 0]), (second, graph.edge_attr[:, 1])):
        expected = torch.zeros(6, 6).index_put((target, source), feature, accumulate=True)
        torch.testing.assert_close(S.to_dense(), expected)
    torch.testing.assert_close(plain.to_dense(), graph.to_dense().T)
    torch.testing.assert_close(itself.to_dense(), torch.eye(6))


def test_refusals():
    for wrong in (nn.Sequential(nn.Linear(2, 8), nn.ReLU()), nn.Linear(2, 7), nn.Sequential()):
        with pytest.raises(ValueError, match=r"'nn' must end with a torch.nn.Linear to .* = 8, g"):
            NNConv(4, 2, wrong)
    with pytest.raises(ValueError, match="'domain' must have an edge_attr of 2 columns, got None"):
        NNConv(4, 2, network(8))(torch.randn(6, 4), Graph(multi().edge_index, 6))
