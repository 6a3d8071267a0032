import networkx as nx
import numpy as np
import pytest

from gnnvision.domains.layout import layout_graph, neighbor_distance


def edges_of(graph):
    return [tuple(sorted(edge)) for edge in graph.edges]


@pytest.mark.parametrize("size", [2, 12, 200])
def test_an_edge_is_about_1_long(size):
    edges = edges_of(nx.path_graph(size))
    found, aspect = layout_graph(size, edges)
    lengths = np.linalg.norm(found[[a for a, _ in edges]] - found[[b for _, b in edges]], axis=1)
    assert np.median(lengths) == pytest.approx(1, abs=0.05)
    assert 0.5 <= aspect <= 1


def test_the_longer_side_is_across():
    found, aspect = layout_graph(6, edges_of(nx.path_graph(6)))
    wide, tall = np.ptp(found, axis=0)
    assert wide == pytest.approx(5, rel=0.15)
    assert tall < 1
    assert aspect == 0.5


def test_parts_stand_apart():
    graph = nx.disjoint_union_all([nx.cycle_graph(5), nx.path_graph(4), nx.cycle_graph(3)])
    graph.add_node(12)
    found, _ = layout_graph(13, edges_of(graph))
    parts = [found[:5], found[5:9], found[9:12], found[12:]]
    for number, one in enumerate(parts):
        for other in parts[number + 1 :]:
            apart = np.linalg.norm(one[:, None] - other[None], axis=2).min()
            assert apart > 0.9
    assert neighbor_distance(found) > 0.7


def test_nothing_and_one_alone():
    assert layout_graph(0, [])[0].shape == (0, 2)
    found, aspect = layout_graph(1, [])
    assert found.tolist() == [[0.0, 0.0]]
    assert aspect == 1
    assert neighbor_distance(found) == 1
