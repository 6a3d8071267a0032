import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Graph

from ..graphs import GRAPHS, batch, directed, random_graphs, undirected


def edges(graph, *columns):
    """The edges with their columns, in an order that does not depend on the list's."""
    parts = [graph.edge_index.T.tolist()]
    parts += [
        getattr(graph, name).tolist() for name in columns if getattr(graph, name) is not None
    ]
    return sorted(zip(*parts, strict=True))


# --- edges ------------------------------------------------------------------------------------


def test_from_edges():
    graph = Graph.from_edges([(0, 1), (1, 2), (0, 1)], num_nodes=4, edge_weight=[1, 2, 3])
    assert graph.edge_index.tolist() == [[0, 1, 0], [1, 2, 1]]
    assert graph.edge_weight.tolist() == [1, 2, 3]
    assert graph.edge_weight.dtype is torch.float64
    assert Graph.from_edges(iter([]), 3).num_edges == 0
    assert Graph.from_edges([[0, 1]], 2).num_edges == 1


def test_from_edges_each_way():
    graph = Graph.from_edges([(0, 1), (1, 0), (2, 2), (0, 1)], num_nodes=3, undirected=True)
    assert edges(graph) == [([0, 1],), ([1, 0],), ([2, 2],)]
    assert graph.is_undirected
    weighted = Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True, edge_weight=[2.0, 3.0])
    torch.testing.assert_close(weighted.to_dense(), weighted.to_dense().T)
    with pytest.raises(
        ValueError, match=r"a single weight for each undirected edge, got 2.0 and 1.0 for 1"
    ):
        Graph.from_edges([(0, 1), (1, 0)], 2, undirected=True, edge_weight=[1.0, 2.0])


def test_from_edges_with_numpys_integers():
    pairs = list(zip(*np.nonzero(np.eye(3, k=1)), strict=True))
    assert Graph.from_edges(pairs, 3).edge_index.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize("undirected", [False, True])
def test_from_edges_keeps_learned_weights(undirected):
    weight = torch.rand(2, requires_grad=True)
    graph = Graph.from_edges([(0, 1), (1, 2)], 3, undirected=undirected, edge_weight=weight)
    graph.to_dense().sum().backward()
    assert weight.grad.tolist() == [1 + undirected] * 2


def test_from_edges_refusals():
    for edge in ((0, 1.0), (0, True), (0, 1, 2), ("a", "b")):
        with pytest.raises(TypeError, match="'edges' must be pairs of integers, got"):
            Graph.from_edges([edge], 2)
    with pytest.raises(
        ValueError, match="'edge_weight' must have one weight for each of the 1 edg"
    ):
        Graph.from_edges([(0, 1)], 2, edge_weight=[1.0, 2.0])
    with pytest.raises(ValueError, match="got edge 1 from 1 to 2"):
        Graph.from_edges([(0, 1), (1, 2)], 2)


# --- matrices ---------------------------------------------------------------------------------


@given(random_graphs())
def test_dense_round_trip(graph):
    A = graph.to_dense()
    again = Graph.from_dense(A)
    torch.testing.assert_close(again.to_dense(), A)
    assert again.num_nodes == graph.num_nodes
    assert (again.edge_weight is None) == bool((A[A != 0] == 1).all())


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.float32, torch.float64])
def test_from_dense_of_any_kind(dtype):
    A = torch.tensor([[0, 1], [0, 1]], dtype=dtype)
    graph = Graph.from_dense(A)
    assert edges(graph) == [([0, 1],), ([1, 1],)]
    assert graph.edge_weight is None
    assert Graph.from_dense(3 * A.int()).edge_weight.dtype is torch.float64


def test_from_dense_is_differentiable():
    A = torch.tensor([[0.0, 1], [2, 0]], requires_grad=True)
    Graph.from_dense(A).adjacency().to_dense().square().sum().backward()
    torch.testing.assert_close(A.grad, 2 * A.detach())


def test_from_dense_refusals():
    with pytest.raises(TypeError, match=r"'adjacency' must be a torch.Tensor, got list"):
        Graph.from_dense([[0, 1], [1, 0]])
    for shape in ((2, 3), (2,), (1, 2, 2)):
        with pytest.raises(ValueError, match=r"'adjacency' must have shape \(N, N\), got"):
            Graph.from_dense(torch.ones(shape))
    with pytest.raises(ValueError, match="'edge_weight' must be finite, got nan"):
        Graph.from_dense(torch.tensor([[0, torch.nan], [0, 0]]))


# --- networkx ---------------------------------------------------------------------------------


@st.composite
def networks(draw):
    """Graphs of the four classes, nodes with names in any order, loops, some alone."""
    kind = draw(st.sampled_from([nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]))
    names = draw(st.permutations(["b", "a", 7, (1, 2), "z"]))[: draw(st.integers(0, 5))]
    out = kind()
    out.add_nodes_from(names)
    if names:
        name = st.sampled_from(names)
        for u, v in draw(st.lists(st.tuples(name, name), max_size=8)):
            data = {"strength": draw(st.integers(1, 9)) / 4, "kind": draw(st.integers(0, 2))}
            out.add_edge(u, v, length=data["strength"] + 1, **data)
    return out


@given(networks())
def test_networkx_to_graph(network):
    graph = Graph.from_networkx(
        network, edge_weight="strength", edge_attrs=["length", "kind"], edge_type="kind"
    )
    assert graph.node_names == tuple(network.nodes)
    expected = nx.to_numpy_array(network, weight="strength", dtype=float)
    torch.testing.assert_close(graph.to_dense().numpy(), expected)
    loops = 0 if network.is_directed() else nx.number_of_selfloops(network)
    each = network.number_of_edges() * (1 if network.is_directed() else 2) - loops
    assert graph.num_edges == each
    if graph.num_edges:
        torch.testing.assert_close(graph.edge_attr[:, 0], graph.edge_weight + 1)
        assert torch.equal(graph.edge_attr[:, 1].long(), graph.edge_type)
    if not network.is_directed():
        assert graph.is_undirected


@given(networks())
def test_networkx_round_trip(network):
    graph = Graph.from_networkx(network, edge_weight="strength", edge_type="kind")
    back = graph.to_networkx()
    assert list(back.nodes) == list(network.nodes)
    torch.testing.assert_close(
        nx.to_numpy_array(back, weight="weight"), nx.to_numpy_array(network, weight="strength")
    )
    again = Graph.from_networkx(
        back,
        edge_weight="weight" if back.edges else None,
        edge_type="type" if back.edges else None,
    )
    if back.edges:
        assert edges(again, "edge_weight", "edge_type") == edges(graph, "edge_weight", "edge_type")
    assert back.is_directed() == (not graph.is_undirected)


@given(random_graphs())
def test_graph_to_networkx_and_back(graph):
    back = graph.to_networkx()
    assert list(back.nodes) == list(range(graph.num_nodes))
    weight = None if graph.edge_weight is None or not back.edges else "weight"
    again = Graph.from_networkx(back, edge_weight=weight)
    assert edges(again, "edge_weight") == (
        edges(graph, "edge_weight") if weight or graph.edge_weight is None else []
    )


def test_to_networkx_takes_the_plainest_class():
    pair = [(0, 1), (1, 0)]
    for pairs, kind in (
        (pair, nx.Graph),
        (pair * 2, nx.MultiGraph),
        (pair[:1], nx.DiGraph),
        (pair[:1] * 2, nx.MultiDiGraph),
    ):
        assert type(Graph.from_edges(pairs, 2).to_networkx()) is kind
    assert Graph(undirected().edge_index, 5).to_networkx().number_of_edges() == 5
    data = directed().to_networkx().edges[0, 1]
    assert data["weight"] == 0.5
    assert data["type"] == 0
    torch.testing.assert_close(torch.tensor(data["attr"]), directed().edge_attr[0])


def test_names_that_repeat_give_way_to_numbers():
    assert list(Graph.from_smiles("CCO").to_networkx().nodes) == [0, 1, 2]
    named = Graph(torch.tensor([[0], [1]]), 2, node_names=("a", "b"))
    assert list(named.to_networkx().edges) == [("a", "b")]


def test_from_networkx_refusals():
    with pytest.raises(TypeError, match="'graph' must be a networkx graph, got list"):
        Graph.from_networkx([(0, 1)])
    half = nx.Graph([(0, 1, {"w": 1}), (1, 2)])
    with pytest.raises(
        ValueError, match="'graph' must have the attribute 'w' on every edge, got no"
    ):
        Graph.from_networkx(half, edge_weight="w")


# --- torch-geometric --------------------------------------------------------------------------

COLUMNS = ("edge_weight", "edge_attr", "edge_type")


@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_torch_geometric_round_trip(maker):
    graph = maker()
    x, y = torch.randn(graph.num_nodes, 2), torch.zeros(graph.num_graphs)
    data = graph.to_pyg(x, y)
    assert data.x is x
    assert data.y is y
    assert data.num_nodes == graph.num_nodes
    again = Graph.from_pyg(data)
    assert again.num_nodes == graph.num_nodes
    assert torch.equal(again.edge_index, graph.edge_index)
    assert torch.equal(again.offsets, graph.offsets)
    for name in COLUMNS:
        torch.testing.assert_close(getattr(again, name), getattr(graph, name))


def test_torch_geometrics_batch():
    from torch_geometric.data import Batch, Data

    list_of = [
        Data(edge_index=torch.tensor([[0, 1], [1, 0]]), edge_attr=torch.randn(2), num_nodes=3),
        Data(edge_index=torch.empty(2, 0).long(), edge_attr=torch.randn(0), num_nodes=1),
    ]
    graph = Graph.from_pyg(Batch.from_data_list(list_of))
    assert graph.offsets.tolist() == [0, 3, 4]
    torch.testing.assert_close(graph.edge_attr, list_of[0].edge_attr.unsqueeze(1))
    theirs = batch().to_pyg(torch.zeros(batch().num_nodes, 1))
    assert isinstance(theirs, Batch)
    assert theirs.num_graphs == 6
    assert torch.equal(theirs.batch, batch().graph_index)
    assert not isinstance(directed().to_pyg(), Batch)


def test_from_pyg_refuses_what_has_no_edges():
    from torch_geometric.data import Data

    with pytest.raises(
        TypeError, match="'data' must have an edge_index, got Data without edge_index"
    ):
        Graph.from_pyg(Data(x=torch.ones(2, 1)))


# --- meshes -----------------------------------------------------------------------------------


def test_from_triangles():
    graph = Graph.from_triangles(torch.tensor([[0, 1, 2], [2, 1, 3]]), num_nodes=5)
    pairs = {(0, 1), (1, 2), (0, 2), (1, 3), (2, 3)}
    assert set(map(tuple, graph.edge_index.T.tolist())) == pairs | {(j, i) for i, j in pairs}
    assert graph.num_edges == 10
    assert graph.is_undirected
    assert Graph.from_triangles(torch.tensor([[0, 0, 1]]), 2).num_edges == 2
    assert Graph.from_triangles(torch.empty(0, 3).int(), 2).num_edges == 0


def test_from_triangles_refusals():
    with pytest.raises(TypeError, match=r"'faces' must be a tensor of int64, got torch.float64"):
        Graph.from_triangles(torch.ones(1, 3), 3)
    with pytest.raises(TypeError, match="'faces' must be a tensor of int64, got list"):
        Graph.from_triangles([[0, 1, 2]], 3)
    with pytest.raises(ValueError, match=r"'faces' must have shape \(F, 3\), got \(3, 1\)"):
        Graph.from_triangles(torch.ones(3, 1).long(), 3)
    with pytest.raises(ValueError, match="'edge_index' must have nodes from 0"):
        Graph.from_triangles(torch.tensor([[0, 1, 3]]), 3)


# --- molecules --------------------------------------------------------------------------------

MOLECULES = {
    # SMILES: heavy atoms, bonds, kinds of bonds
    "CCO": (3, 2, {0}),
    "C=C": (2, 1, {1}),
    "C#N": (2, 1, {2}),
    "c1ccccc1": (6, 6, {3}),
    "[NH3]->[Cu]": (2, 1, {4}),
    "[Na+].[Cl-]": (2, 0, set()),
    "C": (1, 0, set()),
    "CC(=O)Oc1ccccc1C(=O)O": (13, 13, {0, 1, 3}),
}


@pytest.mark.parametrize("smiles", MOLECULES)
def test_from_smiles(smiles):
    atoms, bonds, kinds = MOLECULES[smiles]
    graph = Graph.from_smiles(smiles)
    assert (graph.num_nodes, graph.num_edges) == (atoms, 2 * bonds)
    assert set(graph.edge_type.tolist()) == kinds
    assert graph.num_relations == 5
    assert graph.is_undirected
    assert len(graph.node_names) == atoms


def test_atoms_keep_their_order():
    assert Graph.from_smiles("OCN").node_names == ("O", "C", "N")


@pytest.mark.parametrize("smiles", ["", "C1CC", "xyz", "C(C)(C)(C)(C)C", "*(", "c1ccc1C("])
def test_bad_smiles_are_refused_quietly(smiles, capfd):
    with pytest.raises(ValueError, match="'smiles' must be a valid SMILES, got"):
        Graph.from_smiles(smiles)
    assert capfd.readouterr().err == ""


def test_the_reason_is_rdkits():
    with pytest.raises(ValueError, match="Explicit valence for atom # 0 C, 5, is greater than"):
        Graph.from_smiles("C(C)(C)(C)(C)C")
    with pytest.raises(TypeError, match="'smiles' must be a string, got int"):
        Graph.from_smiles(5)
