import pytest
import torch

import gnnvision as gv
from gnnvision.layers.bonds import EdgesOf, ToEdges, ToNodes

from ..algebra import assert_operator_laws
from ..graphs import GRAPHS


@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_moves_between_nodes_and_edges(maker):
    graph = maker().without_weights()
    source, target = graph.edge_index
    x, state = torch.randn(graph.num_nodes, 3), torch.randn(graph.num_edges, 3)
    edges = EdgesOf(graph)
    torch.testing.assert_close(ToEdges()(x, graph), x[source])
    expected = torch.zeros_like(x).index_add(0, target, state)
    torch.testing.assert_close(ToNodes()(state, edges), expected)
    for layer, signal, domain in ((ToEdges(), x, graph), (ToNodes(), state, edges)):
        torch.testing.assert_close(layer.reference(signal, domain), layer(signal, domain))
        (S,) = layer.operators(domain, signal)
        assert S.shape == (layer.out_domain(domain).num_sites, domain.num_sites)
        with pytest.raises(ValueError, match=r"'x' must have \d+ sites along its first axis"):
            layer(torch.randn(domain.num_sites + 1, 3), domain)
        if S.shape[1]:
            assert_operator_laws(S)


def test_bond_messages_are_the_sum_of_their_convolutions():
    graph = GRAPHS["batch"]().without_weights()
    model = gv.models.BondMessages(4, 2, 5, depth=3, dropout=0.0)
    x = torch.randn(graph.num_nodes, 4)
    first = model.to_edges.reference(model.atom(x), graph) + model.bond(graph.edge_attr)
    state = first.relu()
    for _ in range(2):
        state = (first + model.conv.reference(state, graph.line_graph)).relu()
    received = model.to_nodes.reference(state, EdgesOf(graph))
    expected = (model.atom_last(x) + model.message_last(received)).relu()
    torch.testing.assert_close(model(x, graph), expected)
