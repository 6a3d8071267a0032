"""Graphs by target: their degrees, their frontiers, and neighbors that are drawn."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.domains import StoredGraph, stored
from gnnvision.domains.sampling import draw
from gnnvision.domains.steps import step_graph

NODES = 60


def random_graph(weighted: bool = False, seed: int = 0) -> gv.Graph:
    """A directed graph with self loops, parallel edges and nodes without edges."""
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(NODES - 3, (2, 400), generator=generator)
    edge_index[1, :8] = edge_index[0, :8]
    weight = torch.rand(400, generator=generator) + 0.1 if weighted else None
    return gv.Graph(edge_index, NODES, edge_weight=weight)


LAYERS: dict[str, Any] = {
    "GCN": lambda: gv.GCNConv(5, 3),
    "GCN without loops": lambda: gv.GCNConv(5, 3, add_self_loops=False),
    "improved GCN": lambda: gv.GCNConv(5, 3, improved=True),
    "GraphConv": lambda: gv.GraphConv(5, 3),
    "GraphConv mean": lambda: gv.GraphConv(5, 3, aggr="mean"),
    "Cheb": lambda: gv.ChebConv(5, 3, K=3),
    "Cheb rw": lambda: gv.ChebConv(5, 3, K=2, normalization="rw"),
    "Cheb unnormalized": lambda: gv.ChebConv(5, 3, K=2, normalization=None),
    "TAG": lambda: gv.TAGConv(5, 3, K=2),
    "SGC": lambda: gv.SGConv(5, 3, K=2),
    "APPNP": lambda: gv.APPNP(K=2, alpha=0.1),
    "SAGE": lambda: gv.SAGEConv(5, 3),
    "GIN": lambda: gv.GINConv(torch.nn.Linear(5, 3)),
    "GAT": lambda: gv.GATConv(5, 3),
    "GATv2": lambda: gv.GATv2Conv(5, 3),
    "Transformer": lambda: gv.TransformerConv(5, 3),
}


def output(layer: Any, x: torch.Tensor, frontier: gv.Frontier) -> torch.Tensor:
    """The output at the wanted nodes, over as many hops as the frontier has."""
    y = layer(x[frontier.nodes], frontier)
    return y[: frontier.wanted.numel()]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_fanout_that_covers_the_degrees_is_exact(name: str, weighted: bool) -> None:
    graph, x = random_graph(weighted), torch.randn(NODES, 5, dtype=torch.float64)
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    if weighted and not layer.reads_weights:
        pytest.skip("it has no edge weights")
    wanted = torch.tensor([3, 0, 59, 17])
    for fanouts in ((-1, -1), (400, 400)):
        frontier = graph.frontier(wanted, fanouts=fanouts)
        expected = layer(x, graph)[wanted]
        torch.testing.assert_close(output(layer, x, frontier), expected)
        torch.testing.assert_close(
            output(gv.Sequential(layer), x, frontier), expected, msg="in Sequential"
        )


def test_gradients_of_two_layers_are_those_of_the_whole_graph() -> None:
    graph, x = random_graph(), torch.randn(NODES, 5, dtype=torch.float64)
    model = gv.models.gcn(5, 8, 3, dropout=0.0).double()
    wanted = torch.tensor([5, 40, 2])
    model(x, graph)[wanted].square().sum().backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    frontier = graph.frontier(wanted, fanouts=(1000, 1000))
    model(x[frontier.nodes], frontier).square().sum().backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@pytest.mark.parametrize("name", ["GCN", "GraphConv", "SAGE", "Cheb rw"])
def test_what_is_drawn_is_right_in_the_mean(name: str) -> None:
    graph, x = random_graph(), torch.randn(NODES, 5, dtype=torch.float64)
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    wanted = torch.arange(20)
    exact = layer(x, graph)[wanted]
    each = torch.stack(
        [output(layer, x, graph.frontier(wanted, fanouts=(3,), key=key)) for key in range(400)]
    )
    error = (each.mean(0) - exact).abs() / (each.std(0) / 20 + 1e-9)
    assert each.std(0).max() > 0.1
    assert error.max() < 5  # standard errors


def test_relations_of_drawn_edges() -> None:
    graph = random_graph()
    types = torch.arange(graph.num_edges) % 3
    graph = gv.Graph(graph.edge_index, NODES, edge_type=types, num_relations=3)
    layer, x = gv.RGCNConv(5, 4, num_relations=3), torch.randn(NODES, 5)
    frontier = graph.frontier([7, 1], fanouts=(-1,))
    torch.testing.assert_close(layer(x[frontier.nodes], frontier), layer(x, graph)[[7, 1]])


def test_a_node_gets_the_same_edges_whichever_nodes_are_beside_it() -> None:
    graph = random_graph().by_target
    alone = graph.frontier([11], fanouts=(3, 2), key=7)
    beside = graph.frontier([4, 11, 30], fanouts=(3, 2), key=7)
    assert not torch.equal(alone.nodes, graph.frontier([11], fanouts=(3, 2), key=8).nodes)
    first, second = step_graph(alone.inward()), step_graph(beside.inward())
    mine = first.edge_index[0][first.edge_index[1] == 0]
    theirs = second.edge_index[0][second.edge_index[1] == 1]
    assert alone.nodes[mine].tolist() == beside.nodes[theirs].tolist()


def test_the_generator_determines_what_is_drawn() -> None:
    graph = random_graph()
    drawn = [
        graph.frontier(range(9), fanouts=(2, 2), generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(drawn[0].nodes, drawn[1].nodes)
    assert not torch.equal(drawn[0].nodes, drawn[2].nodes)


def test_edges_are_drawn_uniformly_and_without_replacement() -> None:
    rowptr = np.array([0, 0, 12, 15])
    counts = np.zeros(15)
    for key in range(3000):
        places, ends = draw(rowptr, np.array([0, 1, 2]), 5, key)
        assert ends.tolist() == [0, 0, 5, 8]
        assert len(set(places.tolist())) == 8
        counts[places] += 1
    assert (counts[12:] == 3000).all()
    assert abs(counts[:12] - 1250).max() < 5 * (3000 * 5 / 12 * 7 / 12) ** 0.5


@pytest.mark.parametrize("weighted", [False, True])
def test_degrees_are_read_in_blocks(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_EDGES", 7)
    graph = random_graph(weighted)
    for direction in ("in", "out"):
        found = graph.by_target.degree(direction)
        expected = graph.degree(direction)
        torch.testing.assert_close(found.to(expected.dtype), expected)
    back = gv.Graph.from_stored(graph.by_target)
    torch.testing.assert_close(back.to_dense(), graph.to_dense())


def test_a_network_is_refused_the_whole_graph() -> None:
    graph = random_graph().by_target
    with pytest.raises(ValueError, match=r"'domain' must be a frontier of the graph"):
        gv.operators.normalized_adjacency(graph) @ torch.randn(NODES, 5)
    with pytest.raises(TypeError, match=r"Pass one of its frontiers"):
        gv.GCNConv(5, 3)(torch.randn(NODES, 5), graph)


def test_an_operator_of_all_edges_is_refused_on_drawn_ones() -> None:
    graph = random_graph()
    whole = gv.operators.adjacency(graph)
    layer = gv.GraphConvolution(5, 3, operators=lambda domain, dtype: [whole], num_operators=1)
    frontier = graph.frontier([0, 1], fanouts=(2,))
    with pytest.raises(ValueError, match="of all edges"):
        layer(torch.randn(frontier.num_nodes, 5), frontier)


def test_frontiers_are_copied_and_pickled() -> None:
    graph, x = random_graph(), torch.randn(NODES, 5)
    frontier, layer = graph.frontier([0, 9], fanouts=(2,), key=1), gv.GCNConv(5, 3)
    expected = layer(x[frontier.nodes], frontier)
    for other in (pickle.loads(pickle.dumps(frontier)), copy.deepcopy(frontier)):
        assert torch.equal(layer(x[other.nodes], other), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({}, ValueError, "'fanouts' must be given in place of hops"),
        ({"hops": 1, "fanouts": (1,)}, ValueError, "'fanouts' must be given in place of hops"),
        ({"fanouts": 3}, TypeError, "'fanouts' must be a sequence"),
        ({"fanouts": (2.5,)}, TypeError, "'fanouts' must be an integer"),
        ({"fanouts": (0,)}, ValueError, "'fanouts' must be positive"),
        ({"fanouts": (-2,)}, ValueError, "'fanouts' must be at least -1"),
    ],
)
def test_wrong_fanouts(arguments: Any, error: type[Exception], match: str) -> None:
    for graph in (random_graph(), random_graph().by_target):
        with pytest.raises(error, match=match):
            graph.frontier([0], **arguments)


def test_wrong_arrays() -> None:
    rowptr, source = torch.tensor([0, 1, 2]), torch.tensor([1, 0])
    with pytest.raises(TypeError, match="'source' must be a tensor of integers"):
        StoredGraph(rowptr, source.float())
    with pytest.raises(ValueError, match="'rowptr' must go from 0 to the number of edges, 2"):
        StoredGraph(rowptr[:2], source)
    with pytest.raises(ValueError, match="'edge_weight' must have one row for each of the 2"):
        StoredGraph(rowptr, source, edge_weight=torch.ones(3))
    with pytest.raises(ValueError, match="a node twice"):
        StoredGraph(rowptr, source).frontier([0, 0], hops=1)
