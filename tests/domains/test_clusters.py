"""Clusters of nodes, graphs seen from within some nodes, and mini-batches of other loaders."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import gnnvision as gv
from gnnvision.domains import Frontier, StoredGraph, clusters
from tests.domains.test_stored import LAYERS, NODES, random_graph


def grid_graph(side: int) -> gv.Graph:
    """The pixels of an image, each with its four neighbors."""
    index = torch.arange(side * side).view(side, side)
    right = torch.stack([index[:, :-1].flatten(), index[:, 1:].flatten()])
    down = torch.stack([index[:-1].flatten(), index[1:].flatten()])
    edges = torch.cat([right, down], 1)
    return gv.Graph(torch.cat([edges, edges.flip(0)], 1), side * side)


def cut_share(graph: gv.Graph, cluster: torch.Tensor) -> float:
    ends = cluster[graph.edge_index]
    return (ends[0] != ends[1]).double().mean().item()


def test_clusters_of_a_grid_are_even_and_cut_few_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_EDGES", 500)
    graph = grid_graph(40)
    cluster = graph.clusters(16)
    sizes = torch.bincount(cluster, minlength=16)
    assert len(sizes) == 16
    assert sizes.max() <= 110
    assert sizes.min() >= 50
    assert cut_share(graph, cluster) < 0.2  # squares cut 0.077, random clusters 0.94
    assert torch.equal(cluster, graph.by_target.clusters(16))
    assert not torch.equal(cluster, graph.clusters(16, seed=1))


def test_separate_parts_are_found() -> None:
    full = torch.ones(20, 20) - torch.eye(20)
    graph = gv.Graph.batch([gv.Graph.from_dense(full)] * 6)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    mixed = gv.Graph(order[graph.edge_index], 120)
    assert cut_share(mixed, mixed.clusters(6)) == 0


@pytest.mark.parametrize("count", [1, 7, NODES])
def test_any_number_of_clusters(count: int) -> None:
    for graph in (random_graph(), gv.Graph(torch.empty(2, 0, dtype=torch.int64), NODES)):
        sizes = torch.bincount(graph.clusters(count), minlength=count)
        assert len(sizes) == count
        assert sizes.max() <= -(-110 * NODES // (100 * count))


def test_more_clusters_than_nodes() -> None:
    with pytest.raises(ValueError, match=f"'count' must be at most the number of nodes, {NODES}"):
        random_graph().clusters(NODES + 1)
    with pytest.raises(ValueError, match="'count' must be at least 1"):
        random_graph().clusters(0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_all_clusters_together_are_the_graph(name: str, weighted: bool) -> None:
    graph, x = random_graph(weighted), torch.randn(NODES, 5, dtype=torch.float64)
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    if weighted and not layer.reads_weights:
        pytest.skip("it has no edge weights")
    order = torch.randperm(NODES)
    frontier = graph.within(order)
    expected = layer(x, graph)[order]
    torch.testing.assert_close(layer(x[order], frontier), expected)
    torch.testing.assert_close(gv.Sequential(layer)(x[order], frontier), expected)


def test_networks_of_any_depth_within_some_nodes() -> None:
    graph, nodes = random_graph(), torch.arange(0, NODES, 2)
    frontier = graph.within(nodes)
    assert frontier.is_enclosed
    assert frontier.inward(5) is frontier
    x = torch.randn(len(nodes), 5)
    model = gv.models.gcn(5, 8, 3, num_layers=4).eval()
    y = model(x, frontier)
    assert y.shape == (len(nodes), 3)
    assert torch.equal(model(x, pickle.loads(pickle.dumps(frontier))), y)


def test_kept_edges_stand_for_those_that_are_cut() -> None:
    graph, nodes = random_graph(), torch.tensor([5, 9, 30, 31, 40, 2, 8])
    frontier, ones = graph.within(nodes), torch.ones(7, 1, dtype=torch.float64)
    sums = gv.GraphConv(1, 1, bias=False).double()
    torch.nn.init.ones_(sums.lin_rel.weight)
    torch.nn.init.zeros_(sums.lin_root.weight)
    inside = graph.to_dense()[nodes][:, nodes].sum(0)
    degree = torch.where(inside > 0, graph.degree("in")[nodes], 0)
    assert 0 < (inside > 0).sum() < 7
    torch.testing.assert_close(sums(ones, frontier).squeeze(1), degree.double())


def loaded(graph: gv.Graph, nodes: list[int], fanouts: tuple[int, ...], **options: Any) -> Any:
    """A mini-batch of torch-geometric's loader."""
    pytest.importorskip("torch_geometric")
    from torch_geometric.loader import NodeLoader

    sampler = gv.data.NeighborSampler(graph, fanouts, seed=0, **options)
    return next(iter(NodeLoader(graph.to_pyg(), sampler, torch.tensor(nodes), batch_size=99)))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["GCN", "SAGE", "Cheb", "GAT"])
def test_a_mini_batch_of_all_neighbors_is_exact(name: str, weighted: bool) -> None:
    graph, x = random_graph(weighted), torch.randn(NODES, 5, dtype=torch.float64)
    torch.manual_seed(0)
    layer, nodes = LAYERS[name]().double(), [3, 0, 59, 17]
    if weighted and not layer.reads_weights:
        pytest.skip("it has no edge weights")
    batch = loaded(graph, nodes, (-1, 500))
    for whole in (graph, graph.by_target):
        if whole is not graph and weighted:
            batch = loaded(gv.Graph.from_stored(whole), nodes, (-1, 500))
        frontier = Frontier.from_pyg(batch, whole)
        assert frontier.wanted.tolist() == nodes
        y = layer(x[frontier.nodes], frontier)[:4]
        torch.testing.assert_close(y, layer(x, graph)[nodes])


def test_a_mini_batch_is_right_in_the_mean() -> None:
    graph, x = random_graph(), torch.randn(NODES, 5, dtype=torch.float64)
    layer, nodes = gv.GCNConv(5, 3).double(), list(range(20))
    pytest.importorskip("torch_geometric")
    from torch_geometric.sampler import NodeSamplerInput

    sampler, found = gv.data.NeighborSampler(graph, (3,), seed=0), []
    for _ in range(400):
        out = sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor(nodes)))
        batch = SimpleNamespace(
            n_id=out.node, edge_index=torch.stack([out.row, out.col]), batch_size=20,
            num_sampled_nodes=torch.tensor(out.num_sampled_nodes),  # as cugraph-pyg has them
            num_sampled_edges=torch.tensor(out.num_sampled_edges),
        )  # fmt: skip
        frontier = Frontier.from_pyg(batch, graph)
        found.append(layer(x[frontier.nodes], frontier))
    each = torch.stack(found)
    error = (each.mean(0) - layer(x, graph)[nodes]).abs() / (each.std(0) / 20 + 1e-9)
    assert each.std(0).max() > 0.05
    assert error.max() < 5  # standard errors


def test_a_mini_batch_without_hops_is_enclosed() -> None:
    graph, x = random_graph(weighted=True), torch.randn(NODES, 5)
    batch = loaded(graph, [4, 9, 30, 2], (4,), subgraph_type="induced")
    frontier, layer = Frontier.from_pyg(batch, graph), gv.GCNConv(5, 3)
    expected = layer(x[batch.n_id], graph.within(batch.n_id))
    torch.testing.assert_close(layer(x[batch.n_id], frontier), expected)


def test_wrong_mini_batches() -> None:
    graph = random_graph(weighted=True)
    batch = loaded(graph, [4, 9], (2,))
    with pytest.raises(ValueError, match=r"'batch.n_id' must be nodes from 0 to 3"):
        Frontier.from_pyg(batch, gv.Graph(torch.tensor([[0], [1]]), 4))
    for missing in ("n_id", "e_id", "edge_index"):
        other = batch.clone()
        del other[missing]
        with pytest.raises(ValueError, match=f"'batch' must have {missing}, got none"):
            Frontier.from_pyg(other, graph)
    batch.num_sampled_edges = [1, 1, 1]
    with pytest.raises(ValueError, match="the numbers of nodes and edges of each hop"):
        Frontier.from_pyg(batch, graph)


@pytest.mark.parametrize("source", [-1, 5])
def test_damaged_edges_are_named(source: int) -> None:
    graph = StoredGraph(torch.tensor([0, 1, 2]), torch.tensor([1, source]))
    with pytest.raises(ValueError, match="'graph' must have edges between its nodes"):
        graph.within([0, 1])
