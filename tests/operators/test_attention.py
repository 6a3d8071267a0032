import pytest
import torch
from hypothesis import given

from gnnvision.operators.attention import attention_edges

from ..graphs import directed, multi, random_graphs


def places(edges):
    return sorted(zip(edges.pattern.row.tolist(), edges.pattern.col.tolist(), strict=True))


@given(random_graphs())
def test_places_with_and_without_loops(graph):
    source, target = graph.edge_index.tolist()
    pairs = list(zip(target, source, strict=True))
    assert places(attention_edges(graph, False)) == sorted(pairs)
    loops = [(i, i) for i in range(graph.num_nodes)]
    assert places(attention_edges(graph, True)) == sorted(
        [p for p in pairs if p[0] != p[1]] + loops
    )


@given(random_graphs())
def test_a_loop_has_the_mean_of_what_arrives(graph):
    edges = attention_edges(graph, True)
    got = edges.attributes(graph.edge_attr)
    source, target = graph.edge_index
    for row, col, attributes in zip(edges.pattern.row, edges.pattern.col, got, strict=True):
        if row == col:
            arriving = graph.edge_attr[(target == row) & (source != row)]
            expected = arriving.mean(0) if len(arriving) else torch.zeros(2)
            torch.testing.assert_close(attributes, expected)
        else:
            here = graph.edge_attr[(target == row) & (source == col)]
            assert (here == attributes).all(1).any()


def test_derived_once():
    graph = multi()
    assert attention_edges(graph, True) is attention_edges(graph, True)


@pytest.mark.parametrize("add_self_loops", [False, True])
def test_whole_number_attributes_keep_their_kind(add_self_loops):
    attributes = torch.arange(10).view(5, 2)
    edges = attention_edges(directed(), add_self_loops)
    assert edges.attributes(attributes).dtype is torch.int64
