"""Batches of graphs: joined, taken apart, selected and cut out, and their line graphs."""

import numpy as np
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


def same(one, two):
    """Two graphs with the same nodes, edges and columns, in order."""
    for name in ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets", "graph_attr"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None) == (b is None), name
        assert a is None or torch.equal(a, b), name
    assert one.num_nodes == two.num_nodes
    assert one.node_names == two.node_names


MEMBERS = [[0], [1, 4], [4, 1, 1], [5, 0, 3], []]


@pytest.mark.parametrize("members", MEMBERS[:-1])
def test_selected_members_are_a_batch_of_them(members):
    whole = batch()
    parts = whole.unbatch()
    same(whole.select(members), Graph.batch([parts[m] for m in members]))


def test_members_may_be_an_array_that_nobody_can_write_to():
    chosen = np.array([4, 1])
    chosen.flags.writeable = False
    same(batch().select(chosen), batch().select([4, 1]))
    assert torch.equal(batch().member_nodes(chosen), batch().member_nodes([4, 1]))


def test_no_members_are_an_empty_batch():
    nothing = batch().select([])
    assert (nothing.num_graphs, nothing.num_nodes, nothing.num_edges) == (0, 0, 0)


@pytest.mark.parametrize("members", MEMBERS)
def test_the_nodes_of_members_go_with_them(members):
    whole = batch()
    signal = torch.arange(whole.num_nodes)
    rows = [signal[whole.offsets[m] : whole.offsets[m + 1]] for m in members]
    expected = torch.cat(rows) if rows else signal[:0]
    assert torch.equal(signal[whole.member_nodes(members)], expected)


@pytest.mark.parametrize("outside", [-1, 6])
def test_a_member_that_is_not_there(outside):
    with pytest.raises(ValueError, match=f"from 0 to num_graphs - 1 = 5, got {outside}"):
        batch().select([0, outside])


@pytest.mark.parametrize(("start", "stop"), [(0, 6), (1, 3), (2, 2), (4, 6), (0, 1)])
def test_a_section_is_those_members(start, stop):
    whole = batch()
    part, nodes = whole.section(start, stop)
    same(part, whole.select(list(range(start, stop))))
    assert (nodes.start, nodes.stop) == (int(whole.offsets[start]), int(whole.offsets[stop]))


def test_edges_may_lie_in_any_order():
    tidy = batch()
    order = torch.randperm(tidy.num_edges, generator=torch.Generator().manual_seed(0))
    mixed = Graph(
        tidy.edge_index[:, order],
        tidy.num_nodes,
        edge_weight=tidy.edge_weight[order],
        offsets=tidy.offsets,
    )
    for members in ([4, 1], [1, 2, 3]):
        a, b = mixed.select(members), tidy.select(members)
        assert torch.equal(a.to_dense(), b.to_dense())
    assert torch.equal(mixed.section(1, 5)[0].to_dense(), tidy.section(1, 5)[0].to_dense())
    with pytest.raises(ValueError, match="sorted by the graph of the batch"):
        _ = mixed.line_graph


def test_names_and_attributes_stay_with_their_members():
    one = make([(0, 1)], 2, node_names=("a", "b"), graph_attr=torch.tensor([[1.0, 2.0]]))
    two = make([(0, 1)], 3, node_names=("c", "d", "e"), graph_attr=torch.tensor([[3.0, 4.0]]))
    whole = Graph.batch([one, two])
    assert whole.graph_attr.tolist() == [[1, 2], [3, 4]]
    turned = whole.select([1, 0])
    assert turned.node_names == ("c", "d", "e", "a", "b")
    assert turned.graph_attr.tolist() == [[3, 4], [1, 2]]
    same(whole.unbatch()[1], two)
    assert whole.section(1, 2)[0].graph_attr.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("attributes", "error", "text"),
    [
        ([[1.0]], TypeError, "'graph_attr' must be a torch.Tensor, got list"),
        (torch.ones(2, 3), ValueError, r"\(G=1, D\), got \(2, 3\)"),
        (torch.ones(1), ValueError, r"\(G=1, D\), got \(1,\)"),
        (torch.tensor([[torch.nan]]), ValueError, "must be finite, got nan"),
    ],
)
def test_attributes_that_do_not_fit(attributes, error, text):
    with pytest.raises(error, match=text):
        make([(0, 1)], 2, graph_attr=attributes)


class TestLineGraph:
    @pytest.mark.parametrize("build", [undirected, directed, multi, batch])
    def test_an_edge_points_to_those_that_go_on_but_not_back(self, build):
        graph = build()
        source, target = graph.edge_index.tolist()
        edges = range(graph.num_edges)
        expected = {
            (e, f)
            for e in edges
            for f in edges
            if target[e] == source[f] and target[f] != source[e]
        }
        lines = graph.line_graph
        assert set(zip(*lines.edge_index.tolist(), strict=True)) == expected
        assert lines.num_edges == len(expected)
        assert lines.num_nodes == graph.num_edges

    def test_of_a_batch_it_is_a_batch(self):
        whole = batch()
        parts = Graph.batch([part.line_graph for part in whole.unbatch()])
        assert torch.equal(whole.line_graph.offsets, parts.offsets)
        assert torch.equal(whole.line_graph.to_dense(), parts.to_dense())

    def test_of_a_section_it_is_cut_out(self):
        whole = batch()
        part, _ = whole.section(1, 5)
        fresh = whole.select([1, 2, 3, 4])
        assert part.section_of is not None
        assert fresh.section_of is None
        assert torch.equal(part.line_graph.to_dense(), fresh.line_graph.to_dense())
        assert torch.equal(part.line_graph.offsets, fresh.line_graph.offsets)

    def test_a_path_goes_forth_and_comes_back_on_other_edges(self):
        path = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        assert path.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
        assert sorted(zip(*path.line_graph.edge_index.tolist(), strict=True)) == [(0, 2), (3, 1)]
