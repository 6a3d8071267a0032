import copy
import dataclasses
import pickle

import pytest
import torch

from gnnvision import Domain, Graph

from ..graphs import GRAPHS, batch, directed, make, multi, undirected

TENSORS = ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets")


def test_sizes():
    graph = batch()
    assert isinstance(graph, Domain)
    assert (graph.num_nodes, graph.num_sites, graph.num_edges) == (14, 14, 15)
    assert graph.num_graphs == 6
    assert graph.graph_index.tolist() == [1] * 5 + [2] * 2 + [4] * 5 + [5] * 2
    assert undirected().num_graphs == 1
    assert undirected().offsets.tolist() == [0, 5]
    assert graph.device == torch.device("cpu")


def test_repr():
    assert repr(Graph(torch.tensor([[0], [1]]), 2)) == "Graph(num_nodes=2, num_edges=1)"
    expected = (
        "Graph(num_nodes=14, num_edges=15, num_graphs=6, edge_weight=(15,), edge_attr=(15, 2), "
        "edge_type=(15,))"
    )
    assert repr(batch()) == expected


def test_fields_cannot_be_set():
    graph = undirected()
    for name in ("edge_index", "num_nodes", "edge_weight", "offsets"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(graph, name, None)


def test_it_holds_copies():
    edge_index, weight = torch.tensor([[0, 1], [1, 2]]), torch.tensor([1.0, 2.0])
    kind, attributes, offsets = torch.tensor([0, 1]), torch.ones(2, 1), torch.tensor([0, 3])
    graph = Graph(
        edge_index, 3, edge_weight=weight, edge_type=kind, edge_attr=attributes, offsets=offsets
    )
    before = copy.deepcopy(graph)
    for mine in (edge_index, weight, kind, attributes, offsets):
        mine.zero_()
    for name in TENSORS:
        assert torch.equal(getattr(graph, name), getattr(before, name)), name
    assert graph.edge_index.is_contiguous()
    assert Graph(torch.tensor([[0, 1], [1, 2]]).t(), 3).edge_index.is_contiguous()
    assert Graph(edge_index.int(), 3).edge_index.dtype is torch.int64


@pytest.mark.parametrize("name", TENSORS)
def test_editing_it_in_place_is_noticed(name):
    graph = multi()
    graph.adjacency()
    getattr(graph, name).mul_(1)
    for use in (graph.adjacency, lambda: graph.is_undirected, lambda: graph.graph_index):
        with pytest.raises(ValueError, match="'graph' must not change, got a tensor that was"):
            use()


def test_a_learned_weight_may_change():
    weight = torch.ones(5, requires_grad=True)
    graph = Graph(directed().edge_index, 5, edge_weight=weight)
    graph.adjacency()
    with torch.no_grad():
        weight.mul_(2)
    assert graph.adjacency().to_dense().sum() == 10
    assert graph.adjacency() is not graph.adjacency()


def test_derived_once():
    graph = multi()
    for matrix in (graph.adjacency, graph.laplacian, graph.normalized_adjacency):
        assert matrix() is matrix()
    assert graph.laplacian("sym") is not graph.laplacian("rw")
    assert graph.adjacency(torch.float32) is not graph.adjacency()


@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_copies_and_pickles(maker):
    graph = maker()
    graph.normalized_adjacency()
    size = len(pickle.dumps(graph))
    assert size == len(pickle.dumps(maker())), "what is derived is left behind"
    for other in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph), copy.copy(graph)):
        assert other.num_nodes == graph.num_nodes
        for name in TENSORS:
            assert (getattr(other, name) is None) == (getattr(graph, name) is None)
            if getattr(graph, name) is not None:
                assert torch.equal(getattr(other, name), getattr(graph, name))
        torch.testing.assert_close(
            other.normalized_adjacency().to_dense(), graph.normalized_adjacency().to_dense()
        )


def test_to():
    graph = batch()
    assert graph.to("cpu") is graph
    assert graph.to(torch.device("cpu")) is graph
    meta = graph.to("meta")
    assert {getattr(meta, name).device.type for name in TENSORS} == {"meta"}
    assert meta.num_graphs == 6
    assert graph.device.type == "cpu"


@pytest.mark.gpu
def test_to_the_gpu_and_back():
    graph = batch()
    there = graph.to("cuda")
    assert there.to(there.device) is there
    assert {getattr(there, name).device.type for name in TENSORS} == {"cuda"}
    for normalization in (None, "sym", "rw"):
        torch.testing.assert_close(
            there.laplacian(normalization).to_dense().cpu(),
            graph.laplacian(normalization).to_dense(),
        )
    assert there.is_undirected == graph.is_undirected
    assert [g.num_nodes for g in there.unbatch()] == [g.num_nodes for g in graph.unbatch()]
    assert torch.equal(there.to("cpu").edge_index, graph.edge_index)


def test_graphs_are_told_apart_by_identity():
    a, b = undirected(), undirected()
    assert a != b
    assert len({a, b, a}) == 2


def test_made_in_inference_mode_and_trained_on_later():
    with torch.inference_mode():
        graph = Graph(directed().edge_index, 5, edge_weight=directed().edge_weight)
        graph.normalized_adjacency()
    for tensor in (graph.edge_index, graph.edge_weight, graph.normalized_adjacency()):
        assert not tensor.is_inference()


def test_no_edges_and_no_nodes():
    for graph in (make([], 0), make([], 3)):
        n = graph.num_nodes
        assert graph.to_dense().shape == (n, n)
        assert graph.degree().tolist() == [0] * n
        assert graph.is_undirected
        assert [g.num_nodes for g in graph.unbatch()] == [n]
    assert undirected().subgraph([]).num_nodes == 0
