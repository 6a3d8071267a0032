import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Graph
from gnnvision.operators.cluster import coarsen

from ..graphs import GRAPHS, random_graphs, undirected


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_every_node_is_in_one_cluster(maker, size):
    graph = maker()
    found = coarsen(graph, size)
    assert sorted(found.order.tolist()) == list(range(graph.num_nodes))
    sizes = found.starts.diff()
    assert sizes.numel() == found.graph.num_nodes
    assert sizes.sum() == graph.num_nodes
    assert sizes.numel() == 0 or (sizes.min() >= 1 and sizes.max() <= size)
    assert coarsen(graph, size) is found


@given(random_graphs(max_nodes=12), st.sampled_from([2, 4]))
def test_the_clustering_is_always_the_same(graph, size):
    other = Graph(graph.edge_index, graph.num_nodes, edge_weight=graph.edge_weight)
    assert torch.equal(coarsen(graph, size).order, coarsen(other, size).order)


def test_a_path_is_halved():
    path = Graph.from_edges([(i, i + 1) for i in range(63)], 64, undirected=True)
    halves = coarsen(path, 2).graph.num_nodes
    assert 32 <= halves <= 43  # a maximal matching leaves at most a third alone


def test_clusters_of_one_member_each():
    found = coarsen(undirected(), 1, torch.tensor([1, 0, 1, 2, 2]))
    assert found.order.tolist() == [1, 0, 2, 3, 4]
    assert found.starts.tolist() == [0, 1, 3, 5]
    expected = torch.tensor([[0.0, 2, 0], [2, 0, 1], [0, 1, 0]])
    torch.testing.assert_close(found.graph.to_dense(), expected)
