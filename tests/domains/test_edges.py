"""Subgraphs, neighborhoods, and whether a graph is undirected."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Graph

from ..graphs import multi, random_graphs, undirected
from .test_batches import assert_same_graph


@given(random_graphs(), st.data())
def test_subgraph_is_the_submatrix(graph, data):
    nodes = data.draw(st.lists(st.integers(0, graph.num_nodes - 1), unique=True))
    found = graph.subgraph(nodes)
    torch.testing.assert_close(found.to_dense(), graph.to_dense()[nodes][:, nodes])
    assert found.num_relations == graph.num_relations
    assert_same_graph(graph.subgraph(range(graph.num_nodes)), graph)
    assert_same_graph(graph.subgraph(torch.tensor(nodes, dtype=torch.int64)), found)


def test_subgraph_of_a_molecule_keeps_names():
    found = Graph.from_smiles("CCO").subgraph([2, 1])
    assert found.node_names == ("O", "C")
    assert found.num_edges == 2


def test_subgraph_refusals():
    for nodes in ([0, 5], [-1]):
        with pytest.raises(
            ValueError, match=f"'nodes' must be distinct nodes from 0 to 4, got {nodes[-1]}"
        ):
            undirected().subgraph(nodes)
    with pytest.raises(
        ValueError, match="'nodes' must be distinct nodes from 0 to 4, got a node twice"
    ):
        undirected().subgraph([1, 1])


@given(random_graphs(), st.data(), st.integers(0, 4))
def test_neighborhood_is_by_distance(graph, data, hops):
    """The distances are networkx's, against the edges."""
    import networkx as nx

    node = data.draw(st.integers(0, graph.num_nodes - 1))
    back = nx.DiGraph(graph.edge_index.flip(0).T.tolist())
    back.add_nodes_from(range(graph.num_nodes))
    distance = nx.single_source_shortest_path_length(back, node, cutoff=hops)
    found = graph.neighborhood(node, hops).tolist()
    assert found[0] == node
    assert sorted(found) == sorted(distance)
    assert [distance[i] for i in found] == sorted(distance.values())


def test_neighborhood_refuses_a_node_that_is_not_there():
    with pytest.raises(ValueError, match="'node' must be from 0 to 5, got 6"):
        multi().neighborhood(6)


@given(random_graphs())
def test_is_undirected_by_its_definition(graph):
    rows = [graph.edge_type.tolist()]
    if graph.edge_weight is not None:
        rows.append(graph.edge_weight.tolist())
    extra = list(zip(*rows, strict=True))
    forth = [(i, j, *e) for (i, j), e in zip(graph.edge_index.T.tolist(), extra, strict=True)]
    back = [(j, i, *e) for i, j, *e in forth]
    assert graph.is_undirected == (sorted(forth) == sorted(back))


def test_is_undirected_looks_at_weights_and_relations():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    assert Graph(edge_index, 2).is_undirected
    assert not Graph(edge_index, 2, edge_weight=torch.tensor([1.0, 2])).is_undirected
    assert not Graph(edge_index, 2, edge_type=torch.tensor([0, 1])).is_undirected
    half = torch.tensor([1.5, 1.5], dtype=torch.bfloat16)
    assert Graph(edge_index, 2, edge_weight=half).is_undirected
