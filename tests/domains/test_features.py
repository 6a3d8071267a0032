import pytest
import torch

from gnnvision import degree_features, identity_features, one_hot

from ..graphs import GRAPHS, multi


@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_identity_and_degrees(maker):
    graph = maker()
    x = identity_features(graph)
    assert x.is_sparse
    assert x.is_coalesced()
    torch.testing.assert_close(x.to_dense(), torch.eye(graph.num_nodes))
    arrivals = [(graph.edge_index[1] == i).sum().item() for i in range(graph.num_nodes)]
    assert degree_features(graph).shape == (graph.num_nodes, 1)
    assert degree_features(graph).flatten().tolist() == arrivals


def test_degrees_count_edges_not_weights():
    assert degree_features(multi()).sum() == 9


def test_one_hot():
    x, categories = one_hot(["O", "C", "O"])
    assert categories == ("O", "C")
    assert x.tolist() == [[1, 0], [0, 1], [1, 0]]
    x, categories = one_hot([3, 1], categories=[1, 2, 3])
    assert categories == (1, 2, 3)
    assert x.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot([], ["C"])[0].shape == (0, 1)
    with pytest.raises(
        ValueError, match=r"'values' must be among the categories \('C',\), got 'N'"
    ):
        one_hot(["C", "N"], ["C"])
