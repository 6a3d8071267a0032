import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import clusters, feature_maps, find_layer, layers
from gnnvision.layers import OnDomain


class Kept(nn.Module, OnDomain):
    """A layer of a user's own that leaves out all nodes but a few."""

    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def forward(self, x, domain):
        return x[self.kept]

    def out_domain(self, domain):
        return domain.subgraph(self.kept)


@clusters.register
def _(layer: Kept, graph):
    cluster = torch.full((graph.num_nodes,), -1)
    cluster[layer.kept] = torch.arange(len(layer.kept))
    return cluster


def path(num_nodes=6):
    edges = [(i, i + 1) for i in range(num_nodes - 1)]
    return gv.Graph.from_edges(edges, num_nodes=num_nodes, undirected=True)


def test_clusters_are_those_that_are_pooled():
    graph = gv.Graph.batch([path(7), path(4)])
    for size in (1, 2, 4):
        pool = gv.GraphPool(size, "mean")
        cluster = clusters(pool, graph)
        x = torch.randn(11, 3)
        means = torch.stack([x[cluster == n].mean(0) for n in range(int(cluster.max()) + 1)])
        torch.testing.assert_close(pool(x, graph), means)
    assert clusters(gv.GraphPool(cluster=[0, 1, 0, 1]), path(4)).tolist() == [0, 1, 0, 1]
    assert clusters(nn.ReLU(), graph) is None


@pytest.mark.parametrize("given", [None, [0, 0, 1, 1, 2, 2]], ids=["paired", "given"])
def test_maps_behind_two_poolings(given):
    graph, x = path(), torch.randn(6, 4)
    model = gv.Sequential(
        gv.GCNConv(4, 3), gv.GraphPool(2, cluster=given), gv.GCNConv(3, 3), nn.ReLU(),
        gv.GraphPool(2), gv.GCNConv(3, 2), gv.Readout("mean"),
    )  # fmt: skip
    assert find_layer(model, x, graph, "0").cluster is None
    once = clusters(model[1], graph)
    for name in "123":
        assert torch.equal(find_layer(model, x, graph, name).cluster, once)
    coarse = model[1].out_domain(graph)
    both = clusters(model[4], coarse)[once]
    for name in "45":
        assert torch.equal(find_layer(model, x, graph, name).cluster, both)
    maps = feature_maps(model, x, graph, "1")
    pooled = torch.stack([model[0](x, graph)[once == n].amax(0) for n in range(3)])
    torch.testing.assert_close(maps.values[0].T, pooled.detach())
    assert layers(model, x, graph)[-1].cluster is None


def test_nodes_that_are_left_out():
    graph, x = path(), torch.randn(6, 4)
    model = gv.Sequential(gv.GCNConv(4, 3), Kept([1, 2, 3, 5]), gv.GCNConv(3, 3), gv.GraphPool(4))
    assert find_layer(model, x, graph, "2").cluster.tolist() == [-1, 0, 1, 2, -1, 3]
    cluster = find_layer(model, x, graph, "3").cluster
    assert (cluster < 0).tolist() == [True, False, False, False, True, False]
    assert len(set(cluster[1:4].tolist())) <= 2
    twice = gv.Sequential(Kept([1, 2, 3, 5]), gv.GCNConv(4, 3), Kept([3, 0]), gv.GCNConv(3, 3))
    assert find_layer(twice, x, graph, "3").cluster.tolist() == [-1, 1, -1, -1, -1, 0]


def test_edges_of_a_pooled_graph():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = gv.GraphPool(2)
            self.conv = gv.GCNConv(4, 4, normalize=False)

        def forward(self, x, domain):
            x = self.pool(x, domain)
            coarse = self.pool.out_domain(domain)
            return self.conv(x[coarse.edge_index[0]], coarse.line_graph)

    model, graph, x = Both(), path(8), torch.randn(8, 4)
    found = find_layer(model, x, graph, "conv")
    assert found.edges_of is model.pool.out_domain(graph)
    assert torch.equal(found.cluster, clusters(model.pool, graph))


def test_an_unknown_pooling_is_not_guessed():
    class Halved(Kept):
        pass

    clusters.register(Halved, lambda layer, graph: None)
    graph, x = path(), torch.randn(6, 4)
    model = gv.Sequential(Halved([0, 1, 2, 3]), gv.GCNConv(4, 3), gv.GraphPool(2))
    assert [layer.cluster for layer in layers(model, x, graph)] == [None, None, None]
