import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Graph

from ..graphs import GRAPHS, batch, directed, make, multi, random_graphs, undirected

COLUMNS = ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets")


def assert_same_graph(a, b):
    assert a.num_nodes == b.num_nodes
    assert a.num_relations == b.num_relations
    for name in COLUMNS:
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None), name
        if one is not None:
            torch.testing.assert_close(one, other)


@given(st.lists(random_graphs(weighted=True), min_size=1, max_size=5))
def test_unbatch_undoes_batch(graphs):
    together = Graph.batch(graphs)
    assert together.num_graphs == len(graphs)
    assert together.offsets.diff().tolist() == [g.num_nodes for g in graphs]
    torch.testing.assert_close(
        together.to_dense(), torch.block_diag(*[g.to_dense() for g in graphs])
    )
    for one, other in zip(together.unbatch(), graphs, strict=True):
        assert_same_graph(one, other)


def test_all_the_awkward_members():
    graphs = [maker() for maker in GRAPHS.values()]
    together = Graph.batch(graphs)
    assert together.num_graphs == sum(g.num_graphs for g in graphs)
    singles = [member for graph in graphs for member in graph.unbatch()]
    for one, other in zip(together.unbatch(), singles, strict=True):
        assert torch.equal(one.edge_index, other.edge_index)
        assert one.num_nodes == other.num_nodes
        torch.testing.assert_close(one.to_dense(), other.to_dense())


def test_edges_of_a_batch_may_be_in_any_order():
    together = batch()
    order = torch.randperm(together.num_edges)
    mixed = Graph(together.edge_index[:, order], together.num_nodes, offsets=together.offsets)
    for one, other in zip(mixed.unbatch(), together.unbatch(), strict=True):
        count = Graph(other.edge_index, other.num_nodes)
        torch.testing.assert_close(one.to_dense(), count.to_dense())


def test_batch_of_batches():
    assert_same_graph(Graph.batch([batch(), batch()]), Graph.batch(batch().unbatch() * 2))


def test_weights_are_filled_in_and_names_join():
    plain, weighted = make([(0, 1)], 2), make([(0, 1)], 2, [3.0])
    assert Graph.batch([plain, plain]).edge_weight is None
    assert Graph.batch([plain, weighted]).edge_weight.tolist() == [1, 3]
    molecules = [Graph.from_smiles("CO"), Graph.from_smiles("N")]
    together = Graph.batch(molecules)
    assert together.node_names == ("C", "O", "N")
    assert [m.node_names for m in together.unbatch()] == [("C", "O"), ("N",)]
    assert together.num_relations == 5
    named = Graph(torch.tensor([[0], [1]]), 2, node_names="ab")
    assert Graph.batch([named, Graph(named.edge_index, 2)]).node_names is None


def test_gradients_pass_through_a_batch():
    weight = torch.rand(5, requires_grad=True)
    learned = Graph(directed().edge_index, 5, edge_weight=weight)
    plain = Graph(directed().edge_index, 5)
    together = Graph.batch([plain, learned])
    together.unbatch()[1].adjacency().to_dense().sum().backward()
    assert weight.grad.tolist() == [1] * 5


def test_batch_refusals():
    with pytest.raises(ValueError, match="'graphs' must have at least one graph, got none"):
        Graph.batch([])
    bare = Graph(undirected().edge_index, 5)
    with pytest.raises(
        ValueError, match="'graphs' must either all have edge_attr or all lack it, got gr"
    ):
        Graph.batch([undirected(), bare])
    typed = Graph(bare.edge_index, 5, edge_type=torch.zeros(10).long())
    with pytest.raises(ValueError, match="have edge_type or all lack it, got graph 0 without"):
        Graph.batch([bare, typed])


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
