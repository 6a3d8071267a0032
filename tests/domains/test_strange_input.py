"""Graphs from other forms as people have them: nothing is cut, dropped or taken for another."""

import math
from decimal import Decimal
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
import torch

from gnnvision import Graph, Readout

Data = pytest.importorskip("torch_geometric.data").Data


def chain(**values):
    """a - b - c with an attribute on both edges."""
    graph = nx.Graph()
    ((name, (first, second)),) = values.items()
    graph.add_edge("a", "b", **({} if first is ... else {name: first}))
    graph.add_edge("b", "c", **({} if second is ... else {name: second}))
    return graph


NO_NUMBER = ["3.5", None, math.nan, math.inf, -math.inf, [1.0], 1j, Decimal("0.5"), torch.ones(2)]


@pytest.mark.parametrize("value", [*NO_NUMBER, True, np.bool_(False)], ids=repr)
def test_a_weight_that_is_no_number_is_named_with_its_edge(value):
    with pytest.raises(ValueError, match=r"'w' must be a finite number, got .* edge 'b' to 'c'"):
        Graph.from_networkx(chain(w=(1.0, value)), edge_weight="w")


@pytest.mark.parametrize("value", NO_NUMBER, ids=repr)
def test_an_attribute_that_is_no_number_is_named_with_its_edge(value):
    with pytest.raises(ValueError, match=r"'w' must be a finite number, got .* edge 'b' to 'c'"):
        Graph.from_networkx(chain(w=(1.0, value)), edge_attrs=["w"])


@pytest.mark.parametrize("value", [1.5, 1.0, "1", None, True, -1, np.float32(1), Fraction(3, 2)])
def test_a_kind_of_edge_is_an_integer_from_0(value):
    with pytest.raises(
        ValueError, match=r"'k' must be an integer of at least 0.* edge 'b' to 'c'"
    ):
        Graph.from_networkx(chain(k=(0, value)), edge_type="k")


def test_numbers_of_any_kind_are_taken_as_they_are():
    graph = Graph.from_networkx(chain(w=(np.float32(0.5), Fraction(3, 2))), edge_weight="w")
    assert graph.edge_weight.tolist() == [0.5, 1.5, 0.5, 1.5]
    graph = Graph.from_networkx(chain(k=(np.int8(2), 1)), edge_type="k")
    assert graph.edge_type.tolist() == [2, 1, 2, 1]
    graph = Graph.from_networkx(chain(ring=(True, np.bool_(False))), edge_attrs=["ring"])
    assert graph.edge_attr.tolist() == [[1], [0], [1], [0]]


def test_missing_on_some_edges():
    with pytest.raises(ValueError, match="'w' on every edge, got none on the edge 'b' to 'c'"):
        Graph.from_networkx(chain(w=(1.0, ...)), edge_weight="w")
    with pytest.raises(TypeError, match=r"'edge_attrs' must be a list of names, got 'w'"):
        Graph.from_networkx(chain(w=(1.0, 2.0)), edge_attrs="w")


def edges_of(graph):
    """Every direction with its data, sorted."""
    listed = list(graph.edges(data=True))
    if not graph.is_directed():
        listed += [(v, u, d) for u, v, d in listed if u != v]
    return sorted((u, v, sorted((k, str(x)) for k, x in d.items())) for u, v, d in listed)


COLUMNS = {
    "attributes": {"edge_attr": torch.tensor([[1.0, 0.0], [-1.0, 0.0]])},
    "weights": {"edge_weight": torch.tensor([1.0, 2.0])},
    "kinds": {"edge_type": torch.tensor([0, 1])},
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_what_depends_on_the_direction_survives(columns):
    graph = Graph(torch.tensor([[0, 1], [1, 0]]), 2, **columns)
    out = graph.to_networkx()
    assert type(out) is nx.DiGraph
    ((name, column),) = columns.items()
    key = name.removeprefix("edge_")
    assert [out.edges[0, 1][key], out.edges[1, 0][key]] == column.tolist()


def test_parallel_edges_and_loops_survive():
    pairs = [(0, 1), (1, 0), (0, 1), (1, 0), (2, 2), (2, 2)]
    attr = torch.tensor([[1.0], [1.0], [2.0], [2.0], [3.0], [4.0]])
    both = Graph(torch.tensor(pairs).t(), 3, edge_attr=attr).to_networkx()
    assert type(both) is nx.MultiGraph
    assert sorted(d["attr"] for *_, d in both.edges(data=True)) == [[1.0], [2.0], [3.0], [4.0]]
    attr[3] = 5.0
    apart = Graph(torch.tensor(pairs).t(), 3, edge_attr=attr).to_networkx()
    assert type(apart) is nx.MultiDiGraph
    assert edges_of(apart) == sorted(
        (u, v, [("attr", str([a]))]) for (u, v), a in zip(pairs, attr[:, 0].tolist(), strict=True)
    )


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_there_and_back(kind):
    before = kind()
    before.add_edges_from([("a", "b", {"weight": 0.5}), ("b", "c", {"weight": 2.0})])
    before.add_edges_from([("c", "b", {"weight": 3.0}), ("c", "c", {"weight": 1.0})])
    before.add_node("alone")
    graph = Graph.from_networkx(before, edge_weight="weight")
    again = Graph.from_networkx(graph.to_networkx(), edge_weight="weight")
    assert torch.equal(again.adjacency().to_dense(), graph.adjacency().to_dense())
    assert again.node_names == ("a", "b", "c", "alone")


EDGES = torch.tensor([[0, 1, 1, 2, 3, 4], [1, 0, 2, 1, 4, 3]])


def test_batch_without_ptr():
    x, batch = torch.arange(5.0)[:, None], torch.tensor([0, 0, 0, 1, 1])
    graph = Graph.from_pyg(Data(x=x, edge_index=EDGES, batch=batch))
    assert graph.offsets.tolist() == [0, 3, 5]
    assert Readout("mean")(x, graph).tolist() == [[1.0], [3.5]]
    gap = Graph.from_pyg(Data(x=x, edge_index=EDGES, batch=torch.tensor([0, 0, 0, 2, 2])))
    assert gap.offsets.tolist() == [0, 3, 3, 5]
    both = Data(x=x, edge_index=EDGES, batch=batch, ptr=torch.tensor([0, 3, 5]))
    assert Graph.from_pyg(both).offsets.tolist() == [0, 3, 5]
    trailing = Data(x=x, edge_index=EDGES, ptr=torch.tensor([0, 3, 5, 5]))
    assert Graph.from_pyg(trailing).num_graphs == 3


BAD_BATCH = {
    "not sorted": (torch.tensor([1, 1, 1, 0, 0]), ValueError, "'data.batch' must be sorted"),
    "negative": (torch.tensor([-1, 0, 0, 1, 1]), ValueError, "'data.batch' must be sorted"),
    "short": (torch.tensor([0, 1]), ValueError, r"'data.batch' must have shape \(N=5,\)"),
    "float": (
        torch.tensor([0.0, 0, 0, 1, 1]),
        TypeError,
        "'data.batch' must be the index of the graph",
    ),
    "list": ([0, 0, 0, 1, 1], TypeError, "'data.batch' must be the index of the graph"),
    "across an edge": (
        torch.tensor([0, 0, 1, 1, 1]),
        ValueError,
        "'edge_index' must have no edges between",
    ),
}


@pytest.mark.parametrize(("batch", "error", "message"), BAD_BATCH.values(), ids=BAD_BATCH)
def test_a_batch_that_is_none(batch, error, message):
    with pytest.raises(error, match=message):
        Graph.from_pyg(Data(x=torch.ones(5, 1), edge_index=EDGES, batch=batch))


def test_other_data_of_torch_geometric():
    from torch_geometric.data import HeteroData

    many = HeteroData()
    many["a"].x = torch.ones(2, 1)
    many["a", "to", "a"].edge_index = torch.tensor([[0], [1]])
    with pytest.raises(TypeError, match="got HeteroData with several node or edge types"):
        Graph.from_pyg(many)
    with pytest.raises(TypeError, match="without edge_index, but with adj_t"):
        Graph.from_pyg(Data(x=torch.ones(2, 1), adj_t=torch.ones(2, 2).to_sparse_csr()))
    disagree = Data(
        x=torch.ones(5, 1),
        edge_index=EDGES,
        batch=torch.tensor([0, 0, 0, 1, 1]),
        ptr=torch.tensor([0, 2, 5]),
    )
    with pytest.raises(ValueError, match=r"'data\.ptr' must agree with 'data.batch'"):
        Graph.from_pyg(disagree)


@pytest.mark.parametrize("weights", [["1", "2"], [None, 1.0], [True, False], [1j, 2], "ab"])
def test_weights_of_edges_are_numbers(weights):
    with pytest.raises(TypeError, match="'edge_weight' must be numbers"):
        Graph.from_edges([(0, 1), (1, 2)], 3, edge_weight=weights)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_of_edges_are_finite(value):
    for undirected in (False, True):
        with pytest.raises(ValueError, match=r"'edge_weight' must be finite.* for edge 1"):
            Graph.from_edges([(0, 1), (1, 2)], 3, edge_weight=[1, value], undirected=undirected)


@pytest.mark.parametrize(
    "edges", [[(0, 1.0)], [("0", "1")], [(0, None)], [0, 1], [(0, 1, 2)], ["ab"], [(0, True)]]
)
def test_edges_are_pairs_of_integers(edges):
    with pytest.raises(TypeError, match="'edges' must be pairs of integers"):
        Graph.from_edges(edges, 3)


def test_edges_as_arrays():
    expected = Graph.from_edges([(0, 1), (1, 2)], 3).edge_index
    for edges in (
        torch.tensor([[0, 1], [1, 2]]),
        np.array([[0, 1], [1, 2]]),
        iter([(0, 1), (1, 2)]),
    ):
        assert torch.equal(Graph.from_edges(edges, 3).edge_index, expected)
    with pytest.raises(ValueError, match="'edge_index' must have nodes from 0"):
        Graph.from_edges([(0, -1)], 3)


def test_matrices():
    a = torch.tensor([[0.0, 0.5], [2.0, 0.0]])
    assert Graph.from_dense(a.to_sparse()).edge_weight.tolist() == [0.5, 2.0]
    assert Graph.from_dense(a.bool()).edge_weight is None
    with pytest.raises(TypeError, match="'adjacency' must have real numbers"):
        Graph.from_dense(a.to(torch.complex64))
    with pytest.raises(ValueError, match="must be finite"):
        Graph.from_dense(torch.tensor([[0.0, math.nan], [1.0, 0.0]]))


def test_numbers_beyond_floats_are_no_weights():
    graph = nx.Graph()
    graph.add_edge(0, 1, weight=10**400)
    with pytest.raises(ValueError, match="'weight' must be a finite number, got 1000"):
        Graph.from_networkx(graph, edge_weight="weight")
