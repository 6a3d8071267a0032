"""Frontiers: which nodes they have, in which order, and how they move inward."""

import copy
import pickle

import pytest
import torch

from gnnvision import Graph
from gnnvision.domains import Frontier
from gnnvision.domains.steps import step_graph

PATH = Graph.from_edges([(0, 1), (1, 2), (2, 3), (3, 4)], num_nodes=6, undirected=True)


def test_the_wanted_nodes_come_first_in_their_order_then_hop_by_hop():
    frontier = PATH.frontier([3, 0], hops=2)
    assert frontier.wanted.tolist() == [3, 0]
    assert set(frontier.inward().nodes.tolist()) == {3, 0, 1, 2, 4}
    assert frontier.sizes == (2, 5, 5)
    assert frontier.inward(2).nodes.tolist() == [3, 0]


def test_the_nodes_are_those_of_the_neighborhoods():
    torch.manual_seed(0)
    graph = Graph(torch.randint(0, 200, (2, 300)), num_nodes=200)
    for hops in range(4):
        frontier = graph.frontier([7, 100], hops)
        near = {*graph.neighborhood(7, hops).tolist(), *graph.neighborhood(100, hops).tolist()}
        assert set(frontier.nodes.tolist()) == near
        assert frontier.nodes.unique().numel() == frontier.num_nodes


def test_directed_edges_are_followed_backwards():
    graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3)
    assert graph.frontier([0], 2).nodes.tolist() == [0]
    assert graph.frontier([2], 2).nodes.tolist() == [2, 1, 0]


def test_a_mask_gives_its_nodes():
    mask = torch.tensor([False, True, False, False, False, True])
    assert PATH.frontier(mask, 0).nodes.tolist() == [1, 5]


def test_no_nodes_give_an_empty_frontier():
    frontier = PATH.frontier([], 2)
    assert frontier.num_nodes == 0
    assert step_graph(frontier).num_edges == 0


@pytest.mark.parametrize(
    ("nodes", "hops", "error", "words"),
    [
        ([1, 1], 1, ValueError, "'nodes' must be distinct"),
        ([6], 1, ValueError, "'nodes'"),
        ([0], -1, ValueError, "'hops'"),
        ([0], 1.5, TypeError, "'hops'"),
        ([0.5], 1, TypeError, "'nodes'"),
    ],
)
def test_wrong_arguments_are_named(nodes, hops, error, words):
    with pytest.raises(error, match=words):
        PATH.frontier(nodes, hops)


def test_more_hops_than_there_are_is_an_error_with_the_remedy():
    with pytest.raises(ValueError, match=r"have 3 more hops, got 2 left. Make it with graph\."):
        PATH.frontier([0], 2).inward(3)


def test_a_signal_is_on_the_frontier_with_as_many_rows():
    frontier = PATH.frontier([0], 3)
    assert frontier.on(torch.zeros(2, 5)) is frontier.inward(2)
    assert frontier.domain_of(torch.zeros(3, 5)) is frontier.inward()
    assert frontier.domain_of(torch.zeros(5, 5)) is None
    with pytest.raises(ValueError, match=r"Pass x\[frontier\.nodes\]"):
        frontier.on(torch.zeros(6, 5))


def test_restrict_keeps_the_rows_that_are_left():
    frontier = PATH.frontier([0], 2)
    x = torch.arange(3.0).unsqueeze(1)
    assert frontier.restrict(x, frontier.inward()).tolist() == [[0.0], [1.0]]
    assert frontier.restrict(x, torch.zeros(1, 7)).tolist() == [[0.0]]
    assert PATH.restrict(x, torch.zeros(1, 7)) is x


def test_the_step_has_the_edges_to_the_next_frontier_with_their_columns():
    torch.manual_seed(0)
    edges = torch.randint(0, 30, (2, 80))
    graph = Graph(
        edges, 30, edge_weight=torch.rand(80), edge_type=torch.randint(0, 3, (80,)),
        edge_attr=torch.rand(80, 2),
    )  # fmt: skip
    frontier = graph.frontier([4, 9], 2)
    step, targets = step_graph(frontier), frontier.inward().nodes
    wanted = torch.isin(edges[1], targets)
    named = frontier.nodes[step.edge_index]
    rows = {
        (*pair, round(weight, 6), kind, round(attr[0], 6))
        for *pair, weight, kind, attr in zip(
            *named.tolist(), step.edge_weight.tolist(), step.edge_type.tolist(),
            step.edge_attr.tolist(), strict=True,
        )
    }  # fmt: skip
    expected = {
        (*pair, round(weight, 6), kind, round(attr[0], 6))
        for *pair, weight, kind, attr in zip(
            *edges[:, wanted].tolist(), graph.edge_weight[wanted].tolist(),
            graph.edge_type[wanted].tolist(), graph.edge_attr[wanted].tolist(), strict=True,
        )
    }  # fmt: skip
    assert rows == expected
    assert step.num_edges == int(wanted.sum())
    assert step.num_relations == graph.num_relations


def test_a_frontier_is_a_domain():
    frontier = PATH.frontier([0], 2)
    assert isinstance(frontier, Frontier)
    assert frontier.num_sites == 3
    assert frontier.signal_shape(4) == (3, 4)
    assert frontier.offsets.tolist() == [0, 3]
    assert frontier.to("cpu") is frontier
    x = torch.rand(3, 2)
    assert frontier.from_sites(frontier.to_sites(x)) is x
    assert repr(frontier) == "Frontier(num_nodes=3, hops=2, of 6 nodes)"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_have_the_same_nodes(copied):
    frontier = PATH.frontier([0], 2)
    other = copied(frontier)
    assert other.nodes.tolist() == frontier.nodes.tolist()
    assert other.inward().nodes.tolist() == frontier.inward().nodes.tolist()
